import type { EventType, RunEvent } from '../workflow/event.ts'
import type { StoreAccess } from './schema.ts'
import type { Commit } from './sqlite-commit.ts'
import type { Store } from './store.ts'
import type { Watchers } from './watchers.ts'

export function eventStore({ db, namespace }: StoreAccess, commit: Commit, watchers: Watchers): Store['events'] {
  return {
    async append(batches) {
      if (batches.length === 0) return { fenced: [] }
      const { stored, fenced } = commit.append(batches)
      for (const run of stored) watchers.stored(run)
      return { fenced }
    },

    async read(run, after, limit) {
      const rows = await db
        .selectFrom('events')
        .select(['seq', 'at', 'type', 'v', 'cause', 'data'])
        .where('namespace', '=', namespace)
        .where('run', '=', run)
        .where('seq', '>', after)
        .orderBy('seq')
        .limit(limit)
        .execute()
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
