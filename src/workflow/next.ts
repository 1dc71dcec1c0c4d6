/**
 * A run as a pure state machine: what happened goes in, events and commands come out.
 *
 * Invariants:
 *  N1. Same state and same input give the same events and commands: no clock, no dice, nothing from outside.
 *  N2. An input that finds no place any more (its step was called off, the run has ended) changes nothing but `mail`.
 *  N3. The input's own event comes first, then what follows from it, with consecutive sequence numbers.
 *  N4. After `run_finished` there are no steps, timers or approvals, and no event comes any more.
 */
import { splitTask } from './address.ts'
import type { Command } from './command.ts'
import { compensate, compensated, isCompensation } from './compensation.ts'
import type { Definition } from './definition.ts'
import { milliseconds } from './duration.ts'
import { EVENT_VERSION, type EventData, type RunEvent, type RunInput } from './event.ts'
import { evaluateBinding, evaluateCondition } from './expression.ts'
import { applyFeedback } from './feedback.ts'
import { lookupIn } from './lookup.ts'
import { findPlace, openScope } from './places.ts'
import { hasEnded, isOver, type RunState, STATE_VERSION } from './run-state.ts'
import { scopeOutput, startScope } from './scope.ts'
import { behaviours } from './stages/all.ts'
import { ballotTasks } from './stages/vote.ts'
import { effectResolved, type TaskSpec, taskFailed, taskFinished } from './task-run.ts'
import { type Place, Turn } from './turn.ts'

/** The model proposes once and repairs at most twice; then a template is taken. */
export const PLAN_ATTEMPTS = 3
/** Timer that ends a run at its wall-clock budget. */
const BUDGET_TIMER = 'budget/wall_clock'

export type DefinitionOf = (hash: string) => Definition

export type Outcome = { events: RunEvent[]; commands: Command[] }

export function newState(run: string): RunState {
  return {
    v: STATE_VERSION,
    run,
    status: 'new',
    reason: '',
    seq: 0,
    mail: 0,
    goal: null,
    definition: null,
    inputs: {},
    parent: null,
    started_at: 0,
    top: openScope([]),
    steps: {},
    timers: {},
    signals: {},
    approvals: {},
    totals: {
      input_tokens: 0,
      output_tokens: 0,
      unknown_usage: 0,
      calls: 0,
      tasks_done: 0,
      tasks_failed: 0,
      stages_done: 0,
      stages_failed: 0,
    },
    paused: null,
    undo: [],
    feedback: { fired: {}, wins: {}, frozen: 0 },
  }
}

/** The pure form: leaves its argument alone. Definitions are immutable and looked up by hash. */
export function next(definitionOf: DefinitionOf, state: RunState, input: RunInput): Outcome & { state: RunState } {
  const copy = structuredClone(state)
  return { ...advance(definitionOf, copy, input), state: copy }
}

/** The same on a state that the caller owns: it is changed in place, so that folding n events costs n, not n². */
export function advance(definitionOf: DefinitionOf, state: RunState, input: RunInput): Outcome {
  if (input.mail !== undefined) state.mail = Math.max(state.mail, input.mail)
  if (!hasPlace(state, input)) return { events: [], commands: [] }
  state.seq += 1
  const own = {
    run: state.run,
    seq: state.seq,
    at: input.at,
    type: input.type,
    v: EVENT_VERSION,
    cause: null,
    data: input.data,
  } as RunEvent
  const hash =
    input.type === 'run_started'
      ? input.data.definition
      : input.type === 'plan_proposed'
        ? input.data.definition
        : state.definition
  const turn = new Turn(hash === null ? null : definitionOf(hash), state, input.at, state.seq, behaviours, {
    topEnded,
    stageEnding: applyFeedback,
  })
  turn.events.push(own)
  feed(turn, input)
  for (let work = turn.agenda.shift(); work !== undefined; work = turn.agenda.shift()) work()
  rest(state)
  return { events: turn.events, commands: turn.commands }
}

/** The address of the step that an input answers, or null when it answers none. */
export function answeredStep(input: RunInput): string | null {
  switch (input.type) {
    case 'plan_proposed':
      return `plan#${input.data.attempt}`
    case 'task_finished':
    case 'task_failed':
      return `${input.data.task}#${input.data.attempt}`
    case 'collected':
      return `${input.data.stage}/collect`
    case 'child_finished':
      return `${input.data.stage}/run`
    default:
      return null
  }
}

function hasPlace(state: RunState, input: RunInput): boolean {
  if (input.type === 'run_started') return state.status === 'new'
  if (state.status === 'new' || hasEnded(state.status)) return false
  const step = answeredStep(input)
  if (step !== null) {
    const known = state.steps[step] === true
    delete state.steps[step]
    return known
  }
  if (state.ending !== undefined && input.type !== 'pause_requested' && input.type !== 'resume_requested') return false
  switch (input.type) {
    case 'timer_fired':
      return state.timers[input.data.timer] !== undefined
    case 'approval_given':
      return state.approvals[input.data.approval] !== undefined
    case 'pause_requested':
      return state.paused === null
    case 'resume_requested':
      return state.paused !== null
    default:
      return true
  }
}

function feed(turn: Turn, input: RunInput): void {
  const { state } = turn
  switch (input.type) {
    case 'run_started':
      return begin(turn, input.data)
    case 'plan_proposed':
      count(state, input.data.usage)
      return planned(turn, input.data)
    case 'task_finished':
      count(state, input.data.usage)
      if (isCompensation(input.data.task)) return compensated(turn, { ok: true }) ? conclude(turn) : undefined
      return onTask(turn, input.data.task, (place, spec) => taskFinished(turn, place, spec, input.data))
    case 'task_failed':
      count(state, input.data.usage)
      if (isCompensation(input.data.task))
        return compensated(turn, { ok: false, data: input.data }) ? conclude(turn) : undefined
      return onTask(turn, input.data.task, (place, spec) => taskFailed(turn, place, spec, input.data))
    case 'effect_resolved':
      return onTask(turn, input.data.task, (place, spec) => effectResolved(turn, place, spec, input.data))
    case 'collected':
      return at(turn, input.data.stage, (place) =>
        turn.behaviour(place.stage.kind).collected?.(turn, place as never, input.data.output, input.data.metrics),
      )
    case 'child_finished':
      return at(turn, input.data.stage, (place) =>
        turn.behaviour(place.stage.kind).childFinished?.(turn, place as never, input.data.status, input.data.output),
      )
    case 'timer_fired':
      turn.dropTimer(input.data.timer)
      if (input.data.timer === BUDGET_TIMER)
        return finish(turn, 'partial', `the wall-clock budget of ${turn.definition?.budget?.wall_clock} is used up`)
      return at(turn, splitTask(input.data.timer).stage, (place) =>
        turn.behaviour(place.stage.kind).timerFired?.(turn, place as never),
      )
    case 'approval_given': {
      const { decision, comment, by } = input.data
      const said = comment === '' ? `by ${by}` : `${comment} (${by})`
      return at(turn, state.approvals[input.data.approval] ?? '', (place) =>
        turn.behaviour(place.stage.kind).approvalGiven?.(turn, place as never, decision, said),
      )
    }
    case 'signal_received':
      return signalled(turn, input.data)
    case 'cancel_requested':
      return finish(
        turn,
        'cancelled',
        input.data.reason === ''
          ? `cancelled by ${input.data.by}`
          : `cancelled by ${input.data.by}: ${input.data.reason}`,
      )
    case 'pause_requested':
      state.paused = { by: input.data.by, reason: input.data.reason }
      return turn.emit('run_paused', state.paused)
    case 'resume_requested':
      state.paused = null
      return turn.emit('run_resumed', { by: input.data.by, reason: input.data.reason })
  }
}

function count(state: RunState, usage: EventData['task_finished']['usage']): void {
  const { totals } = state
  totals.calls += usage.calls
  totals.input_tokens += usage.input_tokens ?? 0
  totals.output_tokens += usage.output_tokens ?? 0
  if (usage.calls > 0 && (usage.input_tokens === null || usage.output_tokens === null))
    totals.unknown_usage += usage.calls
}

function at(turn: Turn, address: string, act: (place: Place) => void): void {
  if (turn.definition === null) return
  const place = findPlace(turn.definition, turn.state, address)
  if (place !== null && place.scope.stages[place.stage.id]?.s === 'running') act(place)
}

function onTask(turn: Turn, address: string, act: (place: Place, spec: TaskSpec) => void): void {
  const { stage, task } = splitTask(address)
  at(turn, stage, (place) => {
    const specs =
      place.stage.kind === 'tasks' ? place.stage.tasks : place.stage.kind === 'vote' ? ballotTasks(place.stage) : []
    const spec = specs.find((candidate) => candidate.id === task)
    if (spec !== undefined) act(place, spec)
  })
}

function begin(turn: Turn, data: EventData['run_started']): void {
  const { state } = turn
  state.goal = data.goal
  state.inputs = data.inputs
  state.started_at = turn.at
  state.parent = data.parent ?? null
  if (data.definition === null) return plan(turn, 1, [])
  chosen(turn, data.definition, 'given', 'the caller named it')
}

function plan(turn: Turn, attempt: number, problems: string[], template = false): void {
  const { state } = turn
  state.status = 'planning'
  turn.emit('plan_requested', { attempt, problems })
  turn.ask({ do: 'plan', attempt, goal: state.goal ?? '', inputs: state.inputs, problems, template })
}

function planned(turn: Turn, data: EventData['plan_proposed']): void {
  if (data.definition !== null) {
    const source = data.source === 'template' ? 'template' : data.attempt === 1 ? 'model' : 'repaired'
    const why = {
      template: `no plan of a model passed: ${data.problems.join('; ') || 'no reason given'}`,
      model: 'the first plan passed the check',
      repaired: `the plan passed the check at attempt ${data.attempt}`,
    }
    return chosen(turn, data.definition, source, why[source])
  }
  if (data.source === 'template')
    return finish(turn, 'failed', `no definition could be made: ${data.problems.join('; ')}`)
  const problems = data.failure === undefined ? data.problems : [data.failure.message]
  plan(turn, data.attempt + 1, problems, data.failure !== undefined || data.attempt >= PLAN_ATTEMPTS)
}

function chosen(turn: Turn, hash: string, source: EventData['definition_chosen']['source'], reason: string): void {
  const { state, definition } = turn
  if (definition === null) return finish(turn, 'failed', `definition ${hash} is not stored`)
  state.definition = hash
  state.status = 'running'
  for (const [name, declared] of Object.entries(definition.inputs ?? {}))
    if (state.inputs[name] === undefined && declared.default !== undefined) state.inputs[name] = declared.default
  turn.emit('definition_chosen', { definition: hash, name: definition.name, source, reason })
  if (definition.budget?.wall_clock !== undefined)
    turn.startTimer(BUDGET_TIMER, turn.at + milliseconds(definition.budget.wall_clock))
  state.top = openScope(definition.stages)
  startScope(turn, state.top, definition.stages, '', null)
}

/** The stage that has waited longest takes the signal; with none waiting it is kept for the first that will. */
function signalled(turn: Turn, data: EventData['signal_received']): void {
  const { state } = turn
  for (const timer of Object.keys(state.timers)) {
    if (!timer.endsWith('/timeout') || turn.definition === null) continue
    const place = findPlace(turn.definition, state, splitTask(timer).stage)
    if (place?.stage.kind === 'wait' && place.stage.signal === data.name)
      return turn.behaviour('wait').signalReceived?.(turn, place as never, data.data)
  }
  const kept = state.signals[data.name] ?? []
  if (kept.length < KEPT_SIGNALS) state.signals[data.name] = [...kept, data.data]
}

/** Signals kept per name for a stage that may come to wait for them. */
const KEPT_SIGNALS = 1_000

function topEnded(turn: Turn, failure: string | null): void {
  if (failure !== null) return finish(turn, 'failed', failure)
  const { state, definition } = turn
  if (definition === null) return
  const failed = state.top.failed
  finish(
    turn,
    failed > 0 ? 'partial' : 'completed',
    failed > 0 ? `${failed} stage${failed > 1 ? 's' : ''} failed` : 'all stages are settled',
  )
}

function finish(turn: Turn, status: EventData['run_finished']['status'], reason: string): void {
  const { state } = turn
  if (isOver(state)) return
  callOffAll(turn, reason)
  if ((status === 'failed' || status === 'cancelled') && compensate(turn, status, reason)) return
  end(turn, status, reason)
}

/** The compensations have ended: now the run ends as it would have. */
function conclude(turn: Turn): void {
  const { ending } = turn.state
  if (ending === undefined) return
  delete turn.state.ending
  const undone = ending.failed.length === 0 ? 'what it did was undone' : `not undone: ${ending.failed.join(', ')}`
  end(turn, ending.status, `${ending.reason}; ${undone}`)
}

function callOffAll(turn: Turn, reason: string): void {
  const { state } = turn
  for (const step of Object.keys(state.steps)) {
    if (step.endsWith('/run')) turn.commands.push({ do: 'cancel_child', stage: step.slice(0, -'/run'.length), reason })
    else turn.commands.push({ do: 'cancel_step', step })
  }
  state.steps = {}
  state.timers = {}
  state.approvals = {}
  state.signals = {}
  state.paused = null
}

function end(turn: Turn, status: EventData['run_finished']['status'], reason: string): void {
  const { state, definition } = turn
  let ended = status
  let why = reason
  let output = definition === null ? null : scopeOutput(state.top, definition.stages)
  const success: EventData['run_finished']['success'] = []
  if (definition !== null) {
    const lookup = lookupIn(turn, state.top, definition.stages, null)
    if (definition.output !== undefined) {
      const value = evaluateBinding(definition.output, lookup)
      // Never another stage's output in its place: what was declared says what may be given out.
      output = value.ok ? value.value : null
      if (!value.ok && status === 'completed')
        [ended, why] = ['partial', `the output cannot be had: ${value.failure.message}`]
    }
    for (const criterion of definition.success ?? []) {
      const outcome = evaluateCondition(criterion.when, lookup)
      success.push({
        id: criterion.id,
        met: outcome.value,
        reason: outcome.value === null ? outcome.reason : `${criterion.when} is ${outcome.value}`,
      })
    }
    const missed = success.filter((criterion) => criterion.met !== true)
    if (ended === 'completed' && missed.length > 0)
      [ended, why] = ['partial', `success criteria not met: ${missed.map((criterion) => criterion.id).join(', ')}`]
  }
  state.status = ended
  state.reason = why
  state.output = output
  state.ended_at = turn.at
  turn.emit('run_finished', { status: ended, reason: why, output, success })
}

/** What a run that has not ended is called between two inputs. */
function rest(state: RunState): void {
  if (hasEnded(state.status as never) || state.status === 'new') return
  const steps = Object.keys(state.steps)
  const busy = steps.some((step) => !step.endsWith('/run'))
  if (state.paused !== null)
    [state.status, state.reason] = ['paused', state.paused.reason || `paused by ${state.paused.by}`]
  else if (state.ending !== undefined)
    [state.status, state.reason] = ['running', `undoing what it did (${state.ending.reason})`]
  else if (state.definition === null) [state.status, state.reason] = ['planning', 'a definition is being made']
  else if (busy) [state.status, state.reason] = ['running', '']
  else [state.status, state.reason] = ['waiting', waitingFor(state, steps)]
}

function waitingFor(state: RunState, steps: string[]): string {
  const approvals = Object.keys(state.approvals)
  if (approvals.length > 0) return `a person: approval ${approvals.join(', ')}`
  if (steps.length > 0) return `another run (${steps.map((step) => step.slice(0, -'/run'.length)).join(', ')})`
  const timers = Object.keys(state.timers).filter((timer) => timer !== BUDGET_TIMER)
  return timers.length > 0
    ? `a timer or a signal (${timers.map((timer) => splitTask(timer).stage).join(', ')})`
    : 'an answer to the question about an effect'
}
