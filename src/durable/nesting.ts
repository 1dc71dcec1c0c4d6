/** Runs that start runs. */
import type { Store } from '../store/store.ts'

/** How deep runs may start each other. */
export const DEEPEST = 8

/** 1 for a run that nobody started, 2 for its children; counted up to one more than is allowed. */
export async function depthOf(store: Store, run: string): Promise<number> {
  let depth = 0
  for (
    let row = await store.runs.get(run);
    row !== null && row.parent !== null && depth < DEEPEST;
    row = await store.runs.get(row.parent)
  )
    depth++
  return depth + 1
}
