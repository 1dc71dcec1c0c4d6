/**
 * A clock that jumps: an hour backwards and right again while a run waits on a timer, a day forwards while it waits for a
 * signal with a time-out. Only the program's clock is set, the engine's is not. Times of events are what the clock said;
 * what happens after what is said by their numbers alone.
 */
import { join } from 'node:path'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { startQuorate } from '../../src/main.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import { hasEnded } from '../../src/workflow/run-state.ts'
import { until } from '../e2e/running-product.ts'
import { quietLogger } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { testConfiguration } from '../test-configuration.ts'
import { exactly, type Figure, progress } from './report.ts'
import type { StorageFindings } from './storage-findings.ts'

const TIMER_MS = 3_000
const ENDS_WITHIN_MS = 90_000
const JUMPS = { 'a day forwards': 86_400_000, 'an hour backwards and right again': -3_600_000 } as const

const round = (id: string) => ({
  id,
  kind: 'tasks' as const,
  tasks: ['a', 'b'].map((name) => ({ id: name, agent: `worker_${name}`, instructions: 'Work' })),
})
const definition = {
  apiVersion: 'quorate/v1',
  name: 'clock',
  stages: [
    round('first'),
    { id: 'pause', kind: 'timer', for: `${TIMER_MS}ms` },
    { id: 'word', kind: 'wait', signal: 'never', timeout: `${TIMER_MS}ms`, default: 'nobody', on_failure: 'continue' },
    round('last'),
  ],
  output: { last: '=last.output' },
} as unknown as Definition

export async function clockJumps(root: string): Promise<StorageFindings> {
  const real = Date.now
  const problems: string[] = []
  const figures: Figure[] = []
  for (const [name, by] of Object.entries(JUMPS)) {
    let offset = 0
    Date.now = () => real() + offset
    const functions = createFunctions()
    functions.register('worker', async ({ task }) => ({ task }))
    const started = await startQuorate(testConfiguration(join(root, `clock${by}`)), { logger: quietLogger, functions })
    if (!started.ok) throw new Error(started.failure.message)
    const { store, runs, close } = started.value
    try {
      const { hash } = await store.definitions.put(definition, 'proof', '')
      const began = performance.now()
      const run = await runs.start({ kind: 'workflow', goal: null, definition: hash, inputs: {}, by: 'proof' })
      if (!run.ok) throw new Error(run.failure.message)
      const id = run.value.run
      const types = async () => (await store.events.read(id, 0, 1_000)).map((event) => event.type)
      const waits = (seen: string[]): boolean => seen.includes('wait_started')
      if (by < 0) {
        await until(types, (seen) => seen.filter((type) => type === 'stage_started').length >= 2, ENDS_WITHIN_MS)
        offset = by
        await until(types, waits, ENDS_WITHIN_MS)
        offset = 0
      } else {
        // Only now: a timer that is set later would be set by two clocks that are a day apart.
        await until(types, waits, ENDS_WITHIN_MS)
        offset = by
      }
      const row = await until(
        () => store.runs.get(id),
        (seen) => seen !== null && hasEnded(seen.status),
        ENDS_WITHIN_MS,
      )
      const took = performance.now() - began
      const events = await store.events.read(id, 0, 1_000)
      if (row?.status !== 'completed') problems.push(`clock ${name}: ${row?.status}, ${row?.reason}`)
      if (!events.every((event, i) => event.seq === i + 1)) problems.push(`clock ${name}: the log has a gap`)
      // A deadline is a moment of the clock: set forwards it has come, set backwards it comes no earlier.
      if (by < 0 && took < 2 * TIMER_MS) problems.push(`clock ${name}: timers fired early, after ${took} ms`)
      const { differences } = await replayAll(store)
      problems.push(...differences.map((each) => `clock ${name}: ${each}`))
      figures.push({
        what: `clock ${name}: two waits of 3 s took`,
        value: Math.round(took / 100) / 10,
        unit: 's',
      })
      progress(`clock ${name}: ${Math.round(took)} ms`)
    } catch (error) {
      problems.push(`clock ${name}: ${String(error)}`)
    } finally {
      await close()
      Date.now = real
    }
  }
  figures.push(exactly('clock: runs that hung, ended otherwise, or fired early', problems.length, 0))
  return { figures, problems, not_run: ['a jump of the engine’s own clock: it is another process, linked statically'] }
}
