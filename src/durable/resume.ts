/** After a start: which runs are woken. */

import type { Store } from '../store/store.ts'
import type { RunStatus } from '../workflow/run-state.ts'
import type { Dispatcher } from './dispatcher.ts'

/**
 * In a new engine, which knows of no run, all are woken; in one that knows them, those for which something waits, and those
 * that it had to give up (`stranded`).
 * @param unfinished oldest first; those that executed when the program ended are driven already
 */
export async function resume(parts: {
  store: Store
  dispatcher: Dispatcher
  unfinished: readonly { id: string; status: RunStatus }[]
  fresh: boolean
  stranded: string[]
}): Promise<void> {
  const { store, dispatcher, unfinished, fresh } = parts
  const stranded = new Set(parts.stranded)
  for (const { id, status } of unfinished) if (status !== 'queued' && (fresh || stranded.has(id))) dispatcher.wake(id)
  if (!fresh) for (const run of await store.inbox.waiting()) dispatcher.wake(run)
  // Last: those that were under way keep their places.
  for (const { id, status } of unfinished) if (status === 'queued') dispatcher.begin(id)
}
