import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Who may ask: keys by their hash, and sessions of browsers that signed in with one. */
export const apiKeys: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('api_keys')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('prefix', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('permissions', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('created_by', 'text', (c) => c.notNull())
      .addColumn('expires_at', 'bigint')
      .addColumn('last_used_at', 'bigint')
      .addColumn('revoked_at', 'bigint')
      .addColumn('revoked_by', 'text')
      .addPrimaryKeyConstraint('api_keys_pk', ['namespace', 'id'])
      .execute()
    await db.schema.createIndex('api_keys_by_prefix').on('api_keys').columns(['namespace', 'prefix']).execute()
    // Of the keys in force each has a name of its own: it stands in events as the one who did it.
    await db.schema
      .createIndex('api_keys_by_name')
      .on('api_keys')
      .columns(['namespace', 'name'])
      .unique()
      .where(sql.ref('revoked_at'), 'is', null)
      .execute()
    await db.schema
      .createTable('api_sessions')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('expires_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('api_sessions_pk', ['namespace', 'hash'])
      .execute()
    await db.schema.createIndex('api_sessions_by_key').on('api_sessions').columns(['namespace', 'key']).execute()
  },
}
