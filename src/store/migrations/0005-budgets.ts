import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Accounts that several runs draw on, one row for each unit that has a limit, and what is reserved in them. */
export const budgets: Migration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await db.schema
      .createTable('budget_accounts')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('id', 'text', (c) => c.notNull())
      .addColumn('unit', 'text', (c) => c.notNull())
      .addColumn('most', 'bigint', (c) => c.notNull())
      .addColumn('kept', 'bigint', (c) => c.notNull())
      .addColumn('spent', 'bigint', (c) => c.notNull())
      .addColumn('estimated', 'bigint', (c) => c.notNull())
      .addColumn('reserved', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('budget_accounts_pk', ['namespace', 'id', 'unit'])
      .execute()
    await db.schema
      .createTable('budget_holds')
      .addColumn('namespace', 'text', (c) => c.notNull())
      .addColumn('key', 'text', (c) => c.notNull())
      // Which process holds it, and until when it is believed to be alive.
      .addColumn('owner', 'text', (c) => c.notNull())
      .addColumn('alive_until', 'bigint', (c) => c.notNull())
      .addColumn('purpose', 'text', (c) => c.notNull())
      .addColumn('accounts', 'text', (c) => c.notNull())
      .addColumn('calls', 'bigint', (c) => c.notNull())
      .addColumn('tokens', 'bigint', (c) => c.notNull())
      .addColumn('money', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('budget_holds_pk', ['namespace', 'key'])
      .execute()
    await db.schema.createIndex('budget_holds_by_owner').on('budget_holds').columns(['namespace', 'owner']).execute()
  },
}
