import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Frozen once released: a change of the schema is a new file, listed in `all.ts`. */
export const first: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('runs')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('kind', 'text', (c) => c.notNull())
      .addColumn('goal', 'text')
      .addColumn('definition', 'text')
      .addColumn('definition_name', 'text')
      .addColumn('status', 'text', (c) => c.notNull())
      .addColumn('reason', 'text', (c) => c.notNull())
      .addColumn('parent', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('started_at', 'bigint')
      .addColumn('ended_at', 'bigint')
      .addColumn('seq', 'bigint', (c) => c.notNull())
      .addColumn('epoch', 'bigint', (c) => c.notNull())
      .addColumn('mail', 'bigint', (c) => c.notNull())
      .addColumn('input_tokens', 'bigint', (c) => c.notNull())
      .addColumn('output_tokens', 'bigint', (c) => c.notNull())
      .addColumn('unknown_usage', 'bigint', (c) => c.notNull())
      .addColumn('calls', 'bigint', (c) => c.notNull())
      .addColumn('search_goal', 'text', (c) => c.notNull())
      .addColumn('search_name', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('runs_pk', ['namespace', 'id'])
      .execute()
    for (const [name, columns] of [
      // With the texts that are searched, so that a search for a rare word reads one index and not every row.
      ['runs_by_time', ['namespace', 'created_at', 'id', 'search_goal', 'search_name']],
      ['runs_by_kind', ['namespace', 'kind', 'status', 'created_at', 'id']],
      ['runs_by_status', ['namespace', 'status', 'created_at', 'id']],
      ['runs_by_definition', ['namespace', 'definition', 'created_at', 'id']],
      ['runs_by_definition_name', ['namespace', 'definition_name', 'created_at', 'id']],
      ['runs_by_parent', ['namespace', 'parent', 'created_at', 'id']],
    ] as const) {
      await db.schema
        .createIndex(name)
        .on('runs')
        .columns([...columns])
        .execute()
    }

    await db.schema
      .createTable('events')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('run', 'text', (c) => c.notNull())
      .addColumn('seq', 'bigint', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('v', 'integer', (c) => c.notNull())
      .addColumn('cause', 'bigint')
      .addColumn('data', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('events_pk', ['namespace', 'run', 'seq'])
      .execute()

    await db.schema
      .createTable('inbox')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('run', 'text', (c) => c.notNull())
      .addColumn('n', 'bigint', (c) => c.notNull())
      .addColumn('eid', 'text', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('type', 'text', (c) => c.notNull())
      .addColumn('data', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('inbox_pk', ['namespace', 'run', 'n'])
      .addUniqueConstraint('inbox_by_eid', ['namespace', 'run', 'eid'])
      .execute()

    await db.schema
      .createTable('definitions')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('version', 'integer', (c) => c.notNull())
      .addColumn('definition', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addColumn('by', 'text', (c) => c.notNull())
      .addColumn('note', 'text', (c) => c.notNull())
      .addColumn('search', 'text', (c) => c.notNull())
      // 0, or the version under which an older content became the latest once more.
      .addColumn('restored', 'integer', (c) => c.notNull())
      .addPrimaryKeyConstraint('definitions_pk', ['namespace', 'hash', 'restored'])
      .addUniqueConstraint('definitions_by_name', ['namespace', 'name', 'version'])
      .execute()
    await db.schema
      .createIndex('definitions_by_time')
      .on('definitions')
      .columns(['namespace', 'created_at', 'hash'])
      .execute()

    await db.schema
      .createTable('blobs')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('hash', 'text', (c) => c.notNull())
      .addColumn('bytes', 'blob', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('blobs_pk', ['namespace', 'hash'])
      .execute()

    await db.schema
      .createTable('agents')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('agent', 'text', (c) => c.notNull())
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('agents_pk', ['namespace', 'id'])
      .execute()

    await db.schema
      .createTable('effects')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('run', 'text', (c) => c.notNull())
      .addColumn('task', 'text', (c) => c.notNull())
      .addColumn('agent', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('result', 'text')
      .addColumn('created_at', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('effects_pk', ['namespace', 'key'])
      .execute()

    await db.schema
      .createTable('idempotency')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('fingerprint', 'text', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('status', 'integer')
      .addColumn('body', 'text')
      .addPrimaryKeyConstraint('idempotency_pk', ['namespace', 'key'])
      .execute()
    await db.schema.createIndex('idempotency_by_time').on('idempotency').columns(['at']).execute()

    await db.schema
      .createTable('meta')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      .addColumn('value', 'text', (c) => c.notNull())
      .addPrimaryKeyConstraint('meta_pk', ['namespace', 'key'])
      .execute()
  },
}
