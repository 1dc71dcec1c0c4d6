/**
 * The planner's calls before there is a definition, and so an account: what they have used of the budget that came with
 * the request. The first account opens with it.
 */
import { type Amounts, countedUnits, nothing } from '../budget/amounts.ts'
import { PLAN_OUTPUT, PLAN_PROMPT_TOKENS } from '../budget/estimate.ts'
import { costOf } from '../budget/prices.ts'
import type { RunState } from './run-state.ts'

/** What one call of the planner is reserved. */
function planCall({ pinned }: RunState): Amounts {
  const money = pinned?.price === undefined ? 0 : costOf(pinned.price, PLAN_PROMPT_TOKENS, PLAN_OUTPUT)
  return { calls: 1, tokens: PLAN_PROMPT_TOKENS + PLAN_OUTPUT, money }
}

/** What they have used; calls of which nobody knows (they died, or their host does not count) as they were reserved. */
export function planned(state: RunState): { spent: Amounts; estimated: Amounts } {
  const { totals } = state
  const each = planCall(state)
  const estimated = {
    ...nothing(),
    tokens: totals.unknown_usage * each.tokens,
    money: totals.unknown_usage * each.money,
  }
  const tokens = totals.input_tokens + totals.output_tokens + estimated.tokens
  return { spent: { calls: totals.calls, tokens, money: totals.money + estimated.money }, estimated }
}

/** Whether the budget of the request holds another call of the planner and one of an agent; else a template is taken. */
export function mayPlan(state: RunState): boolean {
  const limits = state.pinned?.limits ?? {}
  const each = planCall(state)
  const { spent } = planned(state)
  return countedUnits.every((unit) => {
    const limit = limits[unit]
    return limit === undefined || limit - spent[unit] >= each[unit] + (unit === 'calls' ? 1 : 0)
  })
}
