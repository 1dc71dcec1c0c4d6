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
import { bindAgents, noteAgent } from './bound-agents.ts'
import { endsAtOnce, isBudgetTimer, openBudget, raiseBudget } from './budget.ts'
import { chargeLost, deny, settleCall, settleChild } from './call-budget.ts'
import { askCloseOut, closedOut, giveUpCloseOut, isCloseOut, startCloseOut } from './close-out.ts'
import { type Command, planOf } from './command.ts'
import { compensate, compensated, isCompensation } from './compensation.ts'
import { divided, partsEnded, type Settled, undone, undoneFirst } from './decomposition/decompose.ts'
import { nothingNew } from './decomposition/progress.ts'
import type { Definition } from './definition.ts'
import { endRun } from './end-run.ts'
import { EVENT_VERSION, type EventData, type RunEvent, type RunInput } from './event.ts'
import { applyFeedback } from './feedback.ts'
import { followDefinition } from './follow-definition.ts'
import { hasPlace } from './input-place.ts'
import { findPlace, openScope } from './places.ts'
import { mayPlan } from './plan-budget.ts'
import { rest } from './rest.ts'
import { RUN_ACCOUNT } from './run-budget.ts'
import { type RunState, STATE_VERSION } from './run-state.ts'
import { startScope } from './scope.ts'
import { signalled } from './signals.ts'
import { behaviours } from './stages/all.ts'
import { ballotTasks } from './stages/vote.ts'
import {
  effectResolved,
  partsSettled,
  stuckAnswered,
  type TaskSpec,
  taskFailed,
  taskFinished,
  unpark,
} from './task-run.ts'
import { count } from './totals.ts'
import { stuckTask } from './trouble.ts'
import { type Place, Turn } from './turn.ts'

/** The model proposes once and repairs at most twice; then a template is taken. */
export const PLAN_ATTEMPTS = 3

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
      money: 0,
      tasks_done: 0,
      tasks_failed: 0,
      stages_done: 0,
      stages_failed: 0,
    },
    paused: null,
    undo: [],
    feedback: { fired: {}, wins: {}, frozen: 0 },
    agents: {},
    program: null,
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
    stageEnding(turn, place) {
      applyFeedback(turn, place)
      nothingNew(turn, place)
    },
  })
  turn.events.push(own)
  if (input.type === 'definition_changed') followDefinition(state, input.data, definitionOf)
  else feed(turn, input)
  for (let work = turn.agenda.shift(); work !== undefined; work = turn.agenda.shift()) work()
  if (state.closing !== undefined) goOnClosing(turn)
  rest(state)
  return { events: turn.events, commands: turn.commands }
}

function feed(turn: Turn, input: Exclude<RunInput, { type: 'definition_changed' }>): void {
  const { state } = turn
  switch (input.type) {
    case 'run_started':
      return begin(turn, input.data)
    case 'plan_proposed':
      count(state, input.data.usage)
      bindAgents(state, input.data.agents)
      return planned(turn, input.data)
    case 'task_finished': {
      count(state, input.data.usage)
      settleCall(turn, input.data)
      noteAgent(turn, input.data)
      if (isCompensation(input.data.task)) return compensated(turn, { ok: true }) ? conclude(turn) : undefined
      if (isCloseOut(input.data.task)) return closedOut(turn, input.data.output)
      const undid = undoneFirst(input.data.task)
      if (undid !== null) return onParts(turn, undid, (place, spec) => undone(turn, place, spec, null))
      return onTask(turn, input.data.task, (place, spec) => taskFinished(turn, place, spec, input.data))
    }
    case 'task_failed': {
      count(state, input.data.usage)
      settleCall(turn, input.data)
      noteAgent(turn, input.data)
      if (isCompensation(input.data.task))
        return compensated(turn, { ok: false, data: input.data }) ? conclude(turn) : undefined
      if (isCloseOut(input.data.task)) return giveUpCloseOut(turn, input.data)
      const undoing = undoneFirst(input.data.task)
      if (undoing !== null) return onParts(turn, undoing, (place, spec) => undone(turn, place, spec, input.data))
      return onTask(turn, input.data.task, (place, spec) => taskFailed(turn, place, spec, input.data))
    }
    case 'effect_resolved':
      return onTask(turn, input.data.task, (place, spec) => effectResolved(turn, place, spec, input.data))
    case 'collected':
      return at(turn, input.data.stage, (place) =>
        turn.behaviour(place.stage.kind).collected?.(turn, place as never, input.data.output, input.data.metrics),
      )
    case 'items_read':
      return at(turn, input.data.stage, (place) =>
        turn.behaviour(place.stage.kind).itemsRead?.(turn, place as never, input.data),
      )
    case 'decomposition_proposed':
      count(state, input.data.usage)
      settleCall(turn, { ...input.data, task: planOf(input.data.task) })
      return onParts(turn, input.data.task, (place, spec) => divided(turn, place, spec, input.data))
    case 'child_finished':
      // No stage has a `/` in its address: this is the run of a task's parts.
      if (input.data.stage.includes('/'))
        return onParts(turn, input.data.stage, (place, spec) => partsEnded(turn, place, spec, input.data))
      return at(turn, input.data.stage, (place) => {
        settleChild(turn, place, input.data.used)
        turn.behaviour(place.stage.kind).childFinished?.(turn, place as never, input.data.status, input.data.output)
      })
    case 'timer_fired':
      turn.dropTimer(input.data.timer)
      if (isBudgetTimer(input.data.timer)) return timeIsOver(turn, input.data.timer)
      if (stuckTask(input.data.timer) !== null)
        return onTask(turn, stuckTask(input.data.timer) ?? '', (place, spec) =>
          stuckAnswered(turn, place, spec, false, ''),
        )
      return at(turn, splitTask(input.data.timer).stage, (place) =>
        turn.behaviour(place.stage.kind).timerFired?.(turn, place as never),
      )
    case 'approval_given': {
      const { decision, comment, by } = input.data
      const said = comment === '' ? `by ${by}` : `${comment} (${by})`
      const asked = state.approvals[input.data.approval] ?? ''
      // No stage has a `/` in its address: this was asked about a task.
      if (asked.includes('/'))
        return onTask(turn, asked, (place, spec) =>
          stuckAnswered(
            turn,
            place,
            spec,
            decision === 'approve',
            decision === 'approve' ? comment : `refused ${said}`,
          ),
        )
      return at(turn, asked, (place) =>
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
    case 'budget_raised':
      return raised(turn, input.data)
    case 'program_changed':
      state.program = input.data.to
      return
    case 'definition_kept':
      return
  }
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
      place.stage.kind === 'tasks'
        ? place.stage.tasks
        : place.stage.kind === 'vote'
          ? ballotTasks(place.stage, turn.state.votes)
          : []
    const spec = specs.find((candidate) => candidate.id === task)
    if (spec !== undefined) act(place, spec)
  })
}

/** For a task that is being divided. */
function onParts(turn: Turn, address: string, settle: (place: Place, spec: TaskSpec) => Settled | null): void {
  onTask(turn, address, (place, spec) => {
    const settled = settle(place, spec)
    if (settled !== null) partsSettled(turn, place, spec, settled)
  })
}

function begin(turn: Turn, data: EventData['run_started']): void {
  const { state } = turn
  state.goal = data.goal
  state.inputs = data.inputs
  state.started_at = turn.at
  state.parent = data.parent ?? null
  if (data.budget !== undefined) state.pinned = data.budget
  if (data.votes !== undefined) state.votes = data.votes
  state.program = data.program ?? null
  if (data.forked_from?.used !== undefined) state.before_fork = data.forked_from.used
  if (data.decomposition !== undefined) state.decomposition = { ...data.decomposition, given: data.decomposition.left }
  bindAgents(state, data.agents)
  if (data.definition === null) return plan(turn, 1, [])
  chosen(turn, data.definition, 'given', 'the caller named it')
}

function plan(turn: Turn, attempt: number, problems: string[], template = false): void {
  const { state } = turn
  state.status = 'planning'
  turn.emit('plan_requested', { attempt, problems })
  turn.ask({
    do: 'plan',
    attempt,
    goal: state.goal ?? '',
    inputs: state.inputs,
    problems,
    template: template || !mayPlan(state),
  })
}

function planned(turn: Turn, data: EventData['plan_proposed']): void {
  // Nothing says yet that the run should wait for more: a template is taken.
  if (data.denied !== undefined) deny(turn, '', data.denied)
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
  openBudget(turn, definition)
  state.top = openScope(definition.stages)
  startScope(turn, state.top, definition.stages, '', null)
}

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

/** Nothing new begins any more: once nothing is in hand, the closing task is asked for, and then the run ends. */
function goOnClosing(turn: Turn): void {
  const { state } = turn
  if (state.closing === undefined || state.ended_at !== undefined || state.ending !== undefined) return
  if (Object.keys(state.steps).length > 0 || askCloseOut(turn)) return
  finish(turn, 'partial', state.closing.reason)
}

function timeIsOver(turn: Turn, timer: string): void {
  const limit = turn.state.budget?.wall_clock_ms ?? 0
  const elapsed = turn.at - turn.state.started_at
  const left = Math.max(0, limit - elapsed)
  const reason = deny(turn, '', { account: RUN_ACCOUNT, unit: 'wall_clock', wanted: 1, left, limit })
  if (!endsAtOnce(timer)) return startCloseOut(turn, reason)
  turn.state.closing ??= { reason, attempt: 0 }
  finish(turn, 'partial', reason)
}

/** What was denied for lack of budget is asked for again. */
function raised(turn: Turn, data: EventData['budget_raised']): void {
  const { state } = turn
  if (!raiseBudget(turn, data) || state.budget === undefined) return
  state.budget.used_up = {}
  for (const task of state.budget.parked.splice(0)) onTask(turn, task, (place, spec) => unpark(turn, place, spec))
}

function finish(turn: Turn, status: EventData['run_finished']['status'], reason: string): void {
  const { state } = turn
  if (state.ended_at !== undefined || state.ending !== undefined) return
  callOffAll(turn, reason)
  if ((status === 'failed' || status === 'cancelled') && compensate(turn, status, reason)) return
  endRun(turn, status, reason)
}

/** The compensations have ended: now the run ends as it would have. */
function conclude(turn: Turn): void {
  const { ending } = turn.state
  if (ending === undefined) return
  delete turn.state.ending
  const undone = ending.failed.length === 0 ? 'what it did was undone' : `not undone: ${ending.failed.join(', ')}`
  endRun(turn, ending.status, `${ending.reason}; ${undone}`)
}

function callOffAll(turn: Turn, reason: string): void {
  const { state } = turn
  for (const step of Object.keys(state.steps)) {
    chargeLost(state, step)
    if (step.endsWith('/run')) turn.commands.push({ do: 'cancel_child', stage: step.slice(0, -'/run'.length), reason })
    else turn.commands.push({ do: 'cancel_step', step })
  }
  state.steps = {}
  state.timers = {}
  state.approvals = {}
  state.signals = {}
  state.paused = null
}
