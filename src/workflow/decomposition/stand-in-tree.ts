/** A tree of runs without server and clock, for tests of decomposition: agents and planner are functions. */
import assert from 'node:assert/strict'
import { divisionToDefinition } from '../../planning/division-to-definition.ts'
import { divisionRequest } from '../../planning/plan-step.ts'
import { checkDefinition } from '../check-definition/check-definition.ts'
import type { CallAgent, DivideTask, Step } from '../command.ts'
import { contentHash } from '../content-hash.ts'
import type { Definition, Task } from '../definition.ts'
import type { EventData, RunEvent, RunInput } from '../event.ts'
import { type Course, feedCourse, newCourse } from '../fold.ts'
import { replay } from '../replay.ts'
import type { Json } from '../value.ts'
import { reportOf } from './progress.ts'
import type { Decompose } from './schema.ts'

export const usage = { input_tokens: 10, output_tokens: 10, calls: 1 }

type Answers = {
  /** What an agent gives; undefined = it fails. */
  agent: (call: CallAgent, level: number) => Json | undefined
  /** How many parts the planner proposes, and how they are to be combined. */
  planner: (step: DivideTask, level: number) => Partial<EventData['decomposition_proposed']>
  /** To what a person raises the calls of a run that waits for it; it fails the test otherwise. */
  raise?: (limit: number) => number
}

/** A tree of runs, each driven to its end before the one that waits for it goes on. No server, no clock. */
export function world(answers: Answers) {
  const definitions = new Map<string, Definition>()
  const logs = new Map<string, RunEvent[]>()
  const count = { executions: 0, plans: 0, runs: 0, level: 0, undone: 0 }
  const store = (definition: Definition): string => {
    const checked = checkDefinition(definition)
    assert.ok(checked.ok, JSON.stringify(checked))
    const hash = contentHash(definition)
    definitions.set(hash, definition)
    return hash
  }
  const definitionOf = (hash: string): Definition => definitions.get(hash) as Definition

  const answerTo = (step: Step, course: Course, at: number): RunInput => {
    const level = course.state.decomposition?.level ?? 1
    count.level = Math.max(count.level, level)
    if (step.do === 'call_agent') {
      const undoes = step.task.includes('~undo')
      if (undoes) count.undone++
      else count.executions++
      const { task, attempt } = step
      const base = { task, attempt, usage, duration_ms: 1, queued_ms: 0, why: '' }
      const output = undoes ? 'undone' : answers.agent(step, level)
      if (output === undefined)
        return {
          at,
          type: 'task_failed',
          data: {
            ...base,
            agent: 'a',
            failure: { kind: 'agent_failed', message: `no ${count.executions}` },
            retryable: false,
          },
        }
      return { at, type: 'task_finished', data: { ...base, agent: 'a', model: null, output, effect_key: 'k' } }
    }
    if (step.do === 'divide') {
      const { task, attempt } = step
      const said = {
        logic: 'and' as const,
        parts: [],
        problems: [],
        ...answers.planner(step, level),
        analysis: 'because',
      }
      const fits = said.parts.length > 1 && said.parts.length <= step.breadth && said.logic !== null
      const request = divisionRequest('run', step, {})
      const definition = fits
        ? store(divisionToDefinition({ logic: said.logic ?? 'and', analysis: said.analysis }, said.parts, request))
        : null
      return {
        at,
        type: 'decomposition_proposed',
        data: { task, attempt, definition, model: 'm', usage, raw: null, duration_ms: 1, ...said },
      }
    }
    assert.equal(step.do, 'start_run')
    if (step.do !== 'start_run') throw new Error('unreachable')
    count.plans++
    const child = drive(step.run, step.definition, step)
    const { state } = child
    return {
      at,
      type: 'child_finished',
      data: {
        stage: step.stage,
        run: step.run,
        ...reportOf(state),
      },
    }
  }

  const drive = (run: string, definition: string, more: Partial<Extract<Step, { do: 'start_run' }>> = {}): Course => {
    count.runs++
    const course = newCourse(run)
    const events: RunEvent[] = []
    let at = 1_000
    const feed = (input: RunInput): void => {
      events.push(...feedCourse(definitionOf, course, JSON.parse(JSON.stringify(input))).events)
    }
    const { budget, decomposition, inputs } = more
    feed({
      at,
      type: 'run_started',
      data: {
        goal: 'goal',
        definition,
        inputs: inputs ?? {},
        by: 'test',
        ...(budget === undefined ? {} : { budget }),
        ...(decomposition === undefined ? {} : { decomposition }),
      },
    })
    for (let turns = 0; course.state.ended_at === undefined; turns++) {
      assert.ok(turns < 5_000, 'no end')
      const [step] = course.owed.values()
      at += 10
      const limit = course.state.budget?.tree.accounts['run']?.limits.calls
      if (step === undefined && answers.raise !== undefined && limit !== undefined) {
        assert.match(course.state.reason, /has to be raised/)
        feed({ at, type: 'budget_raised', data: { unit: 'calls', to: answers.raise(limit), by: 'me', reason: 'on' } })
        continue
      }
      assert.ok(step !== undefined, `stuck: ${course.state.reason}`)
      feed(answerTo(step, course, at))
    }
    logs.set(run, events)
    assert.ok(replay(JSON.parse(JSON.stringify(events)) as RunEvent[], definitionOf).identical, 'the log replays')
    return course
  }
  return { count, logs, store, drive, all: () => [...logs.values()].flat() }
}

export const parts = (n: number, name: string): { capability: string; does: string }[] =>
  Array.from({ length: n }, (_, i) => ({ capability: 'work', does: `Do piece ${i + 1} of ${name}` }))

export const definitionWith = (
  decompose: Decompose,
  task: Partial<Task> = {},
  more: Partial<Definition> = {},
): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'whole',
  stages: [
    {
      id: 'only',
      kind: 'tasks',
      tasks: [{ id: 'it', capability: 'work', instructions: 'Do the whole', attempts: 1, decompose, ...task }],
      on_failure: 'fail',
    },
  ],
  ...more,
})

export const ends = (events: readonly RunEvent[]) =>
  events.flatMap((event) => (event.type === 'decomposition_ended' ? [event.data] : []))
export const stops = (events: readonly RunEvent[]) => ends(events).map(({ stop }) => stop)
