/**
 * The budget of a run within its state: what its tasks reserve and pay, and what they are told. Everything follows from
 * the events of the run, so replay and fork count the same, and a crash can neither lose nor double anything.
 *
 * Accounts: `run`, and below it one for each stage that has a budget of its own, by the stage's address. Those that
 * child runs draw on are also kept in the store (`outside`), where several runs can draw on one account at once; the
 * shell asks there before a call is made, and says no by a task that failed with `budget_exhausted`.
 */
import { type Amounts, countedUnits, type Limits, moneyOf, nothing } from '../budget/amounts.ts'
import { chain, leftIn, newTree, openAccount, raise, spend } from '../budget/tree.ts'
import type { OutsideAccount } from './command.ts'
import { mayDecompose } from './decomposition/limits.ts'
import type { Definition, Stage, StageBudget } from './definition.ts'
import { milliseconds } from './duration.ts'
import type { BudgetDenied, EventData } from './event.ts'
import { planned } from './plan-budget.ts'
import { RUN_ACCOUNT, type RunBudget } from './run-budget.ts'
import type { RunState } from './run-state.ts'
import type { Turn } from './turn.ts'
import type { Value } from './value.ts'

/** Timer that ends a run at its wall-clock budget; a raised one has a number behind it. */
const WALL_CLOCK = 'budget/wall_clock'
/** Timer from which on nothing new begins, so that the close-out has time. */
const CLOSE_OUT = 'budget/close_out'

/** Limits as the definition writes them, in whole numbers. */
export const limitsOf = (budget: StageBudget | undefined): Limits => ({
  ...(budget?.calls === undefined ? {} : { calls: budget.calls }),
  ...(budget?.tokens === undefined ? {} : { tokens: budget.tokens }),
  ...(budget?.money === undefined ? {} : { money: moneyOf(budget.money) }),
})

/** Opens the run's account when its definition is known; what the planner used is charged. */
export function openBudget(turn: Turn, definition: Definition): void {
  const { state } = turn
  const own = definition.budget
  const pinned = state.pinned
  const { price: _, ...told } = pinned ?? {}
  if (own === undefined && Object.keys(told).length === 0) return
  const limits = least(limitsOf(own), pinned?.limits ?? {})
  const keep = own?.close_out === undefined ? {} : shareOf(limits, own.close_out.share ?? DEFAULT_SHARE)
  const wall_clock_ms = leastOf(
    own?.wall_clock === undefined ? null : milliseconds(own.wall_clock),
    pinned?.wall_clock_ms ?? null,
  )
  const outside = pinned?.outside ?? []
  const tree = newTree()
  openAccount(tree, RUN_ACCOUNT, { parent: null, limits, keep })
  const { spent, estimated } = planned(state)
  if (spent.calls > 0) spend(tree, RUN_ACCOUNT, spent, estimated)
  const all = [limits, ...outside.map((account) => account.limits), ...stageLimits(definition.stages)]
  state.budget = {
    tree,
    outside,
    shared: startsRuns(definition.stages) || mayDecompose(definition) || state.decomposition !== undefined,
    estimates: all.some((one) => one.tokens !== undefined || one.money !== undefined),
    price: pinned?.price ?? { input: 0, output: 0 },
    depth: leastOf(own?.depth ?? null, pinned?.depth ?? null),
    fan_out: leastOf(own?.fan_out ?? null, pinned?.fan_out ?? null),
    wall_clock_ms,
    kept_ms:
      wall_clock_ms === null || own?.close_out === undefined
        ? 0
        : Math.ceil(wall_clock_ms * (own.close_out.share ?? DEFAULT_SHARE)),
    told_of_time: false,
    when_used_up: own?.when_used_up ?? 'close_out',
    parked: [],
    used_up: {},
    raised: 0,
  }
  turn.emit('budget_opened', {
    account: RUN_ACCOUNT,
    parent: null,
    limits,
    keep: { ...nothing(), ...keep },
    wall_clock_ms,
    depth: state.budget.depth,
    fan_out: state.budget.fan_out,
    ...(spent.calls > 0 ? { spent } : {}),
    ...(estimated.tokens > 0 ? { estimated } : {}),
    ...(pinned?.price === undefined ? {} : { price: pinned.price }),
  })
  armClock(turn, state.budget)
}

/** Share of each limit that is kept for a close-out which names none. */
const DEFAULT_SHARE = 0.1

function armClock(turn: Turn, budget: RunBudget): void {
  if (budget.wall_clock_ms === null) return
  for (const timer of Object.keys(turn.state.timers)) if (isBudgetTimer(timer)) turn.dropTimer(timer)
  const suffix = budget.raised === 0 ? '' : `/${budget.raised}`
  const due = turn.state.started_at + budget.wall_clock_ms
  if (budget.kept_ms > 0) turn.startTimer(`${CLOSE_OUT}${suffix}`, due - budget.kept_ms)
  turn.startTimer(`${WALL_CLOCK}${suffix}`, due)
}

export const isBudgetTimer = (timer: string): boolean => timer.startsWith('budget/')
/** Whether the firing of this timer ends the run at once, or only forbids new work. */
export const endsAtOnce = (timer: string): boolean => timer.startsWith(WALL_CLOCK)

/** For a run that only stages of it limit. */
export function openEmpty(turn: Turn): void {
  const { definition, state } = turn
  const tree = newTree()
  openAccount(tree, RUN_ACCOUNT, { parent: null, limits: {} })
  turn.emit('budget_opened', {
    account: RUN_ACCOUNT,
    parent: null,
    limits: {},
    keep: nothing(),
    wall_clock_ms: null,
    depth: null,
    fan_out: null,
    ...(state.pinned?.price === undefined ? {} : { price: state.pinned.price }),
  })
  state.budget = {
    tree,
    outside: [],
    shared:
      definition !== null &&
      (startsRuns(definition.stages) || mayDecompose(definition) || state.decomposition !== undefined),
    estimates: stageLimits(definition?.stages ?? []).some((one) => one.tokens !== undefined || one.money !== undefined),
    price: state.pinned?.price ?? { input: 0, output: 0 },
    depth: null,
    fan_out: null,
    wall_clock_ms: null,
    kept_ms: 0,
    told_of_time: false,
    when_used_up: 'close_out',
    parked: [],
    used_up: {},
    raised: 0,
  }
}

/** What the shell has to reserve outside: the chain of this call where child runs draw on it, and the runs above. */
export function outsideAccounts(state: RunState, budget: RunBudget, account: string): OutsideAccount[] {
  const own = budget.shared
    ? chain(budget.tree, account)
        .filter(({ account: { limits } }) => Object.keys(limits).length > 0)
        .map(({ id, account: { limits, keep } }) => ({ id: outsideId(state.run, id), limits: { ...limits }, keep }))
    : []
  return [...own, ...budget.outside]
}

export const outsideId = (run: string, account: string): string =>
  account === RUN_ACCOUNT ? `run:${run}` : `run:${run}/${account}`

/** What a run reports to the one that started it. */
export function usedBy(state: RunState): { spent: Amounts; estimated: Amounts } {
  const own = state.budget?.tree.accounts[RUN_ACCOUNT]
  if (own !== undefined) return { spent: { ...own.spent }, estimated: { ...own.estimated } }
  const { totals } = state
  const tokens = totals.input_tokens + totals.output_tokens
  return { spent: { calls: totals.calls, tokens, money: totals.money }, estimated: nothing() }
}

/** The denial of a stage's fan-out, or null. */
export function fanOutDenied(turn: Turn, n: number): BudgetDenied | null {
  const limit = turn.state.budget?.fan_out ?? null
  return limit === null || n <= limit ? null : { account: RUN_ACCOUNT, unit: 'fan_out', wanted: n, left: limit, limit }
}

export function depthDenied(turn: Turn): BudgetDenied | null {
  const depth = turn.state.budget?.depth ?? null
  return depth === null || depth > 0 ? null : { account: RUN_ACCOUNT, unit: 'depth', wanted: 1, left: 0, limit: 0 }
}

/** Raises a limit of the run. True when something was raised. */
export function raiseBudget(turn: Turn, { unit, to }: EventData['budget_raised']): boolean {
  const { budget } = turn.state
  if (budget === undefined) return false
  if (unit === 'wall_clock') {
    if (budget.wall_clock_ms === null || to <= budget.wall_clock_ms) return false
    budget.wall_clock_ms = to
    budget.told_of_time = false
    budget.raised++
    armClock(turn, budget)
    return true
  }
  if (unit === 'depth' || unit === 'fan_out') {
    const limit = budget[unit]
    if (limit === null || to <= limit) return false
    budget[unit] = to
    return true
  }
  return raise(budget.tree, RUN_ACCOUNT, unit, to)
}

/** What conditions see of the run's budget: null without a limit. Money in units of the currency. */
export function budgetFigures(state: RunState): { [name: string]: Value } {
  const own = state.budget?.tree.accounts[RUN_ACCOUNT]
  const figures: { [name: string]: Value } = {}
  for (const unit of countedUnits) {
    const rest = own === undefined ? null : leftIn(own, unit, 'work')
    figures[`${unit}_left`] = rest !== null && unit === 'money' ? rest / 1e6 : rest
  }
  return figures
}

const least = (a: Limits, b: Limits): Limits =>
  Object.fromEntries(
    countedUnits.flatMap((unit) => {
      const limit = leastOf(a[unit] ?? null, b[unit] ?? null)
      return limit === null ? [] : [[unit, limit]]
    }),
  )

const leastOf = (a: number | null, b: number | null): number | null =>
  a === null ? b : b === null ? a : Math.min(a, b)

/** At least 1 of what is limited, and never all of it. */
const shareOf = (limits: Limits, share: number): Limits =>
  Object.fromEntries(
    countedUnits.flatMap((unit) => {
      const limit = limits[unit]
      return limit === undefined ? [] : [[unit, Math.min(limit - 1, Math.max(1, Math.ceil(limit * share)))]]
    }),
  )

function* eachStage(stages: readonly Stage[]): Generator<Stage> {
  for (const stage of stages) {
    yield stage
    if (stage.kind === 'loop' || stage.kind === 'for_each') yield* eachStage(stage.stages)
  }
}

function startsRuns(stages: readonly Stage[]): boolean {
  for (const stage of eachStage(stages)) if (stage.kind === 'run') return true
  return false
}

function stageLimits(stages: readonly Stage[]): Limits[] {
  const found: Limits[] = []
  for (const stage of eachStage(stages))
    if ('budget' in stage && stage.budget !== undefined) found.push(limitsOf(stage.budget))
  return found
}
