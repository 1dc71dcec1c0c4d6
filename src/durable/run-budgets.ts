/** What the shell has to know for the budgets of runs: prices at their start, and calls that an earlier process left. */
import { dearest, type PriceTable } from '../budget/prices.ts'
import type { Store } from '../store/store.ts'
import type { PinnedBudget } from '../workflow/command.ts'

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
