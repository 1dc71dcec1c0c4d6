import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import { agentSum, effectSum, eventSum, mailSum, runSum } from '../checksum.ts'
import type { StoreSchema } from '../schema.ts'

/** Rows that are summed in one go. */
const AT_ONCE = 2_000

/** Frozen once released. Checksums for what runs are made of, and the mark of runs that came out of a backup. */
export const sums: Migration = {
  async up(untyped: Kysely<unknown>): Promise<void> {
    const db = untyped as Kysely<StoreSchema>
    await db.schema
      .alterTable('runs')
      .addColumn('restored', 'integer', (c) => c.notNull().defaultTo(0))
      .execute()
    for (const table of ['events', 'inbox', 'effects', 'agents', 'runs'] as const)
      await db.schema
        .alterTable(table)
        .addColumn('sum', 'bigint', (c) => c.notNull().defaultTo(0))
        .execute()
    await sumAll(db, 'events', (row) => eventSum(row.namespace, row.run, row))
    await sumAll(db, 'inbox', (row) => mailSum(row.namespace, row.run, row))
    await sumAll(db, 'effects', (row) => effectSum(row.namespace, row.key, row))
    await sumAll(db, 'agents', (row) => agentSum(row.namespace, row.id, row.agent))
    await sumAll(db, 'runs', (row) => runSum(row.namespace, row))
  },
}

const keys = {
  events: ['namespace', 'run', 'seq'],
  inbox: ['namespace', 'run', 'n'],
  effects: ['namespace', 'key'],
  agents: ['namespace', 'id'],
  runs: ['namespace', 'id'],
} as const

async function sumAll<T extends keyof typeof keys>(
  db: Kysely<StoreSchema>,
  table: T,
  sumOf: (row: StoreSchema[T]) => number,
): Promise<void> {
  const key = sql.join(keys[table].map((column) => sql.ref(column)))
  let after: unknown[] | null = null
  for (;;) {
    const where: ReturnType<typeof sql> = after === null ? sql`` : sql`where (${key}) > (${sql.join(after)})`
    const { rows } = await sql<StoreSchema[T]>`
      select * from ${sql.table(table)} ${where} order by ${key} limit ${sql.lit(AT_ONCE)}`.execute(db)
    for (const row of rows) {
      const of = keys[table].map((column) => (row as Record<string, unknown>)[column])
      await sql`update ${sql.table(table)} set sum = ${sumOf(row)} where (${key}) = (${sql.join(of)})`.execute(db)
      after = of
    }
    if (rows.length < AT_ONCE) return
  }
}
