/** What the shell has to know for the budgets of runs: prices at their start, and calls that an earlier process left. */
import { dearest, type PriceTable } from '../budget/prices.ts'
import type { Store } from '../store/store.ts'
import type { CallAgent, PinnedBudget } from '../workflow/command.ts'
import type { Usage } from '../workflow/event.ts'

/** What a run is told of budgets when it starts; undefined when there is nothing to tell. */
export function pinBudget(prices: PriceTable, budget: PinnedBudget | undefined): PinnedBudget | undefined {
  if (Object.keys(prices).length === 0) return budget
  return { price: dearest(prices), ...budget }
}

/**
 * Whether a call may have been begun by an earlier process: it was asked for before this one opened, its run had begun
 * by then, and is no fork made since, which carries over what its source was owed.
 */
export async function openMayHaveBegun(
  store: Store,
  opened_at: number,
): Promise<(run: string, asked_at: number) => Promise<boolean>> {
  const unbegun = new Set((await store.runs.unfinished(['queued'])).map(({ id }) => id))
  return async (run, asked_at) =>
    asked_at < opened_at && !unbegun.has(run) && ((await store.runs.get(run))?.created_at ?? opened_at) < opened_at
}

/**
 * What a call is charged that an earlier program had in hand when it ended: all that was reserved for it, or what the
 * record of its model calls adds up to where that is more. A model call that never ended counts as it was reserved.
 */
export async function usedBeforeItDied(
  store: Pick<Store, 'model_calls'>,
  run: string,
  { task, attempt }: Pick<CallAgent, 'task' | 'attempt'>,
  reserved_tokens: number,
): Promise<Usage> {
  let [calls, input_tokens, output_tokens] = [0, 0, 0]
  for (const call of await store.model_calls.of_task(run, task)) {
    if (call.attempt !== attempt || call.replayed) continue
    calls++
    input_tokens += call.input_tokens ?? call.reserved_tokens
    output_tokens += call.output_tokens ?? 0
  }
  if (input_tokens + output_tokens <= reserved_tokens)
    return { input_tokens: null, output_tokens: null, calls: Math.max(1, calls) }
  return { input_tokens, output_tokens, calls, estimated: true }
}
