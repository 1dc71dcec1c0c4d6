/** The budget of a run as people look at it: folded from its events with the same tree that the run itself counts in. */
import { type Amounts, MICROS } from '../budget/amounts.ts'
import { chargeInFull, closeAccount, openAccount, raise, reserve, spend, type Tree } from '../budget/tree.ts'
import { holdKey, settleUsage } from './call-budget.ts'
import type { BudgetDenied, BudgetUnit, EventData, RunEvent } from './event.ts'
import { RUN_ACCOUNT } from './run-budget.ts'

/** Children and denials that a view keeps at most. */
const KEPT = 100

export type BudgetView = {
  tree: Tree
  wall_clock_ms: number | null
  depth: number | null
  fan_out: number | null
  /** Runs that were started and have ended, with what they and all below them used. */
  children: { run: string; stage: string; spent: Amounts; estimated: Amounts }[]
  notices: EventData['budget_notice'][]
  denied: (BudgetDenied & { by: string })[]
  raised: { unit: BudgetUnit; to: number; by: string; reason: string; at: number }[]
  price: { input: number; output: number }
}

const push = <T>(list: T[], item: T): void => {
  if (list.length < KEPT) list.push(item)
}

export function viewBudget(view: { budget: BudgetView | null }, event: RunEvent): void {
  if (event.type === 'budget_opened') view.budget = opened(view.budget, event.data)
  const { budget } = view
  if (budget === null) return
  const { tree } = budget
  switch (event.type) {
    case 'task_started': {
      const { reserved } = event.data
      if (reserved === undefined || tree.accounts[reserved.account] === undefined) return
      const { account, ...amounts } = reserved
      // Never denied here: what was denied has no such event.
      reserve(tree, holdKey(event.data), account, amounts, 'undo')
      return
    }
    case 'task_finished':
    case 'task_failed':
      return settleUsage(tree, holdKey(event.data), event.data.usage, budget.price)
    case 'child_finished': {
      const { used, run, stage } = event.data
      if (used === undefined) return
      spend(tree, accountFor(tree, stage), used.spent, used.estimated)
      return push(budget.children, { run, stage, ...used })
    }
    case 'stage_finished':
      lose(tree, event.data.stage)
      if (event.data.stage.includes('[') && Object.keys(tree.accounts).length > KEPT)
        closeAccount(tree, event.data.stage)
      return
    case 'compensation_started':
    case 'run_finished':
      return lose(tree, null)
    case 'budget_raised': {
      const { unit, to } = event.data
      if (unit === 'wall_clock') budget.wall_clock_ms = Math.max(budget.wall_clock_ms ?? 0, to)
      else if (unit === 'depth' || unit === 'fan_out') budget[unit] = Math.max(budget[unit] ?? 0, to)
      else raise(tree, RUN_ACCOUNT, unit, to)
      return push(budget.raised, { ...event.data, at: event.at })
    }
    case 'budget_notice':
      return push(budget.notices, event.data)
    case 'budget_denied':
      return push(budget.denied, event.data)
    default:
      return
  }
}

function opened(before: BudgetView | null, data: EventData['budget_opened']): BudgetView {
  const { account, parent, limits, keep, wall_clock_ms, depth, fan_out, spent, estimated, price } = data
  const budget: BudgetView = before ?? {
    tree: { accounts: {}, holds: {} },
    wall_clock_ms,
    depth,
    fan_out,
    children: [],
    notices: [],
    denied: [],
    raised: [],
    price: price ?? { input: 0, output: 0 },
  }
  openAccount(budget.tree, account, { parent, limits: { ...limits }, keep })
  if (spent !== undefined) spend(budget.tree, account, spent, estimated)
  return budget
}

/** The replies of what was called off below an address (null: of everything) do not come any more. */
function lose(tree: Tree, stage: string | null): void {
  for (const key of Object.keys(tree.holds))
    if (stage === null || key.startsWith(`${stage}/`) || key.startsWith(`${stage}[`)) chargeInFull(tree, key)
}

/** The account of the stage itself, or the nearest around it. */
function accountFor(tree: Tree, stage: string): string {
  let found = RUN_ACCOUNT
  for (const id of Object.keys(tree.accounts))
    if ((stage === id || stage.startsWith(`${id}[`)) && id.length > (found === RUN_ACCOUNT ? 0 : found.length))
      found = id
  return found
}

/** For people and programs outside: money in units of the currency, the share that was estimated, every account in order. */
export function budgetReport(view: BudgetView | null): BudgetReport | null {
  if (view === null) return null
  const shown = ({ calls, tokens, money }: Amounts): Amounts => ({ calls, tokens, money: money / MICROS })
  return {
    accounts: Object.entries(view.tree.accounts).map(
      ([account, { parent, limits, keep, spent, estimated, reserved }]) => ({
        account,
        parent,
        limits: {
          calls: limits.calls ?? null,
          tokens: limits.tokens ?? null,
          money: limits.money === undefined ? null : limits.money / MICROS,
        },
        kept_for_close_out: shown(keep),
        spent: shown(spent),
        reserved: shown(reserved),
        estimated: shown(estimated),
        estimated_share:
          spent.tokens > 0 ? estimated.tokens / spent.tokens : spent.calls > 0 ? estimated.calls / spent.calls : 0,
      }),
    ),
    children: view.children.map(({ run, stage, spent, estimated }) => ({
      run,
      stage,
      spent: shown(spent),
      estimated: shown(estimated),
    })),
    wall_clock_ms: view.wall_clock_ms,
    depth: view.depth,
    fan_out: view.fan_out,
    notices: view.notices.map(outward),
    denied: view.denied.map(outward),
    raised: view.raised.map((one) => ({ ...one, to: one.unit === 'money' ? one.to / MICROS : one.to })),
  }
}

export type BudgetReport = {
  accounts: {
    account: string
    parent: string | null
    limits: { calls: number | null; tokens: number | null; money: number | null }
    kept_for_close_out: Amounts
    spent: Amounts
    reserved: Amounts
    estimated: Amounts
    estimated_share: number
  }[]
  children: { run: string; stage: string; spent: Amounts; estimated: Amounts }[]
  wall_clock_ms: number | null
  depth: number | null
  fan_out: number | null
  notices: EventData['budget_notice'][]
  denied: (BudgetDenied & { by: string })[]
  raised: BudgetView['raised']
}

/** Figures in units of the currency where they are money. */
function outward<T extends { unit: BudgetUnit }>(one: T): T {
  if (one.unit !== 'money') return one
  return Object.fromEntries(
    Object.entries(one).map(([name, value]) => [name, typeof value === 'number' ? value / MICROS : value]),
  ) as T
}
