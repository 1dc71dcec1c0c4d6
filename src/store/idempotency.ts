import type { Json } from '../workflow/value.ts'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

const KEPT_MS = 30 * 24 * 3_600_000
const SWEEP_EVERY_MS = 3_600_000
/** A request that has not finished after this long died with its process; its key may be used again. */
const ABANDONED_MS = 120_000

export function idempotencyStore({ db, namespace }: StoreAccess): Store['idempotency'] {
  let swept = Number.NEGATIVE_INFINITY

  const sweep = async (at: number) => {
    if (at - swept < SWEEP_EVERY_MS) return
    swept = at
    await db
      .deleteFrom('idempotency')
      .where('at', '<', at - KEPT_MS)
      .execute()
  }

  return {
    async begin(key, fingerprint, at) {
      await sweep(at)
      for (;;) {
        const written = await db
          .insertInto('idempotency')
          .values({ namespace, key, fingerprint, at, status: null, body: null })
          .onConflict((conflict) =>
            // Taken over in the same statement, so that of many that try only one gets it.
            conflict
              .columns(['namespace', 'key'])
              .doUpdateSet({ fingerprint, at, status: null, body: null })
              .where((eb) =>
                eb.or([
                  eb('idempotency.at', '<', at - KEPT_MS),
                  eb.and([
                    eb('idempotency.status', 'is', null),
                    eb('idempotency.fingerprint', '=', fingerprint),
                    eb('idempotency.at', '<', at - ABANDONED_MS),
                  ]),
                ]),
              ),
          )
          .returning('key')
          .executeTakeFirst()
        if (written) return { state: 'new' }
        const row = await db
          .selectFrom('idempotency')
          .select(['fingerprint', 'status', 'body'])
          .where('namespace', '=', namespace)
          .where('key', '=', key)
          .executeTakeFirst()
        // Abandoned between the two statements: try again.
        if (!row) continue
        if (row.fingerprint !== fingerprint) return { state: 'mismatch' }
        if (row.status === null) return { state: 'running' }
        return { state: 'done', status: row.status, body: JSON.parse(row.body ?? 'null') as Json }
      }
    },

    async finish(key, status, body) {
      await db
        .updateTable('idempotency')
        .set({ status, body: JSON.stringify(body) })
        .where('namespace', '=', namespace)
        .where('key', '=', key)
        .execute()
    },

    async abandon(key) {
      await db
        .deleteFrom('idempotency')
        .where('namespace', '=', namespace)
        .where('key', '=', key)
        .where('status', 'is', null)
        .execute()
    },
  }
}
