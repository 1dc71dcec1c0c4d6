/** Carries out a step of kind `divide`: a planner says how a task could be done in parts, and what it says is stored. */
import { nothing } from '../budget/amounts.ts'
import type { Used } from '../budget/tree.ts'
import type { Fleet, OutsideBudgets } from '../fleet/fleet.ts'
import { divisionRequest } from '../planning/plan-step.ts'
import type { DivisionProposal, Planner } from '../planning/planner.ts'
import type { Store } from '../store/store.ts'
import { callKey } from '../workflow/call-budget.ts'
import { type DivideTask, planOf } from '../workflow/command.ts'
import type { EventData, RunInput } from '../workflow/event.ts'
import { patiently } from './patiently.ts'
import { keepValue } from './values.ts'

type DivideContext = {
  store: Store
  fleet: Pick<Fleet, 'capabilities'>
  planner: Planner
  now: () => number
  budgets: OutsideBudgets | undefined
}

type Proposed = EventData['decomposition_proposed']

/** A proposal that proposes nothing. */
export const emptyProposal = ({ task, attempt }: DivideTask): Proposed => ({
  task,
  attempt,
  logic: null,
  parts: [],
  definition: null,
  problems: [],
  model: null,
  usage: { input_tokens: 0, output_tokens: 0, calls: 0 },
  analysis: null,
  raw: null,
  duration_ms: 0,
})

/** @param died the program before this one had asked already: nobody knows what that call used, it is charged in full */
export async function divide(
  { store, planner, fleet, budgets, now }: DivideContext,
  run: string,
  step: DivideTask,
  died: boolean,
  signal: AbortSignal,
): Promise<RunInput> {
  const told = (data: Partial<Proposed>): RunInput => ({
    at: now(),
    type: 'decomposition_proposed',
    data: { ...emptyProposal(step), ...data },
  })
  if (died) return told({ interrupted: true, usage: { input_tokens: null, output_tokens: null, calls: 1 } })
  const key = callKey({ run, task: planOf(step.task), attempt: step.attempt })
  const held =
    (await budgets?.reserve({
      key,
      agent: null,
      host: null,
      budget: step.budget,
      text: () => `${step.whole.instructions}${step.failure}${step.problems.join('')}`,
      max_output_tokens: step.max_output_tokens,
    })) ?? null
  if (held !== null && held.denied !== null) return told({ denied: held.denied })
  const proposal = await planner.divide(divisionRequest(run, step, fleet.capabilities()), signal)
  if (held !== null)
    await budgets?.settle(key, usedBy(proposal, budgets.moneyFor(proposal.model, proposal.usage).money))
  const { definition, duration_ms, logic, parts, problems, model, analysis, failure } = proposal
  const stored =
    definition === null
      ? null
      : await patiently(signal, () => store.definitions.put(definition, 'planner', `parts of ${step.task} of ${run}`))
  return told({
    logic,
    parts,
    problems,
    model,
    analysis,
    definition: stored?.hash ?? null,
    usage: { ...proposal.usage, ...budgets?.moneyFor(model, proposal.usage) },
    raw: await patiently(signal, () => keepValue(store, proposal.raw)),
    ...(failure === undefined ? {} : { failure }),
    duration_ms,
  })
}

function usedBy(
  { usage: { input_tokens, output_tokens, calls } }: DivisionProposal,
  money: number | null = null,
): Used {
  if (calls === 0) return nothing()
  const known = input_tokens !== null && output_tokens !== null
  return { calls, tokens: known ? input_tokens + output_tokens : null, money: money ?? (known ? 0 : null) }
}
