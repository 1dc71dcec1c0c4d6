/**
 * Runs a definition against agents that behave by chance, under a virtual clock, in any order of arrival, with signals,
 * approvals, pauses and cancels thrown in. No engine, no store: the pure core alone.
 */
import type { CallAgent, Step } from '../../src/workflow/command.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import type { RunEvent, RunInput } from '../../src/workflow/event.ts'
import { type Course, feedCourse, newCourse } from '../../src/workflow/fold.ts'
import type { Json } from '../../src/workflow/value.ts'
import type { Dice } from './dice.ts'

export type Simulated = { course: Course; events: RunEvent[]; inputs: RunInput[]; steps: number }

export type SimulationOptions = {
  /** Chance that a call fails. */
  failing?: number
  /** People and other programs: signals, approvals, pauses, cancels. */
  meddling?: boolean
  /** Called after each input; may replace the course by a copy (state written and read back). */
  between?: (course: Course) => Course
  most_inputs?: number
}

/** A list that is held by reference, and how much of it is read at once. */
const LARGE = { $blob: `sha256:${'0'.repeat(64)}`, bytes: 9_000, preview: '', count: 7 }
const READ_AT_ONCE = 3

export function simulate(definition: Definition, dice: Dice, options: SimulationOptions = {}): Simulated {
  const definitionOf = (): Definition => definition
  let course = newCourse('run_simulated')
  const events: RunEvent[] = []
  const inputs: RunInput[] = []
  let now = 1_000_000
  const give = (input: RunInput): void => {
    inputs.push(input)
    events.push(...feedCourse(definitionOf, course, input).events)
    if (options.between !== undefined) course = options.between(course)
  }
  give({
    at: now,
    type: 'run_started',
    data: { goal: 'goal', definition: 'sha256:d', inputs: { list: [1, 2], large: LARGE }, by: 'test' },
  })
  let steps = 0
  const most = options.most_inputs ?? 5_000
  while (course.state.ended_at === undefined) {
    if (++steps > most) throw new Error(`no end after ${most} inputs: ${JSON.stringify(course.state).slice(0, 2_000)}`)
    now += dice.between(1, 2_000)
    const { state, owed } = course
    if (options.meddling === true && dice.chance(0.08)) {
      give(meddle(dice, now, course))
      continue
    }
    const ready =
      state.paused !== null ? [] : [...owed.values()].filter((step) => step.do !== 'start_run' || dice.chance(0.5))
    if (ready.length > 0) {
      give(answerOf(dice.one(ready), dice, now, options.failing ?? 0.2))
      continue
    }
    if (state.paused !== null) {
      give({ at: now, type: 'resume_requested', data: { by: 'test', reason: '' } })
      continue
    }
    const asking = questionOf(course)
    if (asking !== null) {
      give({
        at: now,
        type: 'effect_resolved',
        data: { task: asking, happened: dice.chance(0.5), comment: '', by: 'test' },
      })
      continue
    }
    const timers = Object.entries(state.timers).sort((a, b) => a[1] - b[1])
    const [timer, due] = timers[0] ?? [null, 0]
    if (timer !== null) {
      now = Math.max(now, due)
      give({ at: now, type: 'timer_fired', data: { timer } })
    } else if (owed.size === 0)
      throw new Error(`stuck: nothing owed, no timer: ${JSON.stringify(state).slice(0, 3_000)}`)
  }
  return { course, events, inputs, steps }
}

export function questionOf(course: Course): string | null {
  const find = (stages: { [id: string]: unknown }, prefix: string): string | null => {
    for (const [id, stage] of Object.entries(stages) as [
      string,
      import('../../src/workflow/run-state.ts').StageState,
    ][]) {
      for (const [task, state] of Object.entries(stage.tasks ?? {}))
        if (state.s === 'asking') return `${prefix}${id}/${task}`
      if (stage.scope !== undefined) {
        const inner = find(stage.scope.stages, `${prefix}${id}[${stage.iteration}].`)
        if (inner !== null) return inner
      }
      for (const [key, scope] of Object.entries(stage.items ?? {})) {
        const inner = find(scope.stages, `${prefix}${id}[${key}].`)
        if (inner !== null) return inner
      }
    }
    return null
  }
  return find(course.state.top.stages, '')
}

function meddle(dice: Dice, at: number, course: Course): RunInput {
  const by = 'somebody'
  const approvals = Object.keys(course.state.approvals)
  const kind = dice.between(0, 20)
  if (kind === 0) return { at, type: 'cancel_requested', data: { by, reason: 'enough' } }
  if (kind < 4) return { at, type: 'pause_requested', data: { by, reason: '' } }
  if (kind < 8) return { at, type: 'resume_requested', data: { by, reason: '' } }
  if (kind < 12)
    return {
      at,
      type: 'approval_given',
      data: { approval: approvals[0] ?? 'no_such', decision: dice.one(['approve', 'refuse']), comment: '', by },
    }
  if (kind < 14) return { at, type: 'task_finished', data: finished('no_such/task', 1, 'late') }
  if (kind < 16) return { at, type: 'timer_fired', data: { timer: 'gone/timer' } }
  return {
    at,
    type: 'signal_received',
    data: { name: dice.one(['go', 'data', 'other']), data: dice.between(1, 9), by },
  }
}

const usage = { input_tokens: 1, output_tokens: 1, calls: 1 }

const finished = (task: string, attempt: number, output: Json) => ({
  task,
  attempt,
  agent: 'a',
  model: null,
  output,
  usage,
  duration_ms: 1,
  queued_ms: 0,
  why: '',
  effect_key: 'k',
})

/** What comes back of a step: success, a failure that may be tried again, one that may not, an unknown effect. */
export function answerOf(step: Step, dice: Dice, at: number, failing: number): RunInput {
  switch (step.do) {
    case 'call_agent':
      return callAnswer(step, dice, at, failing)
    case 'collect':
      return {
        at,
        type: 'collected',
        data: {
          stage: step.stage,
          output: Object.fromEntries(step.outputs.map((output) => [output.task, output.output as Json])),
          metrics: {
            n: step.n,
            succeeded: step.succeeded,
            failed: step.failed,
            agreement: step.outputs.length < 2 ? null : dice.roll(),
            tokens: step.tokens,
            duration_ms: at - step.started_at,
          },
        },
      }
    case 'read_items': {
      const { stage, from, list } = step
      const n = dice.chance(0.03) ? 0 : Math.min(READ_AT_ONCE, (list.count ?? 0) - from)
      return { at, type: 'items_read', data: { stage, from, items: Array.from({ length: n }, (_, i) => from + i) } }
    }
    case 'start_run':
      return {
        at,
        type: 'child_finished',
        data: {
          stage: step.stage,
          run: step.run,
          status: dice.one(['completed', 'failed', 'cancelled', 'partial']),
          output: 'child',
          ...(step.decomposition === undefined
            ? {}
            : { nodes: dice.between(0, step.decomposition.left), goal_met: dice.chance(0.8) }),
        },
      }
    case 'divide': {
      const logic = dice.chance(0.5) ? ('and' as const) : ('or' as const)
      const parts = Array.from({ length: dice.between(0, 7) }, (_, i) => ({
        capability: 'any',
        // Now and then it repeats the task itself.
        does: dice.chance(0.1) ? 'do it' : `part ${i} of ${step.task}`,
      }))
      const passes = parts.length > 1 && parts.length <= step.breadth && dice.chance(0.8)
      return {
        at,
        type: 'decomposition_proposed',
        data: {
          task: step.task,
          attempt: step.attempt,
          logic,
          parts,
          definition: passes ? 'sha256:parts' : null,
          problems: passes ? [] : ['p'],
          model: 'm',
          usage,
          analysis: null,
          raw: null,
          ...(dice.chance(0.1) ? { failure: { kind: 'model_missing' as const, message: 'no model' } } : {}),
          ...(dice.chance(0.05) ? { interrupted: true as const } : {}),
          duration_ms: 1,
        },
      }
    }
    case 'plan':
      return {
        at,
        type: 'plan_proposed',
        data: {
          attempt: step.attempt,
          source: step.template ? 'template' : 'model',
          definition: dice.chance(0.5) ? 'sha256:d' : null,
          name: 'random',
          problems: ['p'],
          model: 'm',
          usage,
          analysis: null,
          raw: null,
          duration_ms: 1,
        },
      }
  }
}

function callAnswer(step: CallAgent, dice: Dice, at: number, failing: number): RunInput {
  if (dice.chance(failing)) {
    const unknown = dice.chance(0.05)
    return {
      at,
      type: 'task_failed',
      data: {
        task: step.task,
        attempt: step.attempt,
        agent: dice.one(['a', 'b', 'c']),
        failure: unknown
          ? { kind: 'effect_unknown', message: 'did it happen?' }
          : { kind: 'agent_failed', message: 'no' },
        retryable: !unknown && dice.chance(0.6),
        usage,
        duration_ms: 1,
        queued_ms: 0,
        why: '',
      },
    }
  }
  const choice = dice.one(['a', 'b', 'c'])
  return {
    at,
    type: 'task_finished',
    data: { ...finished(step.task, step.attempt, { choice, text: `word${dice.between(1, 3)}` }), ballot: choice },
  }
}
