/**
 * Decomposition as needed (ADaPT, Prasad et al. 2024): a task that failed for good, or is too large to be tried, is
 * divided by a planner into smaller ones. They run as a run of its own, in order (`and`) or until one succeeds (`or`),
 * each solved the same way one level below, and what that run yields is what the task yields.
 *
 *     requested -> proposed -> child_started, task_decomposed -> child_finished -> ended
 *
 * Invariants:
 *  P1. At most Σ b^i (i < D) executions and Σ b^i (i < D-1) plans that run, with breadth b and depth D, and never more
 *      tasks than the tree may have: every run below gets its share of what is left, in whole numbers.
 *  P2. What the failed attempt did, or may have done, is undone before anything is planned; so is what the parts did
 *      when they fail. What cannot be undone is not built upon.
 *  P3. Whether the result is good is said by the output schema or the condition that was declared, never by who made it.
 *  P4. Every end is named in the log (`decomposition_ended`), every cap that says no as well (`decomposition_denied`).
 */
import { backoffMs } from '../../agents/retry.ts'
import { taskAddress } from '../address.ts'
import { depthDenied } from '../budget.ts'
import { deny, park, settleChild } from '../call-budget.ts'
import type { EventData } from '../event.ts'
import { evaluateCondition } from '../expression.ts'
import { isOver, type TaskState } from '../run-state.ts'
import type { Place, Turn } from '../turn.ts'
import type { Value } from '../value.ts'
import { declared, limitsFor, repeats } from './limits.ts'
import type { Cap, PartsState, StopName } from './state.ts'
import { above, begin, capped, leavesTraces, plan, type Spec, UNDO_MARK, undo } from './steps.ts'

/** Of the planner's answers: the first and two re-plans. */
const PROPOSALS = 3
/** A plan that equals its parent is asked for once more. */
const REPEATED = 1
/** Calls of the planner in all, with those that the end of the program cut short. */
const MOST_CALLS = 10
/** Characters of a failure that a planner is shown, and that the log keeps of it. */
const SHOWN_FAILURE = 2_000
/** What a task has come to; `try`: as a whole, since it cannot be divided. */
export type Settled = { s: 'done' | 'failed' | 'try'; reason: string; out?: Value }

/** The task whose failed attempt, or whose parts, this call undoes; null = it undoes nothing of that kind. */
export const undoneFirst = (task: string): string | null =>
  task.endsWith(UNDO_MARK) ? task.slice(0, -UNDO_MARK.length) : null

/** Whether a task is to be divided without being tried. */
export const isTooLarge = (turn: Turn, place: Place, task: Spec): boolean =>
  place.stage.kind === 'tasks' && declared(turn, place, task)?.too_large === true

/** Why an output is not good enough, by the condition that is declared for it; null = it is, or none is declared. */
export function goalMissed(turn: Turn, place: Place, task: Spec, output: Value): string | null {
  const success = place.stage.kind === 'tasks' ? declared(turn, place, task)?.success : undefined
  if (success === undefined) return null
  const { value, reason } = evaluateCondition(success, (name) => (name === 'output' ? output : undefined))
  return value === true ? null : `the result does not fulfil its condition: ${reason}`
}

/**
 * Begins to divide a task that would fail otherwise. False: it is not declared for it, a cap was reached, or it cannot
 * be; then nothing has changed but the log. The task goes on as `running`; what comes of it settles it later.
 * @param reason what became of the task as a whole
 * @param tried false for a task that is too large to be tried: if it cannot be divided, it is tried after all
 */
export function decompose(
  turn: Turn,
  place: Place,
  spec: Spec,
  task: TaskState,
  reason: string,
  tried = true,
): boolean {
  if (place.stage.kind !== 'tasks' || task.parts !== undefined || isOver(turn.state)) return false
  const caps = limitsFor(turn, place, spec)
  if (caps === null) return false
  const { limits, level, share } = caps
  const address = taskAddress(place.address, spec.id)
  const refuse = (cap: Cap, stop: StopName, wanted: number, limit: number, why: string): false => {
    turn.emit('decomposition_denied', { task: address, cap, wanted, limit, reason: why })
    turn.emit('decomposition_ended', { task: address, stop, reason: why, level, run: null, nodes: 0 })
    return false
  }
  if (level >= limits.depth)
    return refuse('depth', 'depth_cap', level + 1, limits.depth, `${limits.depth} levels are the most for this task`)
  if (share < 2)
    return refuse('nodes', 'node_cap', 2, Math.max(0, share), `${limits.nodes} tasks in all are the most for this task`)
  const deep = depthDenied(turn)
  if (deep !== null) return refuse('budget', 'budget', 1, 0, deny(turn, address, deep))
  task.s = 'running'
  const tree = turn.state.decomposition
  if (tree !== undefined) tree.left -= share
  const parts: PartsState = {
    phase: 'plan',
    reason: reason.slice(0, SHOWN_FAILURE),
    tried,
    attempt: 0,
    interrupted: 0,
    undo: 0,
    undo_last: 0,
    repeated: 0,
    problems: [],
    share,
  }
  task.parts = parts
  if (tried && leavesTraces(place, spec)) undo(turn, place, spec, parts, 'undo', 0)
  else if (!plan(turn, place, spec, task, parts)) {
    end(turn, place, spec, parts, 'budget', parts.failed ?? 'its budget is used up')
    return false
  }
  return true
}

/** What the planner proposes: divided accordingly, asked again, or given up. Null: the task goes on. */
export function divided(
  turn: Turn,
  place: Place,
  spec: Spec,
  data: EventData['decomposition_proposed'],
): Settled | null {
  const task = turn.stageState(place).tasks?.[spec.id]
  const parts = task?.parts
  if (task === undefined || parts?.phase !== 'plan' || parts.attempt !== data.attempt) return null
  const { input_tokens, output_tokens } = data.usage
  addTokens(task, input_tokens === null || output_tokens === null ? null : input_tokens + output_tokens)
  const address = taskAddress(place.address, spec.id)
  const stop = (name: StopName, reason: string): Settled => end(turn, place, spec, parts, name, reason)
  if (isOver(turn.state)) return stop('run_over', 'the run begins nothing new')
  if (data.denied !== undefined) {
    const reason = capped(turn, address, data.denied)
    parts.interrupted++
    return park(turn, address, task, data.denied, reason) ? null : stop('budget', reason)
  }
  if (data.interrupted === true) parts.interrupted++
  else if (data.failure !== undefined && data.failure.kind !== 'output_invalid')
    return stop('no_planner', `no planner could divide it: ${data.failure.message}`)
  const limits = limitsFor(turn, place, spec)?.limits
  const breadth = Math.min(limits?.breadth ?? 0, parts.share)
  const wrong = data.interrupted === true ? parts.problems : problemsOf(turn, spec, data, parts, address, breadth)
  if (wrong === null) {
    const denied = begin(turn, place, spec, task, parts, data)
    return denied === null ? null : stop('budget', denied)
  }
  if (parts.repeated > REPEATED) return stop('same_plan', `no progress: ${wrong.join('; ')}`)
  const proposals = parts.attempt - parts.interrupted
  if (proposals >= PROPOSALS || parts.attempt >= MOST_CALLS) {
    const wide = data.parts.length > breadth
    return stop(wide ? 'breadth_cap' : 'replans', `no plan of its parts passed: ${wrong.join('; ')}`)
  }
  parts.problems = wrong
  return planAgain(turn, place, spec, task, parts)
}

/** Begins with the plan that is ready, or asks the planner. Null: the task goes on, or waits for a raised budget. */
export function planAgain(turn: Turn, place: Place, spec: Spec, task: TaskState, parts: PartsState): Settled | null {
  const { ready } = parts
  if (ready === undefined) {
    if (plan(turn, place, spec, task, parts)) return null
    return end(turn, place, spec, parts, 'budget', parts.failed ?? 'its budget is used up')
  }
  const denied = begin(turn, place, spec, task, parts, ready)
  return denied === null ? null : end(turn, place, spec, parts, 'budget', denied)
}

/** What is wrong with a proposal; null = it may run. */
function problemsOf(
  turn: Turn,
  spec: Spec,
  data: EventData['decomposition_proposed'],
  parts: PartsState,
  address: string,
  breadth: number,
): string[] | null {
  const { logic, definition } = data
  if (data.parts.length > breadth) {
    const reason = `${data.parts.length} parts, ${breadth} are the most`
    turn.emit('decomposition_denied', {
      task: address,
      cap: 'breadth',
      wanted: data.parts.length,
      limit: breadth,
      reason,
    })
    return [reason]
  }
  const same =
    logic === null || data.parts.length === 0
      ? null
      : repeats({ logic, parts: data.parts }, above(turn.state, spec.instructions))
  if (same !== null) {
    parts.repeated++
    return [same]
  }
  if (logic === null || definition === null)
    return data.problems.length > 0 ? data.problems : ['nothing usable was proposed']
  return null
}

/** The run of the parts has ended. Null: what they did is undone first. */
export function partsEnded(turn: Turn, place: Place, spec: Spec, data: EventData['child_finished']): Settled | null {
  const task = turn.stageState(place).tasks?.[spec.id]
  const parts = task?.parts
  if (task === undefined || parts?.phase !== 'run') return null
  settleChild(turn, place, data.used)
  if (data.used !== undefined) addTokens(task, data.used.spent.tokens)
  // Who does not say how many tasks it planned is taken to have planned all that it might.
  parts.planned = (parts.planned ?? 0) + Math.min(data.nodes ?? parts.share, parts.share - (parts.planned ?? 0))
  const reached = (data.status === 'completed' || data.status === 'partial') && data.goal_met !== false
  const missed = reached ? goalMissed(turn, place, spec, data.output) : null
  if (reached && missed === null) {
    const checked = spec.output_schema !== undefined || declared(turn, place, spec)?.success !== undefined
    const by = `${parts.planned} part${parts.planned === 1 ? '' : 's'}`
    return {
      ...end(turn, place, spec, parts, checked ? 'goal_check_passed' : 'parts_done', `done in ${by}`, true),
      out: data.output,
    }
  }
  // One that never began says why instead of a result.
  const begun = data.used !== undefined || typeof data.output !== 'string'
  const ended = begun ? `ended as ${data.status}` : `could not begin: ${data.output}`
  const [name, reason]: [StopName, string] =
    missed === null ? ['parts_failed', `the run of its parts ${ended}`] : ['goal_check_failed', missed]
  if (!leavesTraces(place, spec) || isOver(turn.state)) return end(turn, place, spec, parts, name, reason)
  parts.stop = name
  parts.failed = reason
  undo(turn, place, spec, parts, 'undo_parts', 0)
  return null
}

/** A compensation that comes before the plan, or after parts that failed, came back. Null: the task goes on. @param failed null: done */
export function undone(turn: Turn, place: Place, spec: Spec, failed: EventData['task_failed'] | null): Settled | null {
  const task = turn.stageState(place).tasks?.[spec.id]
  const parts = task?.parts
  if (task === undefined || (parts?.phase !== 'undo' && parts?.phase !== 'undo_parts')) return null
  if (failed?.retryable === true && parts.undo < parts.undo_last && !isOver(turn.state)) {
    const seed = `${turn.state.run}/${place.address}/${spec.id}${UNDO_MARK}`
    undo(turn, place, spec, parts, parts.phase, backoffMs({ attempt: parts.undo, seed }))
    return null
  }
  turn.emit('compensation_finished', {
    task: taskAddress(place.address, spec.id),
    undone: failed === null,
    reason: failed?.failure.message ?? '',
  })
  const stop = (name: StopName, reason: string): Settled => end(turn, place, spec, parts, name, reason)
  if (parts.phase === 'undo_parts') {
    const left = failed === null ? '' : `; what they did could not be undone: ${failed.failure.message}`
    return stop(parts.stop ?? 'parts_failed', `${parts.failed ?? 'its parts failed'}${left}`)
  }
  if (failed !== null) return stop('not_undone', `what it did could not be undone: ${failed.failure.message}`)
  if (isOver(turn.state)) return stop('run_over', 'the run begins nothing new')
  return planAgain(turn, place, spec, task, parts)
}

function end(
  turn: Turn,
  place: Place,
  spec: Spec,
  parts: PartsState,
  stop: StopName,
  why: string,
  done = false,
): Settled {
  const nodes = parts.run === undefined ? 0 : (parts.planned ?? 0)
  const tree = turn.state.decomposition
  if (tree !== undefined) tree.left += parts.share - nodes
  parts.phase = 'ended'
  turn.emit('decomposition_ended', {
    task: taskAddress(place.address, spec.id),
    stop,
    reason: why,
    level: tree?.level ?? 1,
    run: parts.run ?? null,
    nodes,
  })
  if (done) return { s: 'done', reason: why }
  const whole = parts.run === undefined && !parts.tried && stop !== 'run_over'
  return {
    s: whole ? 'try' : 'failed',
    reason: whole
      ? why
      : `${parts.reason}; ${parts.run === undefined ? 'not divided into parts' : 'divided into parts'}: ${why}`,
  }
}

function addTokens(task: TaskState, tokens: number | null): void {
  task.tokens = task.tokens === null || tokens === null ? null : task.tokens + tokens
}
