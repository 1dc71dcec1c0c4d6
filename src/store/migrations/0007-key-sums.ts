import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { keySum } from '../checksum.ts'
import type { StoreSchema } from '../schema.ts'

/** Frozen once released. Checksums for API keys. */
export const keySums: Migration = {
  async up(untyped: Kysely<unknown>): Promise<void> {
    const db = untyped as Kysely<StoreSchema>
    await db.schema
      .alterTable('api_keys')
      .addColumn('sum', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute()
    for (const row of await db.selectFrom('api_keys').selectAll().execute())
      await db
        .updateTable('api_keys')
        .set({ sum: keySum(row.namespace, row) })
        .where('namespace', '=', row.namespace)
        .where('id', '=', row.id)
        .execute()
  },
}
