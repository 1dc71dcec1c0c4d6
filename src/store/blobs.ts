import { createHash } from 'node:crypto'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'

export function blobStore({ db, namespace, now }: StoreAccess): Store['blobs'] {
  return {
    async put(bytes) {
      const hash = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
      await db
        .insertInto('blobs')
        .values({ namespace, hash, bytes, created_at: now() })
        .onConflict((conflict) => conflict.columns(['namespace', 'hash']).doNothing())
        .execute()
      return hash
    },

    async get(hash) {
      const row = await db
        .selectFrom('blobs')
        .select('bytes')
        .where('namespace', '=', namespace)
        .where('hash', '=', hash)
        .executeTakeFirst()
      return row?.bytes ?? null
    },
  }
}
