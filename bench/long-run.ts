/**
 * What a long run and many parked runs cost: does anything grow that should not?
 *
 * What is measured: one run of a loop with a task in each turn, through the whole product with nothing switched off; time
 * between calls of the agent (a function that returns 200 bytes), pages in use of the database, blocks of the engine's
 * folder, memory of this process after a collection. Then runs that wait for a signal: memory of a program and its
 * engine started over them. What is not: models, HTTP. The first 500 tasks of another run warm the program up.
 *
 * Usage: npm run bench -- long-run [--tasks=10000] [--parked=5000] [--root=DIR]
 */
import { spawn } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createFunctions } from '../src/agent-systems/function/function.ts'
import { type Quorate, startQuorate } from '../src/main.ts'
import type { Definition } from '../src/workflow/definition.ts'
import { replay } from '../src/workflow/replay.ts'
import { numberOption, option, workFolder } from '../test/proof/part-options.ts'
import { atMost, type Figure, percentile, printReport, progress } from '../test/proof/report.ts'
import { errorsOnly } from '../test/quiet-logger.ts'
import { testConfiguration } from '../test/test-configuration.ts'

const MB = 1_048_576
const GROWTH = 1.2
const tasks = numberOption('tasks', 10_000)
const parked = numberOption('parked', 5_000)
/** Tasks at each end that are compared: of a shorter run a tenth and a fifth. */
const ends = { time: Math.min(200, Math.floor(tasks / 10)), disk: Math.min(2_000, Math.floor(tasks / 5)) }
/** Tasks from which on it is worth half a minute to see what of the heap was kept for a time only. */
const WORTH_WAITING = 5_000
const result = 'x'.repeat(200)

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function start(data: string, worker: () => string): Promise<Quorate> {
  const functions = createFunctions()
  functions.register('worker', worker)
  const configuration = testConfiguration(data)
  const started = await startQuorate(
    { ...configuration, limits: { ...configuration.limits, queued_runs: Math.max(parked, 10_000) } },
    { logger: errorsOnly, functions },
  )
  if (!started.ok) throw new Error(started.failure.message)
  return started.value
}

const loopOf = (n: number): Definition => ({
  apiVersion: 'quorate/v1',
  name: `loop_${n}`,
  stages: [
    {
      id: 'l',
      kind: 'loop',
      max: n,
      until: 'false',
      stages: [{ id: 's', kind: 'tasks', tasks: [{ id: 't', agent: 'worker_a', instructions: 'Return 200 bytes.' }] }],
    },
  ],
})

async function runToEnd(quorate: Quorate, definition: Definition): Promise<string> {
  const { hash } = await quorate.store.definitions.put(definition, 'bench', '')
  const run = await quorate.runs.start({ kind: 'workflow', goal: null, definition: hash, inputs: {}, by: 'bench' })
  if (!run.ok) throw new Error(run.failure.message)
  for (;;) {
    const row = await quorate.store.runs.get(run.value.run)
    if (row?.status === 'completed') return run.value.run
    if (row?.ended_at != null) throw new Error(`${row.status}: ${row.reason}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** Bytes in use: of the database its pages without free ones, of the engine's folder its blocks. */
function bytesOf(data: string): { database: number; engine: number } {
  const db = new DatabaseSync(join(data, 'quorate.db'), { readOnly: true })
  const pragma = (name: string): number => Number(Object.values(db.prepare(`pragma ${name}`).get() ?? {})[0])
  const database = (pragma('page_count') - pragma('freelist_count')) * pragma('page_size')
  db.close()
  let engine = 0
  for (const name of readdirSync(join(data, 'engine'), { recursive: true })) {
    // The engine deletes files while we look.
    const seen = statSync(join(data, 'engine', String(name)), { throwIfNoEntry: false })
    if (seen?.isFile()) engine += seen.blocks * 512
  }
  return { database, engine }
}

const memory = (): { heap: number; resident: number } => {
  collect()
  const { heapUsed, rss } = process.memoryUsage()
  return { heap: heapUsed, resident: rss }
}

async function longRun(data: string): Promise<Figure[]> {
  const called: number[] = []
  let warm = true
  const disk = new Map<number, ReturnType<typeof bytesOf>>()
  const used = new Map<number, ReturnType<typeof memory>>()
  const early = Math.min(1_000, Math.floor(tasks / 4))
  const quorate = await start(data, () => {
    if (warm) return result
    const n = called.length
    if (n === 0 || n === ends.disk || n === tasks - ends.disk) disk.set(n, bytesOf(data))
    if (n === early) used.set(n, memory())
    if (n % 2_000 === 0) progress(`task ${n} of ${tasks}`)
    called.push(performance.now())
    return result
  })
  await runToEnd(quorate, loopOf(500))
  warm = false
  const run = await runToEnd(quorate, loopOf(tasks))
  disk.set(tasks, bytesOf(data))
  used.set(tasks, memory())
  // Results are kept for 30 s for an asking that is under way (src/durable/flights.ts), and swept by the next call.
  let later: number | null = null
  if (tasks >= WORTH_WAITING) {
    await new Promise((resolve) => setTimeout(resolve, 31_000))
    warm = true
    await runToEnd(quorate, loopOf(1))
    later = memory().heap
  }
  const engine_mb = residentOf(quorate.runs.engine_pid() ?? 0)
  const state_bytes = await stateBytes(quorate, run)
  await quorate.close()

  const gaps = called.slice(1).map((at, i) => at - (called[i] ?? at))
  const time = (part: number[]): { p50: number; mean: number } => ({
    p50: percentile(part, 0.5) ?? Number.NaN,
    mean: part.reduce((sum, gap) => sum + gap, 0) / part.length,
  })
  const [first, last] = [time(gaps.slice(0, ends.time)), time(gaps.slice(-ends.time))]
  const grown = (what: 'database' | 'engine', from: number, to: number): number =>
    ((disk.get(to)?.[what] ?? Number.NaN) - (disk.get(from)?.[what] ?? Number.NaN)) / (to - from)
  const whole = (what: 'database' | 'engine'): [number, number, number] => [
    grown(what, 0, ends.disk),
    grown(what, tasks - ends.disk, tasks),
    grown(what, 0, tasks),
  ]
  const [dbFirst, dbLast] = whole('database')
  const [engineFirst, engineLast, engineAll] = whole('engine')
  const [before, after] = [used.get(early), used.get(tasks)]
  return [
    {
      what: `ms per task, first ${ends.time} of ${tasks} (p50; mean ${first.mean.toFixed(2)})`,
      value: round(first.p50),
      unit: 'ms',
    },
    { what: `ms per task, last ${ends.time} (p50; mean ${last.mean.toFixed(2)})`, value: round(last.p50), unit: 'ms' },
    atMost(`ms per task: last ${ends.time} over first ${ends.time} (p50)`, round(last.p50 / first.p50), GROWTH),
    { what: `bytes per task in the database, first ${ends.disk}`, value: Math.round(dbFirst) },
    { what: `bytes per task in the database, last ${ends.disk}`, value: Math.round(dbLast) },
    atMost(
      `bytes per task in the database: last ${ends.disk} over first ${ends.disk}`,
      round(dbLast / dbFirst),
      GROWTH,
    ),
    {
      what: `bytes per task in the engine’s folder, first ${ends.disk} (its logs grow and shrink in steps)`,
      value: Math.round(engineFirst),
    },
    { what: `bytes per task in the engine’s folder, last ${ends.disk}`, value: Math.round(engineLast) },
    { what: 'bytes per task in the engine’s folder, whole run', value: Math.round(engineAll) },
    atMost(
      'engine’s folder: growth of the last part over that of the first, or 0 when it did not grow',
      engineLast <= 0 ? 0 : round(engineLast / Math.max(1, engineFirst)),
      GROWTH,
    ),
    { what: `heap after task ${early}`, value: megabytes(before?.heap), unit: 'MB' },
    { what: `heap after task ${tasks}`, value: megabytes(after?.heap), unit: 'MB' },
    {
      what: 'heap that grows with each task',
      value: Math.round(((after?.heap ?? 0) - (before?.heap ?? 0)) / (tasks - early)),
      unit: 'bytes',
    },
    ...(later === null ? [] : [{ what: 'heap half a minute after the end', value: megabytes(later), unit: 'MB' }]),
    { what: `resident memory of the program after task ${early}`, value: megabytes(before?.resident), unit: 'MB' },
    { what: `resident memory of the program after task ${tasks}`, value: megabytes(after?.resident), unit: 'MB' },
    { what: 'resident memory of the engine at the end', value: engine_mb, unit: 'MB' },
    { what: 'folded state of the run at its end', value: state_bytes, unit: 'bytes' },
  ]
}

const round = (value: number): number => Math.round(value * 100) / 100
const megabytes = (bytes = Number.NaN): number => Math.round(bytes / MB)

const residentOf = (pid: number): number => {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024)
  } catch {
    return Number.NaN
  }
}

/** What a run in hand takes, written as JSON: it is what would grow if something were kept for each task. */
async function stateBytes(quorate: Quorate, run: string): Promise<number> {
  const log = []
  for (let after = 0; ; ) {
    const page = await quorate.store.events.read(run, after, 5_000)
    if (page.length === 0) break
    log.push(...page)
    after = page.at(-1)?.seq ?? after
  }
  const hash = log.flatMap((event) => (event.type === 'run_started' ? [event.data.definition ?? ''] : []))[0] ?? ''
  const stored = await quorate.store.definitions.get(hash)
  if (stored === null) throw new Error('the definition of the run is gone')
  const replayed = replay(log, () => stored.definition)
  if (!replayed.identical) throw new Error(`the log does not replay: ${JSON.stringify(replayed.first_difference)}`)
  return JSON.stringify(replayed.state).length
}

async function parkedRuns(data: string): Promise<Figure[]> {
  const quorate = await start(data, () => result)
  const { hash } = await quorate.store.definitions.put(
    {
      apiVersion: 'quorate/v1',
      name: 'parked',
      stages: [{ id: 'w', kind: 'wait', signal: 'go', timeout: '30d', default: 'nothing' }],
    },
    'bench',
    '',
  )
  const began = performance.now()
  for (let i = 0; i < parked; i++) {
    const run = await quorate.runs.start({ kind: 'workflow', goal: null, definition: hash, inputs: {}, by: 'bench' })
    if (!run.ok) throw new Error(run.failure.message)
    if (i % 1_000 === 999) progress(`${i + 1} of ${parked} runs accepted`)
  }
  for (;;) {
    const { waiting } = await quorate.store.runs.counts()
    if (waiting === parked) break
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const seconds = (performance.now() - began) / 1_000
  await quorate.close()
  const child = spawn(process.execPath, [import.meta.filename, `--open-parked=${data}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let out = ''
  child.stdout.on('data', (text) => (out += text))
  await new Promise((resolve) => child.once('close', resolve))
  const { program, engine, ready_s } = JSON.parse(out) as { program: number; engine: number; ready_s: number }
  return [
    { what: `${parked} runs: time until all are parked`, value: round(seconds), unit: 's' },
    { what: `${parked} runs parked: start of the program over them`, value: ready_s, unit: 's' },
    { what: `${parked} runs parked: memory of the program after a restart`, value: program, unit: 'MB' },
    { what: `${parked} runs parked: memory of the engine after a restart`, value: engine, unit: 'MB' },
  ]
}

/** In a process of its own: what a program started over parked runs takes. */
async function openParked(data: string): Promise<void> {
  const began = performance.now()
  const quorate = await start(data, () => result)
  const ready_s = round((performance.now() - began) / 1_000)
  collect()
  const program = Math.round(process.memoryUsage().rss / MB)
  process.stdout.write(JSON.stringify({ program, engine: residentOf(quorate.runs.engine_pid() ?? 0), ready_s }))
  await quorate.close()
}

async function main(): Promise<void> {
  const { root, tidy } = workFolder('long')
  const folder = (name: string): string => {
    mkdirSync(join(root, name), { recursive: true })
    return join(root, name)
  }
  const figures = await longRun(folder('long-run'))
  if (parked > 0) figures.push(...(await parkedRuns(folder('long-parked'))))
  for (const name of ['long-run', 'long-parked']) rmSync(join(root, name, 'engine'), { recursive: true, force: true })
  tidy()
  for (const { what, value, unit = '', promise } of figures)
    process.stderr.write(`${what}: ${value} ${unit}${promise === undefined ? '' : ` (promise ${promise})`}\n`)
  printReport({ part: 'long', figures, not_run: [], seed: null })
}

const opened = option('open-parked', '')
if (opened !== '') await openParked(opened)
else await main()
