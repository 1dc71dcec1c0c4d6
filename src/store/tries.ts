import type { StoreAccess } from './schema.ts'
import type { Store, StoredTry } from './store.ts'

/** Tries of one agent that are kept; the oldest go. */
const KEPT = 200

export function tryStore({ db, namespace }: StoreAccess): Store['tries'] {
  const all = () => db.selectFrom('tries').where('namespace', '=', namespace)
  return {
    async put(value) {
      const text = JSON.stringify(value)
      const { id, agent, created_at } = value
      await db
        .insertInto('tries')
        .values({ namespace, id, agent, created_at, try: text })
        .onConflict((conflict) => conflict.columns(['namespace', 'id']).doUpdateSet({ try: text }))
        .execute()
      const oldest = await all()
        .select('created_at')
        .where('agent', '=', agent)
        .orderBy('created_at', 'desc')
        .offset(KEPT)
        .limit(1)
        .executeTakeFirst()
      if (oldest === undefined) return
      await db
        .deleteFrom('tries')
        .where('namespace', '=', namespace)
        .where('agent', '=', agent)
        .where('created_at', '<=', oldest.created_at)
        .execute()
    },

    async get(id) {
      const row = await all().select('try').where('id', '=', id).executeTakeFirst()
      return row === undefined ? null : (JSON.parse(row.try) as StoredTry)
    },

    async list(agent, limit) {
      const rows = await all()
        .select('try')
        .where('agent', '=', agent)
        .orderBy('created_at', 'desc')
        .limit(limit)
        .execute()
      return rows.map((row) => JSON.parse(row.try) as StoredTry)
    },
  }
}
