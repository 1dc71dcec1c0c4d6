/** What a task that is being divided (decompose.ts) asks for: its compensation, a plan of its parts, and their run. */
import { FRAME_TOKENS, tokensOf } from '../../budget/estimate.ts'
import { taskAddress } from '../address.ts'
import { accountOf, childBudget, deny, park, reserveCall } from '../call-budget.ts'
import { type CallAgent, type DivideTask, planOf } from '../command.ts'
import { askUndo, UNDO_ATTEMPTS, undoOf } from '../compensation.ts'
import type { Task } from '../definition.ts'
import type { BudgetDenied, EventData } from '../event.ts'
import { RUN_ACCOUNT } from '../run-budget.ts'
import type { RunState, TaskState } from '../run-state.ts'
import { childRunId } from '../stages/run.ts'
import type { Place, Turn } from '../turn.ts'
import { budgetShare, declared, limitsFor, planHash, siblingsLeft, taskHash } from './limits.ts'
import type { Lineage, PartsState } from './state.ts'

/** Characters of the planner's own words and of its form, for the estimate of what it costs. */
const PLANNER_WORDS = 6_000
export const MOST_PLAN_TOKENS = 1_200

export const UNDO_MARK = '~undo_attempt'
const WITHOUT_TRACES: ReadonlySet<string> = new Set(['none', 'pure'])

export type Spec = Omit<Task, 'title' | 'required' | 'compensate'>

/** Whether there is something to undo, and a way to do it. */
export const leavesTraces = (place: Place, { id, effect }: Spec): boolean =>
  (effect === undefined || !WITHOUT_TRACES.has(effect)) && wholeTask(place, id)?.compensate !== undefined

const wholeTask = (place: Place, id: string): Task | undefined =>
  place.stage.kind === 'tasks' ? place.stage.tasks.find((task) => task.id === id) : undefined

/** Asks for the compensation of the task as it stands. */
export function undo(
  turn: Turn,
  place: Place,
  { id }: Spec,
  parts: PartsState,
  phase: 'undo' | 'undo_parts',
  delay: number,
): void {
  const whole = wholeTask(place, id)
  const how = whole === undefined ? null : undoOf(turn, place, whole)
  if (how === null) return
  if (parts.phase !== phase || parts.undo === 0) parts.undo_last = parts.undo + UNDO_ATTEMPTS
  parts.phase = phase
  parts.undo++
  askUndo(turn, how, UNDO_MARK, parts.undo, delay)
}

/** Asks the planner, or has the task wait for a raised budget. False: the budget says no, and `failed` why. */
export function plan(turn: Turn, place: Place, spec: Spec, task: TaskState, parts: PartsState): boolean {
  const address = taskAddress(place.address, spec.id)
  const limits = limitsFor(turn, place, spec)
  if (limits === null) return false
  const { instructions, output_schema, effect, timeout, attempts, max_output_tokens } = spec
  parts.phase = 'plan'
  parts.attempt++
  const breadth = Math.min(limits.limits.breadth, parts.share)
  const input = task.input ?? {}
  const reserved = reserveCall(turn, place, pricedAs(turn, address, spec, parts))
  if (!reserved.ok) {
    const reason = capped(turn, address, reserved.denied)
    // What was denied was no call.
    parts.attempt--
    if (park(turn, address, task, reserved.denied, reason)) return true
    parts.failed = reason
    return false
  }
  const { budget } = reserved.call
  turn.emit('decomposition_requested', {
    task: address,
    attempt: parts.attempt,
    level: limits.level,
    breadth,
    reason: parts.reason,
    problems: parts.problems,
    ...(budget === undefined ? {} : { reserved: { account: budget.account, ...budget.amounts } }),
  })
  const whole: DivideTask['whole'] = {
    instructions,
    ...(output_schema === undefined ? {} : { output_schema }),
    ...(effect === undefined ? {} : { effect }),
    ...(timeout === undefined ? {} : { timeout }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(max_output_tokens === undefined ? {} : { max_output_tokens }),
  }
  turn.ask({
    do: 'divide',
    task: address,
    attempt: parts.attempt,
    whole,
    input,
    success: declared(turn, place, spec)?.success ?? null,
    failure: parts.reason,
    breadth,
    problems: parts.problems,
    goal: turn.state.goal,
    max_output_tokens: reserved.call.max_output_tokens,
    ...(budget === undefined ? {} : { budget }),
  })
  return true
}

/** The planner's call as the budget sees it. */
const pricedAs = (turn: Turn, address: string, spec: Spec, parts: PartsState): CallAgent => ({
  do: 'call_agent',
  task: planOf(address),
  attempt: parts.attempt,
  agent: null,
  capability: null,
  fallback: [],
  excluded: [],
  instructions: `${spec.instructions}${parts.reason}${' '.repeat(PLANNER_WORDS)}`,
  input: {},
  output_schema: null,
  effect: null,
  timeout_ms: null,
  max_output_tokens: MOST_PLAN_TOKENS,
  delay_ms: 0,
  goal: turn.state.goal,
})

/**
 * The parts begin, as a run of their own with its share of what is left, or wait for a raised budget. What the budget says
 * against it, or null.
 */
export function begin(
  turn: Turn,
  place: Place,
  spec: Spec,
  task: TaskState,
  parts: PartsState,
  data: Pick<EventData['decomposition_proposed'], 'logic' | 'parts' | 'definition'>,
): string | null {
  const { state } = turn
  delete parts.ready
  const address = taskAddress(place.address, spec.id)
  const caps = limitsFor(turn, place, spec)
  const { logic, definition } = data
  if (caps === null || logic === null || definition === null) return null
  const { limits, level } = caps
  const told = childBudget(turn, place)
  const siblings = siblingsLeft(turn, place)
  const account = state.budget === undefined ? RUN_ACCOUNT : accountOf(turn, state.budget.tree, place)
  const share = state.budget === undefined ? {} : budgetShare(state.budget.tree, account, siblings)
  const least = { calls: 1, tokens: FRAME_TOKENS + tokensOf(data.parts[0]?.does ?? ''), money: 0 }
  for (const unit of ['calls', 'tokens', 'money'] as const) {
    const rest = share[unit]
    if (rest === undefined || rest >= least[unit]) continue
    const reason = `its share of the budget (${rest} ${unit}) is less than its first part needs`
    turn.emit('decomposition_denied', { task: address, cap: 'budget', wanted: least[unit], limit: rest, reason })
    const denied = { account, unit, wanted: least[unit], left: rest, limit: rest }
    if (!park(turn, address, task, denied, reason)) return reason
    parts.ready = { logic, parts: data.parts, definition }
    return null
  }
  const own = { logic, parts: data.parts }
  const { tasks, plans } = above(state, spec.instructions)
  const lineage: Lineage = {
    ...limits,
    level: level + 1,
    left: parts.share - data.parts.length,
    tasks,
    plans: [...plans, planHash(own)],
  }
  const run = childRunId(state.run, address)
  parts.phase = 'run'
  parts.run = run
  parts.planned = data.parts.length
  turn.emit('task_decomposed', { task: address, run, definition, level, ...own, nodes_left: lineage.left })
  turn.emit('child_started', { stage: address, run, definition })
  const limited = Object.keys(share).length > 0
  turn.ask({
    do: 'start_run',
    stage: address,
    run,
    definition,
    inputs: task.input ?? {},
    ...(told === undefined && !limited ? {} : { budget: { ...told, ...(limited ? { limits: share } : {}) } }),
    decomposition: lineage,
  })
  return null
}

/** Tasks and plans above the parts of a task, the task itself included. */
export const above = ({ decomposition }: RunState, instructions: string): Pick<Lineage, 'tasks' | 'plans'> => ({
  tasks: [...(decomposition?.tasks ?? []), taskHash(instructions)],
  plans: decomposition?.plans ?? [],
})

/** Says in the log that a budget denied the planner. */
export function capped(turn: Turn, address: string, denied: BudgetDenied): string {
  const reason = deny(turn, address, denied)
  turn.emit('decomposition_denied', {
    task: address,
    cap: 'budget',
    wanted: denied.wanted,
    limit: denied.limit,
    reason,
  })
  return reason
}
