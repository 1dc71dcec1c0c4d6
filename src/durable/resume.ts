/** After a start: which runs go on, and who sees to it. */
import type { Store } from '../store/store.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Drives } from './drives.ts'

/**
 * Picks up what was under way. Runs that executed when the program ended are driven here at once: the engine, which
 * would invoke them again by itself some time later, then joins. In a new engine, which knows of none, all runs are woken;
 * in one that knows them, those for which something waits, and those that it had to give up (`stranded`).
 */
export async function resume(parts: {
  store: Store
  dispatcher: Dispatcher
  drives: Drives
  fresh: boolean
  stranded: string[]
}): Promise<void> {
  const { store, dispatcher, drives, fresh } = parts
  const stranded = new Set(parts.stranded)
  const queued: string[] = []
  for (const { id, status } of await store.runs.unfinished()) {
    if (status === 'queued') queued.push(id)
    else if (fresh || stranded.has(id)) dispatcher.wake(id)
    if (status === 'running' || status === 'planning')
      // What fails here is tried again by the engine.
      drives.join(id).catch(() => dispatcher.wake(id))
  }
  // Last: those that were under way keep their places.
  for (const run of queued) dispatcher.begin(run)
  if (!fresh) for (const run of await store.inbox.waiting()) dispatcher.wake(run)
}
