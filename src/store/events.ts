import type { Failure } from '../failure.ts'
import type { EventType, RunEvent } from '../workflow/event.ts'
import { eventSum, verifySum } from './checksum.ts'
import type { EventCommits } from './event-commits.ts'
import { repeated } from './repeated.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'
import { damaged, StoreFailure } from './store-failure.ts'
import type { Watchers } from './watchers.ts'

export function eventStore(
  { db, namespace }: StoreAccess,
  commits: EventCommits,
  watchers: Watchers,
  on_damage: (failure: Failure) => void,
): Store['events'] {
  const lastOf = repeated(db, db.selectFrom('runs').select('seq').where('namespace', '=', '').where('id', '=', ''))
  const eventsOf = repeated(
    db,
    db
      .selectFrom('events')
      .select(['seq', 'at', 'type', 'v', 'cause', 'data', 'sum'])
      .where('namespace', '=', '')
      .where('run', '=', '')
      .where('seq', '>', 0)
      .orderBy('seq')
      .limit(1),
  )

  return {
    async append(batches) {
      if (batches.length === 0) return { fenced: [] }
      const { stored, fenced, damaged: broken } = await commits.append(batches)
      for (const run of stored) watchers.stored(run)
      for (const run of broken) on_damage(damaged(`the row of ${run} is not what was written`))
      return { fenced }
    },

    async read(run, after, limit) {
      // Asked first: what is appended meanwhile may be read, and what was there before has to be.
      const [known] = await lastOf(namespace, run)
      const rows = await eventsOf(namespace, run, after, limit)
      for (const [i, row] of rows.entries()) {
        if (row.seq !== after + 1 + i) throw missing(run, after + 1 + i)
        verifySum(`event ${row.seq} of ${run}`, row.sum, eventSum(namespace, run, row))
      }
      if (rows.length < limit && known !== undefined && after + rows.length < known.seq)
        throw missing(run, after + rows.length + 1)
      return rows.map(
        // The type says which data belong to it; both were written together from a RunEvent.
        (row) =>
          ({
            run,
            seq: row.seq,
            at: row.at,
            type: row.type as EventType,
            v: row.v,
            cause: row.cause,
            data: JSON.parse(row.data),
          }) as RunEvent,
      )
    },

    async last_seq(run) {
      const row = await db
        .selectFrom('events')
        .select((eb) => eb.fn.max('seq').as('seq'))
        .where('namespace', '=', namespace)
        .where('run', '=', run)
        .executeTakeFirst()
      return row?.seq ?? 0
    },

    watch: watchers.watch,
  }
}

/** Events have no gaps: one that is missing was lost by the file. */
const missing = (run: string, seq: number): StoreFailure =>
  new StoreFailure(damaged(`event ${seq} of ${run} is missing`))
