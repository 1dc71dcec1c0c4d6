/**
 * The graph of one level: which stage may start, which is skipped, when the level is over.
 *
 * Invariants:
 *  G1. A stage starts once all stages it needs are settled; a settled stage never changes again.
 *  G2. A stage that something selects (a decision, a failure) starts only when it was picked.
 *  G3. `open` counts the stages of the level that are not settled; at 0 the level has ended, exactly once.
 *  G4. Nothing recurses along the graph: follow-up work goes on the agenda.
 */
import { chargeLost, forgetAccount } from './call-budget.ts'
import { noteCompensations } from './compensation.ts'
import { END } from './definition.ts'
import type { Metrics } from './event.ts'
import { graphOf } from './graph.ts'
import { placeIn } from './places.ts'
import { isOver, type Scope, type StageState } from './run-state.ts'
import type { Place, Turn } from './turn.ts'
import type { Value } from './value.ts'

/** Starts what needs nothing. */
export function startScope(
  turn: Turn,
  scope: Scope,
  stages: Place['stages'],
  prefix: string,
  parent: Place | null,
): void {
  const { needs } = graphOf(stages)
  for (const stage of stages) {
    if ((needs.get(stage.id) ?? []).length > 0) continue
    const place = placeIn(scope, stages, prefix, parent, stage.id)
    if (place !== null) turn.agenda.push(() => tryStart(turn, place))
  }
}

function tryStart(turn: Turn, place: Place): void {
  const { scope, stage } = place
  if (scope.stages[stage.id] !== undefined || over(turn, place)) return
  const graph = graphOf(place.stages)
  const needs = graph.needs.get(stage.id) ?? []
  let reached = 0
  for (const need of needs) {
    const state = scope.stages[need]
    if (state === undefined || state.s === 'running') return
    if (state.s !== 'skipped') reached++
  }
  const selected = graph.selectors.has(stage.id)
  if (selected && scope.picked[stage.id] === undefined) return skip(turn, place, 'nothing selected it')
  const enough = needs.length === 0 || (stage.join === 'all' ? reached === needs.length : reached > 0)
  if (!enough)
    return skip(turn, place, stage.join === 'all' ? 'a stage it needs was skipped' : 'all stages it needs were skipped')
  scope.stages[stage.id] = { s: 'running', started_at: turn.at }
  turn.emit('stage_started', { stage: place.address, kind: stage.kind })
  turn.behaviour(stage.kind).start(turn, place as never)
}

/** True when the run, or a level around this one, has ended already. */
function over(turn: Turn, place: Place): boolean {
  if (isOver(turn.state)) return true
  for (let level = place.parent; level !== null; level = level.parent)
    if (turn.stageState(level).s !== 'running') return true
  return place.scope.open <= 0
}

function skip(turn: Turn, place: Place, reason: string): void {
  place.scope.stages[place.stage.id] = { s: 'skipped', started_at: turn.at, ended_at: turn.at }
  turn.emit('stage_finished', { stage: place.address, status: 'skipped', reason, metrics: null, output: null })
  settled(turn, place)
}

/** Selects stages, or ends this level when one of them is `end`. */
export function pick(turn: Turn, place: Place, targets: readonly string[]): void {
  for (const target of targets) if (target !== END) place.scope.picked[target] = true
  if (targets.includes(END)) turn.agenda.push(() => endScope(turn, place))
}

export function completeStage(turn: Turn, place: Place, output: Value, metrics: Metrics | null, reason = ''): void {
  close(turn, place, 'done', metrics, output)
  turn.state.totals.stages_done++
  place.scope.last = place.stage.id
  turn.emit('stage_finished', { stage: place.address, status: 'completed', reason, metrics, output })
  turn.stageEnding(place)
  settled(turn, place)
}

/** Ends a stage as failed and does what its definition says to failure. */
export function failStage(
  turn: Turn,
  place: Place,
  reason: string,
  metrics: Metrics | null = null,
  output: Value = null,
): void {
  close(turn, place, 'failed', metrics, output).reason = reason
  place.scope.failed++
  turn.state.totals.stages_failed++
  turn.emit('stage_finished', { stage: place.address, status: 'failed', reason, metrics, output })
  turn.stageEnding(place)
  const answer = 'on_failure' in place.stage ? (place.stage.on_failure ?? 'fail') : 'fail'
  if (answer === 'fail') {
    turn.agenda.push(() => levelFailed(turn, place, `stage ${place.address} failed: ${reason}`))
    return
  }
  if (answer !== 'continue') pick(turn, place, [answer.then])
  settled(turn, place)
}

function close(turn: Turn, place: Place, s: 'done' | 'failed', metrics: Metrics | null, output: Value): StageState {
  const state = turn.stageState(place)
  state.s = s
  state.ended_at = turn.at
  state.out = output
  if (metrics !== null) state.metrics = metrics
  noteCompensations(turn, place)
  delete state.tasks
  delete state.open
  delete state.scope
  delete state.items
  delete state.list
  delete state.window
  forgetAccount(turn.state, place.address)
  return state
}

function settled(turn: Turn, place: Place): void {
  const { scope, stages, prefix, parent } = place
  scope.open--
  for (const id of graphOf(stages).dependents.get(place.stage.id) ?? []) {
    const dependent = placeIn(scope, stages, prefix, parent, id)
    if (dependent !== null) turn.agenda.push(() => tryStart(turn, dependent))
  }
  if (scope.open === 0) turn.agenda.push(() => levelEnded(turn, place, null))
}

/** `end`: whatever has not settled on this level is called off and skipped. */
function endScope(turn: Turn, place: Place): void {
  const { scope, stages, prefix } = place
  if (over(turn, place)) return
  for (const stage of stages) {
    const state = scope.stages[stage.id]
    if (state !== undefined && state.s !== 'running') continue
    const address = `${prefix}${stage.id}`
    if (state !== undefined) callOff(turn, address)
    scope.stages[stage.id] = { s: 'skipped', started_at: turn.at, ended_at: turn.at }
    scope.open--
    turn.emit('stage_finished', {
      stage: address,
      status: 'skipped',
      reason: 'a decision ended this level',
      metrics: null,
      output: null,
    })
  }
  levelEnded(turn, place, null)
}

function levelFailed(turn: Turn, place: Place, reason: string): void {
  if (over(turn, place)) return
  callOffLevel(turn, place)
  place.scope.open = 0
  levelEnded(turn, place, reason)
}

function levelEnded(turn: Turn, place: Place, failure: string | null): void {
  if (isOver(turn.state)) return
  const { parent, scope } = place
  if (parent === null) turn.topEnded(failure)
  else if (turn.stageState(parent).s === 'running')
    turn.behaviour(parent.stage.kind).bodyEnded?.(turn, parent as never, scope, failure)
}

function callOffLevel(turn: Turn, place: Place): void {
  for (const [id, state] of Object.entries(place.scope.stages))
    if (state.s === 'running') callOff(turn, `${place.prefix}${id}`)
}

/** Calls off everything below an address: steps in flight, timers, approvals. Their answers will find no place. */
export function callOff(turn: Turn, address: string): void {
  const below = (other: string): boolean =>
    other === address ||
    other.startsWith(`${address}/`) ||
    other.startsWith(`${address}[`) ||
    other.startsWith(`${address}#`)
  for (const step of Object.keys(turn.state.steps)) {
    if (!below(step)) continue
    delete turn.state.steps[step]
    chargeLost(turn.state, step)
    if (step.endsWith('/run'))
      turn.commands.push({
        do: 'cancel_child',
        stage: step.slice(0, -'/run'.length),
        reason: 'nothing waits for its result any more',
      })
    else turn.commands.push({ do: 'cancel_step', step })
  }
  for (const timer of Object.keys(turn.state.timers)) if (below(timer)) turn.dropTimer(timer)
  for (const [id, stage] of Object.entries(turn.state.approvals)) if (below(stage)) delete turn.state.approvals[id]
}

/** Output of a level: that of the last of its stages, in the order of the document, that completed. */
export function scopeOutput(scope: Scope, stages: Place['stages']): Value {
  for (let i = stages.length - 1; i >= 0; i--) {
    const stage = stages[i]
    const state = stage === undefined ? undefined : scope.stages[stage.id]
    if (state?.s === 'done' && stage?.kind !== 'decide' && stage?.kind !== 'timer') return state.out ?? null
  }
  return null
}
