/**
 * The program in its own process, at its limits, for as long as wanted, while faults strike at random moments: agents'
 * processes are killed, model hosts hang, stall, slow down, answer 429, 500 or garbage; the engine and the program are
 * killed. These two only in the first fifth and at the very end, because memory is to be seen in a process that lives on.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { hasEnded, type RunStatus, runStatuses } from '../../src/workflow/run-state.ts'
import { call, freePort, type Product, startProduct } from '../e2e/running-product.ts'
import type { Weather } from '../faults/minded-host.stand-in.ts'
import { progress } from '../proof/report.ts'
import { diceOf } from '../simulation/dice.ts'
import type { Sample } from './flatness.ts'
import { configure, hostNames, openWorld, RUNS_KEPT, soakDefinition } from './real-load.ts'
import { inEnvironment, openHandles, processesNamed, residentMb } from './watched-process.ts'

/** Parts of the time: kills of program and engine end here, and begin again there. */
const KILLS_UNTIL = 0.2
const KILLS_FROM = 0.95
/** What is sampled begins when a program that was killed last has warmed up. */
const SAMPLED_FROM = 1 / 3
const SAMPLE_MS = 1_000
const HEAP_EVERY = 4
/** Long runs go on for this part of the time; none begins later than they can end in it. */
const LONG = 1 / 3
const LONG_UNTIL = 0.6
/** For runs to end once everything is well again. */
const END_MS = 180_000

export const series = ['program_mb', 'heap_mb', 'program_handles', 'engine_mb', 'engine_handles', 'lag_ms'] as const
export type Series = (typeof series)[number]

export type SoakFindings = {
  samples: { [name in Series]: Sample[] }
  faults: { [kind: string]: number }
  /** Seconds from a kill of the program until it is ready again. */
  back_s: number[]
  /** At each look. */
  executing: number[]
  in_flight: number[]
  runs: { [status: string]: number }
  /** Not in an ended state long after all was well again. */
  undefined_ends: string[]
  /** Milliseconds from a run's acceptance to its first task, and of a task for a place at an agent. */
  run_waits: number[]
  task_waits: number[]
  calls: number
  failed_calls: number
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const weathers: readonly Weather[] = [
  { kind: 'hangs' },
  { kind: 'stalls' },
  { kind: 'slow', times: 4 },
  { kind: 'answers', status: 429, body: '{"error":{"message":"slow down"}}' },
  { kind: 'answers', status: 500, body: '{"error":{"message":"out of memory"}}' },
  { kind: 'garbage' },
  { kind: 'other_dialect' },
]

export async function realSoak(root: string, seed: number, minutes: number): Promise<SoakFindings> {
  const folder = join(root, 'soak')
  mkdirSync(folder, { recursive: true })
  const host = await openWorld()
  configure(folder, host)
  const port = await freePort()
  const data = join(folder, 'data')
  let product: Product = await startProduct(folder, port)
  const dice = diceOf(seed)
  const began = Date.now()
  const whole = minutes * 60_000
  const share = (): number => (Date.now() - began) / whole
  const found: SoakFindings = {
    samples: { program_mb: [], heap_mb: [], program_handles: [], engine_mb: [], engine_handles: [], lag_ms: [] },
    faults: {},
    back_s: [],
    executing: [],
    in_flight: [],
    runs: {},
    undefined_ends: [],
    run_waits: [],
    task_waits: [],
    calls: 0,
    failed_calls: 0,
  }
  const strike = (kind: string): void => {
    found.faults[kind] = (found.faults[kind] ?? 0) + 1
  }
  const enginePid = (): number | undefined => processesNamed('restate-server', data)[0]
  let down = false

  async function killProgram(): Promise<void> {
    strike('program killed')
    down = true
    const killed = Date.now()
    await product.stop('SIGKILL')
    product = await startProduct(folder, port)
    found.back_s.push((Date.now() - killed) / 1_000)
    down = false
  }

  async function killEngine(): Promise<void> {
    const pid = enginePid()
    if (pid !== undefined && processKilled(pid)) strike('engine killed')
  }
  /** As many of each as there are six minutes, at moments by chance early on; then one of each at the end. */
  async function kills(): Promise<void> {
    const each = Math.max(1, Math.round(minutes / 6))
    const early = Array.from({ length: each }, () => [killProgram, killEngine]).flat()
    const planned = [
      ...early.map((kill) => ({ kill, at: KILLS_UNTIL * (0.2 + 0.8 * dice.roll()) })),
      { kill: killEngine, at: KILLS_FROM },
      { kill: killProgram, at: KILLS_FROM + 0.02 },
    ].sort((a, b) => a.at - b.at)
    for (const { kill, at } of planned) {
      await sleep(Math.max(0, (at - share()) * whole))
      await kill()
    }
  }
  async function faults(): Promise<void> {
    while (share() < 1) {
      if (dice.chance(0.25)) {
        const agents = processesNamed('outside-agent.ts').filter((pid) => inEnvironment(pid, data))
        if (agents.length > 0 && processKilled(dice.one(agents))) strike('process of an agent killed')
      } else void badWeather(dice.one(hostNames), dice.one(weathers), dice.between(3_000, 15_000))
      await sleep(Math.min(dice.between(2_000, 10_000), whole / 20))
    }
  }
  async function badWeather(name: string, weather: Weather, ms: number): Promise<void> {
    if (host.weather.get(name)?.kind !== 'well') return
    strike(`model host: ${weather.kind === 'answers' ? weather.status : weather.kind.replace('_', ' ')}`)
    host.weather.set(name, weather)
    await sleep(ms)
    host.weather.set(name, { kind: 'well' })
  }

  /** What the program's own heap holds, rubbish that was not collected yet included. */
  async function heapMb(): Promise<number | null> {
    const text = await fetch(`${product.url}/metrics`).then(
      (answer) => answer.text(),
      () => '',
    )
    const bytes = /^nodejs_heap_size_used_bytes (\S+)$/m.exec(text)?.[1]
    return bytes === undefined ? null : Number(bytes) / 2 ** 20
  }

  async function sample(): Promise<void> {
    let engine: number | undefined
    let looks = 0
    while (share() < 1) {
      await sleep(SAMPLE_MS)
      if (down) continue
      const asked = performance.now()
      const status = await call(product, 'GET', '/orchestration_status').catch(() => null)
      const lag = performance.now() - asked
      const queue = status?.body.queue as { runs_executing: number; calls_in_flight: number } | undefined
      if (queue !== undefined) {
        found.executing.push(queue.runs_executing)
        found.in_flight.push(queue.calls_in_flight)
      }
      const at = share()
      if (at < SAMPLED_FROM || at > KILLS_FROM || status === null) continue
      engine ??= enginePid()
      const note = (name: Series, value: number | null): void => {
        if (value !== null) found.samples[name].push({ at: Date.now(), value })
      }
      note('lag_ms', lag)
      note('program_mb', residentMb(product.child.pid ?? 0))
      note('program_handles', openHandles(product.child.pid ?? 0))
      if (++looks % HEAP_EVERY === 0) note('heap_mb', await heapMb())
      note('engine_mb', engine === undefined ? null : residentMb(engine))
      note('engine_handles', engine === undefined ? null : openHandles(engine))
    }
  }

  const accepted = new Set<string>()
  /** Keeps as many runs alive as wanted. */
  async function keep(): Promise<void> {
    for (let n = 0; share() < 1; await sleep(300)) {
      const open = await openRuns()
      for (let more = open === null ? 0 : RUNS_KEPT - open; more > 0 && share() < 1; more--) {
        const body = {
          definition: soakDefinition(n++, seed, share() < LONG_UNTIL ? LONG * whole : null),
          inputs: {},
          goal: 'Find values.',
        }
        const answer = await call(product, 'POST', '/create_workflow', body).catch(() => null)
        if (answer?.status === 202) accepted.add(String(answer.body.run_id))
      }
    }
  }
  /** Runs that have not ended; null while nobody answers. */
  async function openRuns(): Promise<number | null> {
    const answer = await call(product, 'GET', '/orchestration_status').catch(() => null)
    const counts = answer?.body.workflows as { [status: string]: number } | undefined
    if (counts === undefined) return null
    return runStatuses.reduce((sum, status) => sum + (hasEnded(status) ? 0 : (counts[status] ?? 0)), 0)
  }

  const telling = setInterval(
    () =>
      progress(`soak: ${Math.round(100 * share())} %, ${accepted.size} runs, faults ${JSON.stringify(found.faults)}`),
    60_000,
  )
  try {
    await Promise.all([kills(), faults(), sample(), keep()])
    for (const name of hostNames) host.weather.set(name, { kind: 'well' })
    for (const deadline = Date.now() + END_MS; Date.now() < deadline && (await openRuns()) !== 0; ) await sleep(250)
    const ended = await product.stop('SIGINT')
    if (ended.code !== 0) found.undefined_ends.push(`the program ended with ${ended.code ?? ended.signal}`)
    readDatabase(join(data, 'quorate.db'), accepted, found)
  } catch (error) {
    progress(product.output().slice(-3_000))
    throw error
  } finally {
    clearInterval(telling)
    if (product.child.exitCode === null && product.child.signalCode === null) await product.stop('SIGKILL')
    await host.close()
  }
  return found
}

const processKilled = (pid: number): boolean => {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** What became of every run, and how long it and its tasks waited. */
function readDatabase(file: string, accepted: ReadonlySet<string>, found: SoakFindings): void {
  const db = new DatabaseSync(file, { readOnly: true })
  const rows = (sql: string) => db.prepare(sql).all() as { [column: string]: string | number | null }[]
  try {
    const known = new Set<string>()
    for (const { id, status, reason } of rows('select id, status, reason from runs')) {
      known.add(String(id))
      found.runs[String(status)] = (found.runs[String(status)] ?? 0) + 1
      if (!hasEnded(status as RunStatus)) found.undefined_ends.push(`${id}: ${status}, ${reason}`)
    }
    for (const run of accepted) if (!known.has(run)) found.undefined_ends.push(`${run} was accepted and is gone`)
    // Derived events bear the moment of the input that made them: when a task was taken up follows from its end.
    const first = `select r.created_at as created,
        min(e.at - json_extract(e.data, '$.duration_ms') - json_extract(e.data, '$.queued_ms')) as first
      from runs r join events e on e.run = r.id and e.type in ('task_finished', 'task_failed') group by r.id`
    for (const { created, first: at } of rows(first)) found.run_waits.push(Math.max(0, Number(at) - Number(created)))
    const calls = `select type, json_extract(data, '$.queued_ms') as queued from events
      where type in ('task_finished', 'task_failed')`
    for (const { type, queued } of rows(calls)) {
      found.calls++
      if (type === 'task_failed') found.failed_calls++
      found.task_waits.push(Number(queued))
    }
  } finally {
    db.close()
  }
}
