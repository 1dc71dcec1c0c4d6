/** A planner for plans that belong to no run (`quorate plan`): they draw on the limits over all runs as those of runs do. */
import { randomUUID } from 'node:crypto'
import { PLAN_OUTPUT, PLAN_PROMPT_TOKENS } from '../budget/estimate.ts'
import type { Used } from '../budget/tree.ts'
import type { Planner, PlanProposal } from '../planning/planner.ts'
import { deniedText } from '../workflow/call-budget.ts'
import type { OutsideBudgets } from './fleet.ts'

export const budgetedPlanner = (planner: Planner, budgets: OutsideBudgets): Planner => ({
  ...planner,
  propose: async (request, signal) => {
    if (request.template) return planner.propose(request, signal)
    const key = `plan/${randomUUID()}`
    const held = await budgets.reserve({
      key,
      agent: null,
      host: null,
      budget: undefined,
      // Three characters to a token: as much as the planner is reserved within a run.
      text: () => ' '.repeat(PLAN_PROMPT_TOKENS * 3),
      max_output_tokens: PLAN_OUTPUT,
    })
    if (held !== null && held.denied !== null) return deniedPlan(deniedText(held.denied))
    let used: Used = { calls: null, tokens: null, money: null }
    try {
      const proposal = await planner.propose(request, signal)
      used = usedByPlan(proposal, budgets)
      return proposal
    } finally {
      if (held !== null) await budgets.settle(key, used)
    }
  },
})

/** What a proposal used; null for what nobody knows, which is charged as it was reserved. */
function usedByPlan({ usage, model }: Pick<PlanProposal, 'usage' | 'model'>, budgets: OutsideBudgets): Used {
  const { input_tokens, output_tokens, calls } = usage
  const known = input_tokens !== null && output_tokens !== null
  const money = budgets.moneyFor(model, usage).money ?? (known ? 0 : null)
  return { calls, tokens: known ? input_tokens + output_tokens : null, money }
}

const deniedPlan = (message: string): PlanProposal => ({
  source: 'model',
  definition: null,
  problems: [],
  analysis: null,
  model: null,
  usage: { input_tokens: 0, output_tokens: 0, calls: 0 },
  raw: null,
  failure: { kind: 'budget_exhausted', message },
  duration_ms: 0,
})
