/**
 * What single calls reserve and pay, and what agents and the log are told about it. See `budget.ts` for the accounts.
 */
import { amountText, type CountedUnit, nothing } from '../budget/amounts.ts'
import { estimate, FRAME_TOKENS, tokensOf, tokensOfBytes } from '../budget/estimate.ts'
import type { Price } from '../budget/prices.ts'
import {
  chain,
  chargeInFull,
  closeAccount,
  type Denied,
  isTwoThirds,
  left,
  leftIn,
  openAccount,
  type Purpose,
  passedTwoThirds,
  release,
  reserve,
  settle,
  spend,
  type Tree,
} from '../budget/tree.ts'
import { limitsOf, openEmpty, outsideAccounts, outsideId } from './budget.ts'
import type { CallAgent, PinnedBudget } from './command.ts'
import { durationText } from './duration.ts'
import type { BudgetDenied, EventData, Usage } from './event.ts'
import { RUN_ACCOUNT, type RunBudget } from './run-budget.ts'
import { isOver, type RunState, type TaskState } from './run-state.ts'
import type { Place, Turn } from './turn.ts'
import { isBlobRef, type Value } from './value.ts'

/** The account that a stage's work is paid from: its own, that of a stage around it, or the run's. Opened on first need. */
export function accountOf(turn: Turn, tree: Tree, place: Place | null): string {
  if (place === null) return RUN_ACCOUNT
  const own = 'budget' in place.stage ? place.stage.budget : undefined
  if (own === undefined) return accountOf(turn, tree, place.parent)
  if (tree.accounts[place.address] === undefined) {
    const parent = accountOf(turn, tree, place.parent)
    const limits = limitsOf(own)
    openAccount(tree, place.address, { parent, limits })
    turn.emit('budget_opened', {
      account: place.address,
      parent,
      limits,
      keep: nothing(),
      wall_clock_ms: null,
      depth: null,
      fan_out: null,
    })
  }
  return place.address
}

/** The step of a call, as it is kept in the state and in the holds. */
export const holdKey = (call: Pick<CallAgent, 'task' | 'attempt'>): string => `${call.task}#${call.attempt}`

/** The same for a repetition of the same call, unlike for every other. */
export const callKey = (call: Pick<CallAgent, 'task' | 'attempt'> & { run: string }): string =>
  `${call.run}/${holdKey(call)}`

export type Reserved = { ok: true; call: CallAgent } | { ok: false; denied: Denied }

/** Reserves for a call, and gives it what the shell and the agent have to know. Without a budget it is left as it is. */
export function reserveCall(turn: Turn, place: Place | null, call: CallAgent, purpose: Purpose = 'work'): Reserved {
  const { budget } = turn.state
  if (budget === undefined) {
    // Only a budget of a stage: the tree begins with the first of them.
    if (place === null || !hasStageBudget(place)) return { ok: true, call }
    openEmpty(turn)
    return reserveCall(turn, place, call, purpose)
  }
  const { tree } = budget
  const account = accountOf(turn, tree, place)
  const rest = left(tree, account, 'tokens', purpose)
  const guess = estimate({
    prompt_tokens: budget.estimates ? promptTokens(call) : 0,
    max_output_tokens: budget.estimates ? call.max_output_tokens : 0,
    left: purpose === 'undo' ? null : rest,
    price: budget.price,
  })
  const denied = reserve(tree, holdKey(call), account, guess.amounts, purpose)
  if (denied !== null) return { ok: false, denied }
  const accounts = outsideAccounts(turn.state, budget, account)
  const most = (unit: CountedUnit): number | null => {
    const inside = left(tree, account, unit, purpose)
    const limits = [
      ...(inside === null ? [] : [inside + guess.amounts[unit]]),
      ...budget.outside.flatMap(({ limits: { [unit]: limit } }) => (limit === undefined ? [] : [limit])),
    ]
    return limits.length === 0 ? null : Math.min(...limits)
  }
  const notice = noticeText(turn, budget, account)
  return {
    ok: true,
    call: {
      ...call,
      ...(budget.estimates ? { max_output_tokens: guess.max_output_tokens } : {}),
      ...(notice === null ? {} : { notice }),
      budget: {
        account,
        amounts: guess.amounts,
        purpose,
        accounts,
        left: { calls: most('calls'), tokens: most('tokens'), money: most('money') },
        asked_at: turn.at,
      },
    },
  }
}

function hasStageBudget(place: Place): boolean {
  for (let at: Place | null = place; at !== null; at = at.parent)
    if ('budget' in at.stage && at.stage.budget !== undefined) return true
  return false
}

/** What a child run is told about the budgets above it; undefined when there is nothing to tell. */
export function childBudget(turn: Turn, place: Place): PinnedBudget | undefined {
  const { budget, pinned } = turn.state
  if (budget === undefined && !hasStageBudget(place))
    return pinned?.price === undefined ? undefined : { price: pinned.price }
  if (budget === undefined) openEmpty(turn)
  const own = turn.state.budget as RunBudget
  const outside = outsideAccounts(turn.state, own, accountOf(turn, own.tree, place))
  return {
    ...(outside.length > 0 ? { outside } : {}),
    price: own.price,
    ...(own.depth === null ? {} : { depth: own.depth - 1 }),
    ...(own.fan_out === null ? {} : { fan_out: own.fan_out }),
  }
}

/** Charges a call that came back. A stage that is gone by now was charged when it was called off. */
export function settleCall(turn: Turn, data: { task: string; attempt: number; usage: Usage }): void {
  const { budget } = turn.state
  const key = holdKey(data)
  const hold = budget?.tree.holds[key]
  if (budget === undefined || hold === undefined) return
  settleUsage(budget.tree, key, data.usage, budget.price)
  tell(turn, budget, hold.account)
}

/** The same in any tree that holds a reservation under this key; where nothing has a price, nothing costs anything. */
export function settleUsage(tree: Tree, key: string, usage: Usage, price: Price): void {
  const known = usage.input_tokens !== null && usage.output_tokens !== null
  if (usage.calls === 0 && known) return release(tree, key)
  settle(tree, key, {
    calls: usage.calls,
    tokens: known ? (usage.input_tokens ?? 0) + (usage.output_tokens ?? 0) : null,
    money: usage.money ?? (price.input + price.output === 0 ? 0 : null),
    estimated: usage.estimated,
  })
}

/** A stage within a body has settled: its account goes, so that the state of a long loop does not grow. */
export function forgetAccount({ budget }: RunState, stage: string): void {
  if (budget === undefined || !stage.includes('[') || budget.tree.accounts[stage] === undefined) return
  closeAccount(budget.tree, stage)
  delete budget.used_up[stage]
}

/** The reply of a step that was called off will find no place: it is charged as if it had used all. */
export function chargeLost(state: RunState, step: string): void {
  if (state.budget !== undefined) chargeInFull(state.budget.tree, step)
}

/** Charges the whole of a child run when it has ended. */
export function settleChild(turn: Turn, place: Place, used: EventData['child_finished']['used']): void {
  const { budget } = turn.state
  if (budget === undefined || used === undefined) return
  const account = accountOf(turn, budget.tree, place)
  spend(budget.tree, account, used.spent, used.estimated)
  tell(turn, budget, account)
}

function tell(turn: Turn, { tree }: RunBudget, account: string): void {
  for (const notice of passedTwoThirds(tree, account)) turn.emit('budget_notice', notice)
}

/** Facts for the agents, once two thirds of something are used; else null. */
function noticeText(turn: Turn, budget: RunBudget, id: string): string | null {
  const facts: string[] = []
  for (const { id: at, account } of chain(budget.tree, id))
    for (const unit of account.told) {
      const limit = account.limits[unit] ?? 0
      const rest = leftIn(account, unit, 'work') ?? 0
      const whose = at === RUN_ACCOUNT ? 'this run' : `stage ${at}`
      facts.push(
        `${amountText(unit, account.spent[unit])} of ${amountText(unit, limit)} of the budget of ${whose} are used; besides this call, ${amountText(unit, rest)} are left`,
      )
    }
  const limit = budget.wall_clock_ms
  const elapsed = turn.at - turn.state.started_at
  if (limit !== null && isTwoThirds(elapsed, limit)) {
    const rest = Math.max(0, limit - budget.kept_ms - elapsed)
    if (!budget.told_of_time) {
      budget.told_of_time = true
      turn.emit('budget_notice', { account: RUN_ACCOUNT, unit: 'wall_clock', limit, spent: elapsed, left: rest })
    }
    facts.push(
      `${durationText(elapsed)} of ${durationText(limit)} of the time of this run are over; ${durationText(rest)} are left`,
    )
  }
  return facts.length === 0 ? null : `${facts.join('. ')}.`
}

/** Says in the log what was denied, and in a sentence for the run's reason. */
export function deny(turn: Turn, by: string, denied: BudgetDenied): string {
  const { budget, run } = turn.state
  const own = outsideId(run, '')
  const account = denied.account.startsWith(own) ? denied.account.slice(own.length) : denied.account
  if (budget?.tree.accounts[account] !== undefined) budget.used_up[account] = true
  turn.emit('budget_denied', { ...denied, by })
  return deniedText(denied)
}

/**
 * A task that was denied waits until somebody raises the budget, where the definition says so. False: it does not, or
 * it is not the budget of the run, or one above it, that said no.
 */
export function park(turn: Turn, address: string, task: TaskState, by: BudgetDenied, reason: string): boolean {
  const { budget } = turn.state
  if (budget?.when_used_up !== 'park' || isOver(turn.state) || !endsTheRun(turn.state, by)) return false
  task.s = 'parked'
  task.reason = reason
  budget.parked.push(address)
  return true
}

/** Whether the budget of this very stage has denied something. */
export const usedUp = (turn: Turn, place: Place): boolean => turn.state.budget?.used_up[place.address] === true

/** Whether a denial leaves the run nothing to do: not that of a stage, an agent or a model host. */
export const endsTheRun = (state: RunState, { account }: BudgetDenied): boolean =>
  account === RUN_ACCOUNT ||
  !(
    state.budget?.tree.accounts[account] !== undefined ||
    account.startsWith(outsideId(state.run, '')) ||
    /^(agent|host):/.test(account)
  )

export function deniedText({ account, unit, wanted, left: rest, limit }: BudgetDenied): string {
  const whose = account === RUN_ACCOUNT ? '' : ` (${account})`
  if (unit === 'depth') return `runs may start each other no deeper: the budget of depth is used up${whose}`
  if (unit === 'fan_out') return `${wanted} side by side are more than the fan-out of ${limit}${whose}`
  if (unit === 'wall_clock') return `the wall-clock budget of ${durationText(limit)} is used up`
  return `the budget of ${amountText(unit, limit)}${whose} is used up: ${amountText(unit, rest)} left, ${amountText(unit, wanted)} wanted`
}

function promptTokens(call: CallAgent): number {
  let tokens = FRAME_TOKENS + tokensOf(call.instructions) + tokensOf(call.goal ?? '')
  if (call.output_schema !== null) tokens += tokensOf(JSON.stringify(call.output_schema))
  const open: Value[] = [call.input as Value]
  for (let value = open.pop(); value !== undefined; value = open.pop()) {
    if (isBlobRef(value)) tokens += tokensOfBytes(value.bytes)
    else if (Array.isArray(value)) open.push(...value)
    else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) {
        tokens += tokensOf(name) + 2
        open.push(item as Value)
      }
    } else tokens += tokensOf(String(value)) + 1
  }
  return tokens
}
