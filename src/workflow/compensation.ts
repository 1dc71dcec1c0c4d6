/**
 * Sagas (Garcia-Molina and Salem 1987): when a run fails or is cancelled, what its tasks did is undone, the last first,
 * one after the other. Each compensation is tried several times; one that cannot be done is named in the run's reason.
 *
 * Invariants:
 *  C1. A task has to be undone exactly if its definition says how, and it completed or its effect is on the way of being
 *      undone (decomposition/decompose.ts undoes a failed attempt before it divides the task).
 *  C2. Inputs of a compensation are taken when its stage ends: what it refers to may be gone later.
 *  C3. A run is not over before its compensations have ended.
 */
import { backoffMs } from '../agents/retry.ts'
import { taskAddress } from './address.ts'
import { reserveCall } from './call-budget.ts'
import type { Task } from './definition.ts'
import type { EventData } from './event.ts'
import { evaluateBinding } from './expression.ts'
import { lookupFrom } from './lookup.ts'
import { bodyOf, placeIn } from './places.ts'
import type { TaskState, Undo } from './run-state.ts'
import type { Place, Turn } from './turn.ts'
import type { Value } from './value.ts'

/** Tries of one compensation. */
export const UNDO_ATTEMPTS = 5
const MARK = '~undo'

export const isCompensation = (task: string): boolean => task.endsWith(MARK)

/** Notes what has to be undone of a stage that ends; called before its tasks are forgotten. */
export function noteCompensations(turn: Turn, place: Place): void {
  if (place.stage.kind !== 'tasks' || place.stage.tasks.every((task) => task.compensate === undefined)) return
  const state = turn.stageState(place)
  // A stage that is ended from outside has no output yet; what its tasks have done so far is known all the same.
  state.outs ??= Object.fromEntries(
    Object.entries(state.tasks ?? {}).flatMap(([id, task]) => (task.s === 'done' ? [[id, task.out ?? null]] : [])),
  )
  for (const spec of place.stage.tasks) {
    const task = state.tasks?.[spec.id]
    const undo = task !== undefined && (task.s === 'done' || isHalfUndone(task)) ? undoOf(turn, place, spec) : null
    if (undo !== null) turn.state.undo.push(undo)
  }
}

/** What a failed attempt, or the parts of a task, did, and nobody has undone yet. */
const isHalfUndone = ({ s, parts }: TaskState): boolean =>
  s === 'running' &&
  (parts?.phase === 'run' || (parts?.tried === true && parts.phase === 'undo') || parts?.phase === 'undo_parts')

/** How to undo a task, as of now; null when its definition does not say. */
export function undoOf(turn: Turn, place: Place, { id, compensate }: Pick<Task, 'id' | 'compensate'>): Undo | null {
  if (compensate === undefined) return null
  const input: { [name: string]: Value } = {}
  const missing: string[] = []
  for (const [name, binding] of Object.entries(compensate.input ?? {})) {
    const value = evaluateBinding(binding, lookupFrom(turn, place))
    if (value.ok) input[name] = value.value
    else missing.push(`${name}: ${value.failure.message}`)
  }
  return {
    task: taskAddress(place.address, id),
    agent: compensate.agent ?? null,
    capability: compensate.capability ?? null,
    instructions:
      missing.length === 0 ? compensate.instructions : `${compensate.instructions}\n(Not known: ${missing.join('; ')})`,
    input,
  }
}

/** Stages that run when a run is ended from outside have completed tasks too. */
function noteRunning(
  turn: Turn,
  scope: Place['scope'],
  stages: Place['stages'],
  prefix: string,
  parent: Place | null,
): void {
  for (const [id, state] of Object.entries(scope.stages)) {
    if (state.s !== 'running') continue
    const place = placeIn(scope, stages, prefix, parent, id)
    if (place === null) continue
    noteCompensations(turn, place)
    const keys = state.scope === undefined ? Object.keys(state.items ?? {}).map(Number) : [state.iteration ?? 0]
    for (const key of keys) {
      const body = bodyOf(place, key)
      if (body !== null) noteRunning(turn, body.scope, body.stages, body.prefix, place)
    }
  }
}

/** Begins to undo. False when there is nothing to undo and the run may end at once. */
export function compensate(turn: Turn, status: 'failed' | 'cancelled', reason: string): boolean {
  const { state, definition } = turn
  if (definition === null) return false
  noteRunning(turn, state.top, definition.stages, '', null)
  if (state.undo.length === 0) return false
  state.ending = { status, reason, attempt: 1, failed: [] }
  turn.emit('compensation_started', { reason, tasks: state.undo.map((undo) => undo.task).reverse() })
  ask(turn, 0)
  return true
}

function ask(turn: Turn, delay: number): void {
  const undo = turn.state.undo.at(-1) as Undo
  askUndo(turn, undo, MARK, turn.state.ending?.attempt ?? 1, delay)
}

/** Asks for a compensation. Undoing is paid from the run's account and never denied. */
export function askUndo(turn: Turn, undo: Undo, mark: string, attempt: number, delay: number): void {
  const task = `${undo.task}${mark}`
  const reserved = reserveCall(
    turn,
    null,
    {
      do: 'call_agent',
      task,
      attempt,
      agent: undo.agent,
      capability: undo.capability,
      fallback: [],
      excluded: [],
      instructions: undo.instructions,
      input: undo.input,
      output_schema: null,
      effect: null,
      timeout_ms: null,
      max_output_tokens: null,
      delay_ms: delay,
      goal: turn.state.goal,
    },
    'undo',
  )
  if (!reserved.ok) return
  const { budget } = reserved.call
  turn.emit('task_started', {
    task,
    attempt,
    agent: undo.agent,
    capability: undo.capability,
    excluded: [],
    delay_ms: delay,
    ...(budget === undefined ? {} : { reserved: { account: budget.account, ...budget.amounts } }),
  })
  turn.ask(reserved.call)
}

/** Feeds what came of a compensation. True when it was the last one and the run may end. */
export function compensated(
  turn: Turn,
  outcome: { ok: true } | { ok: false; data: EventData['task_failed'] },
): boolean {
  const { state } = turn
  const { ending } = state
  if (ending === undefined) return false
  const undo = state.undo.at(-1) as Undo
  if (!outcome.ok && outcome.data.retryable && ending.attempt < UNDO_ATTEMPTS) {
    ending.attempt++
    ask(turn, backoffMs({ attempt: ending.attempt - 1, seed: `${state.run}/${undo.task}${MARK}` }))
    return false
  }
  state.undo.pop()
  ending.attempt = 1
  if (!outcome.ok) ending.failed.push(undo.task)
  turn.emit('compensation_finished', {
    task: undo.task,
    undone: outcome.ok,
    reason: outcome.ok ? '' : outcome.data.failure.message,
  })
  if (state.undo.length === 0) return true
  ask(turn, 0)
  return false
}
