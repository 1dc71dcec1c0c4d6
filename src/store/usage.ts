import { type SelectQueryBuilder, sql } from 'kysely'
import type { StoreAccess, StoreSchema } from './schema.ts'
import type { Store, UsageFilter } from './store.ts'

export function usageStore({ db, namespace }: StoreAccess): Store['usage'] {
  const asked = ({ grain, kind, from, to, agent }: UsageFilter) => {
    let query = db
      .selectFrom('usage_sums')
      .where('namespace', '=', namespace)
      .where('grain', '=', grain)
      .where('kind', '=', kind)
      .where('slot', '>=', from)
      .where('slot', '<', to)
    if (agent !== undefined) query = query.where('agent', '=', agent)
    return query
  }
  const bucket = (ms: number) => sql<number>`slot / ${sql.lit(ms)} * ${sql.lit(ms)}`
  type Asked = SelectQueryBuilder<StoreSchema, 'usage_sums', object>
  const named = (by: UsageFilter['by']) => (by === undefined ? sql<string>`''` : sql<string>`${sql.ref(by)}`)

  return {
    async sums(filter) {
      const rows = await (asked(filter) as Asked)
        .select((eb) => [
          bucket(filter.bucket).as('at'),
          named(filter.by).as('name'),
          'outcome',
          eb.fn.sum<number>('n').as('n'),
          eb.fn.sum<number>('input_tokens').as('input_tokens'),
          eb.fn.sum<number>('output_tokens').as('output_tokens'),
          eb.fn.sum<number>('unknown_usage').as('unknown_usage'),
          eb.fn.sum<number>('calls').as('calls'),
        ])
        .groupBy([sql`1`, sql`2`, 'outcome'])
        .orderBy(sql`1`)
        .execute()
      return rows.map((row) => ({ ...row }))
    },

    async durations(filter, outcome) {
      const rows = await (asked(filter) as Asked)
        .select((eb) => [
          bucket(filter.bucket).as('at'),
          named(filter.by).as('name'),
          'bin',
          eb.fn.sum<number>('n').as('n'),
        ])
        .$if(outcome !== undefined, (query) => query.where('outcome', '=', outcome ?? ''))
        .groupBy([sql`1`, sql`2`, 'bin'])
        .execute()
      return rows.map((row) => ({ ...row }))
    },
  }
}
