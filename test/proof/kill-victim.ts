/**
 * The program as a victim: a run of 30 tasks, four side by side, half of them in process and half by HTTP. It counts the
 * commits of its store and may kill itself or its engine at one of them.
 * Usage: kill-victim.ts <data dir> <address of the outside work> [<commit> <before | after> <program | engine>] [--acks=FILE]
 * With a file of acknowledgements it writes a line `ack <seq>` there for every event that it was told is stored.
 */
import { openSync, writeSync } from 'node:fs'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { agentInput } from '../../src/agents/agent.ts'
import { type Quorate, startQuorate } from '../../src/main.ts'
import type { Store } from '../../src/store/store.ts'
import { contentHash } from '../../src/workflow/content-hash.ts'
import type { Definition, Stage } from '../../src/workflow/definition.ts'
import { hasEnded } from '../../src/workflow/run-state.ts'
import { errorsOnly } from '../quiet-logger.ts'
import { testConfiguration } from '../test-configuration.ts'
import { option } from './part-options.ts'

export const RUN_ID = 'run_01a00000-0000-7000-8000-000000000030'
export const TASKS = 30
export const SIDE_BY_SIDE = 4

/** What the victim prints at its end. Moments are milliseconds since 1970. */
export type VictimReport = {
  status: string
  output: string
  gapless: boolean
  commits: number
  began: number
  completed: number
  /** When it killed the engine itself; null = it did not. */
  struck: number | null
  /** Commits of events, and when an engine was first seen with this process id. */
  appended: number[]
  engines: { pid: number; at: number }[]
}

export function victimDefinition(): Definition {
  const stage = (n: number): Stage => ({
    id: `s${n}`,
    kind: 'tasks',
    tasks: ['a', 'b', 'c', 'd'].slice(0, TASKS - (n - 1) * SIDE_BY_SIDE).map((id) => ({
      id,
      agent: id === 'a' || id === 'b' ? 'inside' : 'outside',
      instructions: `Work of ${id}`,
      ...(n === 1 ? {} : { input: { before: `=s${n - 1}.output` } }),
    })),
  })
  return {
    apiVersion: 'quorate/v1',
    name: 'thirty',
    stages: Array.from({ length: Math.ceil(TASKS / SIDE_BY_SIDE) }, (_, i) => stage(i + 1)),
    output: { first: '=s1.output', last: '=s8.output' },
  }
}

if (import.meta.main) await main()

async function main(): Promise<void> {
  const [data, outside, at, when, what] = process.argv.slice(2).filter((argument) => !argument.startsWith('--')) as [
    string,
    string,
    string?,
    string?,
    string?,
  ]
  // Whoever started it holds its input open: a victim does not outlive the proof.
  process.stdin.on('end', () => process.exit(70)).resume()
  let commits = 0
  let struck: number | null = null
  let quorate: Quorate | null = null
  const appended: number[] = []
  const acks = option('acks', '') === '' ? null : openSync(option('acks', ''), 'a')
  /** Not later than anybody else learns of it. */
  const acknowledge = (events: readonly { seq: number }[]): void => {
    if (acks !== null && events.length > 0) writeSync(acks, `ack ${events.at(-1)?.seq}\n`)
  }
  const strike = (commit: number, side: 'before' | 'after'): void => {
    if (struck !== null || commit !== Number(at) || side !== when) return
    struck = Date.now()
    process.kill(what === 'program' ? process.pid : (quorate?.runs.engine_pid() ?? 0), 'SIGKILL')
  }
  const commit = async <T>(work: () => Promise<T>): Promise<T> => {
    const number = ++commits
    strike(number, 'before')
    const value = await work()
    strike(number, 'after')
    return value
  }
  /** Commits of the run: those of the start, before it, are counted by nobody. */
  const counted = (store: Store): Store => ({
    ...store,
    runs: {
      ...store.runs,
      create: async (row, events) => {
        const done = await commit(() => store.runs.create(row, events))
        if (done.ok) acknowledge(events)
        return done
      },
    },
    events: {
      ...store.events,
      append: async (batches) => {
        const done = await commit(() => store.events.append(batches))
        for (const batch of batches) acknowledge(batch.events)
        if (batches.some((batch) => batch.events.length > 0)) appended.push(Date.now())
        return done
      },
    },
    blobs: { ...store.blobs, put: (bytes) => commit(() => store.blobs.put(bytes)) },
    inbox: { ...store.inbox, put: (run, eid, input) => commit(() => store.inbox.put(run, eid, input)) },
  })

  const functions = createFunctions()
  functions.register('worker', async ({ task, input }, { signal }) => {
    const response = await fetch(outside, { method: 'POST', body: JSON.stringify({ task, input }), signal })
    return (await response.json()) as { [key: string]: string }
  })
  const configuration = testConfiguration(data)
  const started = await startQuorate(
    {
      ...configuration,
      outbound: { allow: ['127.0.0.1'] },
      agents: [
        agentInput.parse({ name: 'inside', system: 'function', settings: { function: 'worker' } }),
        agentInput.parse({
          name: 'outside',
          system: 'http',
          settings: { url: outside, effect: 'pure', body: { task: '{{task}}', input: '{{input}}' } },
        }),
      ],
    },
    { logger: errorsOnly, functions, around_store: counted },
  )
  if (!started.ok) {
    console.error(JSON.stringify(started.failure))
    process.exit(70)
  }
  quorate = started.value
  const { store, runs } = quorate
  const engines: VictimReport['engines'] = []
  const look = (): void => {
    const pid = runs.engine_pid()
    if (pid !== null && pid !== engines.at(-1)?.pid) engines.push({ pid, at: Date.now() })
  }
  look()
  process.stdout.write(`ready ${runs.engine_pid()} ${process.pid}\n`)
  const began = Date.now()
  if ((await store.runs.get(RUN_ID)) === null) {
    const { hash } = await store.definitions.put(victimDefinition(), 'proof', '')
    const run = await runs.start({
      kind: 'workflow',
      goal: null,
      definition: hash,
      inputs: {},
      by: 'proof',
      run: RUN_ID,
    })
    if (!run.ok) throw new Error(run.failure.message)
  }
  let row = await store.runs.get(RUN_ID)
  while (row === null || !hasEnded(row.status)) {
    await new Promise((resolve) => setTimeout(resolve, 5))
    look()
    row = await store.runs.get(RUN_ID)
  }
  const completed = Date.now()
  const events = await store.events.read(RUN_ID, 0, 10_000)
  const last = events.at(-1)
  if (last?.type !== 'run_finished') throw new Error('the log does not end with run_finished')
  const report: VictimReport = {
    status: last.data.status,
    output: contentHash(last.data.output),
    gapless: events.every((event, i) => event.seq === i + 1),
    commits,
    began,
    // The last commit holds the end of the run; a victim that is started after it has none.
    completed: appended.at(-1) ?? completed,
    struck,
    appended,
    engines,
  }
  process.stdout.write(`report ${JSON.stringify(report)}\n`)
  await quorate.close()
  process.exit(0)
}
