/** After a start: which runs go on, and who sees to it. */
import type { Store } from '../store/store.ts'
import type { Dispatcher } from './dispatcher.ts'

/**
 * Picks up what was under way: in a new engine, all; in one that still knows its runs, those for which something waits;
 * those that an older build of the program held, from their logs. Answers with the runs that the engine takes up by itself:
 * waking hundreds of them a second time would only hold them up.
 */
export async function resume(
  store: Store,
  fresh: boolean,
  stranded: string[],
  dispatcher: Dispatcher,
  again: (run: string) => Promise<void>,
): Promise<string[]> {
  const held = new Set(stranded)
  const under_way: string[] = []
  const queued: string[] = []
  for (const run of stranded) await again(run)
  for (const { id, status } of await store.runs.unfinished()) {
    if (held.has(id)) continue
    if (status === 'queued') queued.push(id)
    else if (fresh) dispatcher.wake(id)
    else if (status === 'running' || status === 'planning') {
      dispatcher.expect(id)
      under_way.push(id)
    }
  }
  // Last: those that were under way keep their places.
  for (const run of queued) dispatcher.begin(run)
  if (!fresh) for (const run of await store.inbox.waiting()) if (!held.has(run)) dispatcher.wake(run)
  return under_way
}
