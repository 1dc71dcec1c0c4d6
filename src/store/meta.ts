import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

export function metaStore({ db, namespace }: StoreAccess): Store['meta'] {
  return {
    async get(key) {
      const row = await db
        .selectFrom('meta')
        .select('value')
        .where('namespace', '=', namespace)
        .where('key', '=', key)
        .executeTakeFirst()
      return row?.value ?? null
    },

    async set(key, value) {
      await db
        .insertInto('meta')
        .values({ namespace, key, value })
        .onConflict((conflict) => conflict.columns(['namespace', 'key']).doUpdateSet({ value }))
        .execute()
    },
  }
}
