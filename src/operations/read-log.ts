import { setImmediate as nextTurn } from 'node:timers/promises'
import { fail, ok, type Result } from '../failure.ts'
import type { RunRow } from '../store/store.ts'
import type { Definition } from '../workflow/definition.ts'
import type { RunEvent } from '../workflow/event.ts'
import type { OperationContext } from './operation.ts'

const PAGE = 1_000

/**
 * Hands over the log of a run page by page, up to the last event that was stored with its row, until `take` says false.
 * Definitions that a page names are in `definitions`, by hash, when it is handed over.
 */
export async function readLog(
  context: OperationContext,
  row: RunRow,
  definitions: Map<string, Definition>,
  take: (events: RunEvent[]) => boolean,
): Promise<Result<void>> {
  for (let after = 0; after < row.seq && !context.signal.aborted; ) {
    const events = await context.store.events.read(row.id, after, Math.min(PAGE, row.seq - after))
    if (events.length === 0) break
    for (const hash of events.flatMap(definitionsOf)) {
      if (definitions.has(hash)) continue
      const stored = await context.store.definitions.get(hash)
      if (stored === null)
        return fail('conflict', `definition ${hash} is not stored any more, so the run cannot be replayed`, {
          field: 'definition',
          value: hash,
          remedy: 'restore the database from a backup that has it',
        })
      definitions.set(hash, stored.definition)
    }
    if (!take(events)) break
    after = events.at(-1)?.seq ?? row.seq
    // A long log must not hold up everybody else.
    if (after < row.seq) await nextTurn()
  }
  return ok(undefined)
}

/** Hashes of the definitions that an event brings into its run. */
function definitionsOf({ type, data }: RunEvent): string[] {
  if (type === 'run_started' || type === 'plan_proposed') return data.definition === null ? [] : [data.definition]
  return type === 'definition_changed' ? [data.definition] : []
}
