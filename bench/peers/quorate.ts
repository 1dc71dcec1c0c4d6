/**
 * Quorate whole, nothing switched off: registry, choice of agent, admission, breaker, effect class, events in the database
 * (full sync). The agent is a function. No HTTP, no planning, no models.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { startQuorate } from '../../src/main.ts'
import type { Definition, Stage } from '../../src/workflow/definition.ts'
import type { Json } from '../../src/workflow/value.ts'
import { errorsOnly } from '../../test/quiet-logger.ts'
import { testConfiguration } from '../../test/test-configuration.ts'
import { checkOutput, type Steps, type System, serve } from './system.ts'

/** Stages that are written out one after the other; longer runs are a loop. */
const LONGEST = 2_000

export async function openQuorate(folder: string, steps: Steps): Promise<System> {
  const functions = createFunctions()
  functions.register('worker', ({ task, input }) =>
    steps.step(Number(input.run ?? 0), Number(input.i ?? /\d+/.exec(task)?.[0]), input.text as string),
  )
  const configuration = testConfiguration(folder)
  const started = await startQuorate(
    {
      ...configuration,
      // The limits are set to the workload: what is measured is the cost of a task, not the wait for a place.
      limits: { ...configuration.limits, max_parallel_workflows: 200, agent_pool_size: 1_000, queued_runs: 10_000 },
      agents: configuration.agents.map((agent) => ({ ...agent, concurrency: 1_000 })),
    },
    { logger: errorsOnly, functions },
  )
  if (!started.ok) throw new Error(started.failure.message)
  const quorate = started.value

  const task = (id: string, input: { [name: string]: Json }) => ({
    id,
    agent: 'worker_a',
    instructions: 'Return 200 bytes.',
    input,
  })
  const stage = (id: string, input: { [name: string]: Json }): Stage => ({
    id,
    kind: 'tasks',
    tasks: [task('t', input)],
  })
  const store = async (name: string, stages: Stage[]): Promise<string> => {
    const inputs = { run: { type: 'number' }, text: { type: 'text', default: '' } } as const
    const definition: Definition = { apiVersion: 'quorate/v1', name, inputs, stages }
    return (await quorate.store.definitions.put(definition, 'bench', '')).hash
  }
  const row = (n: number): Promise<string> => {
    const given = { run: '=inputs.run', text: '=inputs.text' }
    return store(
      `row-${n}`,
      n > LONGEST
        ? [{ id: 'l', kind: 'loop', max: n, until: 'false', stages: [stage('s', { ...given, i: '=iteration - 1' })] }]
        : Array.from({ length: n }, (_, i) => stage(`s${i}`, given)),
    )
  }
  const start = async (definition: string, run: number, text = ''): Promise<string> => {
    const inputs = { run, text }
    const begun = await quorate.runs.start({ kind: 'workflow', goal: null, definition, inputs, by: 'bench' })
    if (!begun.ok) throw new Error(begun.failure.message)
    return begun.value.run
  }
  /** Looks at one run at a time by a timer: looking after each event would be part of what is measured. */
  const ended = async (run: string): Promise<void> => {
    for (;;) {
      const seen = await quorate.store.runs.get(run)
      if (seen?.ended_at != null) {
        if (seen.status !== 'completed') throw new Error(`${seen.status}: ${seen.reason}`)
        return
      }
      await wait(5)
    }
  }
  /** Results of the tasks in the order of their ends, from the event log. */
  const outputOf = async (run: string): Promise<Json[]> => {
    const results: Json[] = []
    for (let after = 0; ; ) {
      const page = await quorate.store.events.read(run, after, 5_000)
      if (page.length === 0) return results
      for (const event of page)
        if (event.type === 'task_finished') results.push((event.data as { output: Json }).output)
      after = page.at(-1)?.seq ?? after
    }
  }
  const check = async (run: string, n: number): Promise<void> => checkOutput(await outputOf(run), n)

  return {
    stored: 'events in SQLite with synchronous=FULL: one fsync for all that comes while the one before is under way',
    async sequence(n, carried) {
      const definition = await row(n)
      steps.began()
      const run = await start(definition, 0, steps.carry(carried))
      await ended(run)
      const times = steps.began()
      await check(run, n)
      return times
    },
    async many(runs, tasks) {
      const definition = await row(tasks)
      const began = performance.now()
      const ids = await Promise.all(Array.from({ length: runs }, (_, run) => start(definition, run)))
      for (const id of ids) await ended(id)
      const seconds = (performance.now() - began) / 1_000
      for (const id of ids) await check(id, tasks)
      return seconds
    },
    async fan(n) {
      const tasks = Array.from({ length: n }, (_, i) => task(`t${i}`, { i }))
      const definition = await store(`fan-${n}`, [
        { id: 'all', kind: 'tasks', tasks },
        { id: 'join', kind: 'tasks', tasks: [task('t', { i: n })] },
      ])
      const began = performance.now()
      const run = await start(definition, 0)
      await ended(run)
      const ms = performance.now() - began
      const results = (await outputOf(run)).sort(
        (a, b) => Number.parseInt(String(a), 10) - Number.parseInt(String(b), 10),
      )
      checkOutput(results, n + 1)
      return ms
    },
    async begin(runs, tasks) {
      steps.hold()
      const definition = await row(tasks)
      await Promise.all(Array.from({ length: runs }, (_, run) => start(definition, run)))
      await steps.waiting(runs)
    },
    async finish(runs) {
      const { items } = await quorate.store.runs.list({ limit: runs + 1 })
      if (items.length !== runs) throw new Error(`LOST: ${items.length} runs of ${runs}`)
      for (const { id } of items) await ended(id)
    },
    async check(_, tasks) {
      // The others' answers bring the output; here it is read out of the logs, when all is done.
      for (const { id } of (await quorate.store.runs.list({ limit: 1_000 })).items) await check(id, tasks)
    },
    async park(n) {
      const definition = await store('parked', [
        { id: 'w', kind: 'wait', signal: 'go', timeout: '30d', default: 'nothing' },
      ])
      for (let i = 0; i < n; i++) await start(definition, i)
      while ((await quorate.store.runs.counts()).waiting !== n) await wait(50)
    },
    close: () => quorate.close(),
  }
}

if (import.meta.main) await serve(openQuorate)
