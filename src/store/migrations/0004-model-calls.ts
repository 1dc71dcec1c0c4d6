import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Calls of models through the gateway. Frozen once released. */
export const modelCalls: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('model_calls')
      .addColumn('n', 'integer', (c) => c.primaryKey().autoIncrement())
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('run', 'text', (c) => c.notNull())
      .addColumn('task', 'text', (c) => c.notNull())
      .addColumn('attempt', 'integer', (c) => c.notNull())
      .addColumn('agent', 'text', (c) => c.notNull())
      .addColumn('access', 'text', (c) => c.notNull())
      .addColumn('position', 'integer', (c) => c.notNull())
      .addColumn('endpoint', 'text', (c) => c.notNull())
      .addColumn('content', 'text', (c) => c.notNull())
      .addColumn('at', 'bigint', (c) => c.notNull())
      .addColumn('reserved_tokens', 'bigint', (c) => c.notNull())
      .addColumn('outcome', 'text', (c) => c.notNull())
      .addColumn('model', 'text')
      .addColumn('input_tokens', 'bigint')
      .addColumn('output_tokens', 'bigint')
      .addColumn('estimated', 'integer', (c) => c.notNull())
      .addColumn('first_token_ms', 'double precision')
      .addColumn('duration_ms', 'double precision')
      .addColumn('replayed', 'integer', (c) => c.notNull())
      .addColumn('closed', 'integer', (c) => c.notNull())
      .addColumn('request', 'text')
      .addColumn('answer', 'text')
      .execute()
    await db.schema
      .createIndex('model_calls_by_access')
      .unique()
      .on('model_calls')
      .columns(['namespace', 'access', 'position'])
      .execute()
    await db.schema.createIndex('model_calls_by_run').on('model_calls').columns(['namespace', 'run', 'n']).execute()
    await db.schema
      .createIndex('model_calls_by_task')
      .on('model_calls')
      .columns(['namespace', 'run', 'task', 'n'])
      .execute()
  },
}
