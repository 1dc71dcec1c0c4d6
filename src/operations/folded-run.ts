import type { Store } from '../store/store.ts'
import { addEvents, newFold, snapshot } from '../workflow/run-view.ts'
import type { RunFold, RunView } from '../workflow/run-view-shape.ts'

/** Runs whose views are kept warm, so that watching a run costs its new events and not all of them again. */
const KEPT = 32
const PAGE = 1_000

const foldsOf = new WeakMap<Store, Map<string, RunFold>>()

/** The view of a run, up to the last stored event. Only a cache over the log: it may be dropped at any time. */
export async function foldedRun(store: Store, run: string): Promise<RunView> {
  const folds = foldsOf.get(store) ?? new Map<string, RunFold>()
  foldsOf.set(store, folds)
  const fold = folds.get(run) ?? newFold()
  folds.delete(run)
  folds.set(run, fold)
  for (const oldest of folds.keys()) {
    if (folds.size <= KEPT) break
    folds.delete(oldest)
  }
  for (;;) {
    const events = await store.events.read(run, fold.view.seq, PAGE)
    // Two requests may feed one fold side by side: adding is synchronous and passes over what was added already.
    addEvents(fold, events)
    if (events.length < PAGE) return snapshot(fold)
  }
}
