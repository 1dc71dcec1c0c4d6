/**
 * The program as a victim: the whole of Quorate with four deterministic agents, which kills itself, its engine or its
 * model process at a given commit. Usage: program.ts <data dir> <ledger file> <kind of run> [<at> <what>]
 */
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { startQuorate } from '../../src/main.ts'
import type { Store } from '../../src/store/store.ts'
import { contentHash } from '../../src/workflow/content-hash.ts'
import type { RunEvent } from '../../src/workflow/event.ts'
import { hasEnded } from '../../src/workflow/run-state.ts'
import { errorsOnly } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { testConfiguration } from '../test-configuration.ts'
import { RUN_ID, victimDefinition } from './victim-run.ts'

const [data, ledger, kind, at, what] = process.argv.slice(2) as [string, string, 'plain' | 'model', string?, string?]
let commits = 0
/** With a model, commits count from its first answer on: before that there may be no process to strike. */
let counting = kind === 'plain'
const done = join(data, 'killed')
const kill = (): void => {
  if (existsSync(done)) return
  const pids =
    what === 'program' ? [process.pid] : what === 'engine' ? [quorate?.runs.engine_pid() ?? 0] : modelProcesses()
  // How many were struck: the test wants to see at least one.
  writeFileSync(done, String(pids.length))
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}

/** Children of ours that run the model. */
function modelProcesses(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const parent = Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[1])
        return parent === process.pid && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('hosts/local/child')
      } catch {
        return false
      }
    })
}

const byModel = (event: RunEvent): boolean => event.type === 'task_finished' && event.data.model !== null

/** Counts each commit of the run and strikes right after the one that was named. */
function counted(store: Store): Store {
  const after = async <T>(result: Promise<T>): Promise<T> => {
    const value = await result
    if (counting && ++commits === Number(at)) kill()
    return value
  }
  return {
    ...store,
    runs: { ...store.runs, create: (row, events) => after(store.runs.create(row, events)) },
    events: {
      ...store.events,
      append(batches) {
        const appended = after(store.events.append(batches))
        const answered = batches.some(({ events }) => events.some(byModel))
        return counting || !answered ? appended : appended.finally(() => (counting = true))
      },
    },
    blobs: { ...store.blobs, put: (bytes) => after(store.blobs.put(bytes)) },
    inbox: { ...store.inbox, put: (run, eid, input) => after(store.inbox.put(run, eid, input)) },
  }
}

const functions = createFunctions()
functions.register('worker', async (task) => {
  appendFileSync(ledger, `${task.task}\n`)
  await new Promise((resolve) => setTimeout(resolve, 10))
  // One agent's answers are large, so that values by reference are struck too.
  const text = task.task.endsWith('/b') ? `${task.task} `.repeat(600) : task.task
  return { task: task.task, seen: contentHash(task.input), text }
})

const started = await startQuorate(testConfiguration(data, kind === 'model'), {
  logger: errorsOnly,
  functions,
  around_store: counted,
})
if (!started.ok) {
  console.error(JSON.stringify(started.failure))
  process.exit(70)
}
const quorate = started.value
if ((await quorate.store.runs.get(RUN_ID)) === null) {
  const definition = await quorate.store.definitions.put(victimDefinition(kind), 'test', '')
  const run = await quorate.runs.start({
    kind: 'workflow',
    goal: null,
    definition: definition.hash,
    inputs: { subject: 'crash' },
    by: 'test',
    run: RUN_ID,
  })
  if (!run.ok) throw new Error(run.failure.message)
}
for (;;) {
  const row = await quorate.store.runs.get(RUN_ID)
  if (row !== null && hasEnded(row.status)) break
  await new Promise((resolve) => setTimeout(resolve, 5))
}
const { differences } = await replayAll(quorate.store)
if (differences.length > 0) throw new Error(`the log does not follow from its inputs: ${differences.join('; ')}`)
const events = await quorate.store.events.read(RUN_ID, 0, 10_000)
const last = events.at(-1)
if (last?.type !== 'run_finished') throw new Error('the log does not end with run_finished')
console.log(
  JSON.stringify({
    status: last.data.status,
    output: last.data.output,
    commits,
    gapless: events.every((event, i) => event.seq === i + 1),
  }),
)
await quorate.close()
