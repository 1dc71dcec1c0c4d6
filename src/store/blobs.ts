import { createHash } from 'node:crypto'
import type { StoreAccess } from './schema.ts'
import type { Store } from './store.ts'
import { damaged, StoreFailure } from './store-failure.ts'

const hashOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`

/** Bytes that are kept in memory: a value that is handed from task to task is read and checked once. */
const KEPT_BYTES = 16_000_000
const LARGEST_KEPT = 2_000_000

export function blobStore({ db, namespace, now }: StoreAccess): Store['blobs'] {
  const recent = recentBlobs()
  return {
    async put(bytes) {
      const hash = hashOf(bytes)
      await db
        .insertInto('blobs')
        .values({ namespace, hash, bytes, created_at: now() })
        .onConflict((conflict) => conflict.columns(['namespace', 'hash']).doNothing())
        .execute()
      recent.keep(hash, bytes)
      return hash
    },

    async get(hash) {
      const known = recent.find(hash)
      if (known !== undefined) return known
      const row = await db
        .selectFrom('blobs')
        .select('bytes')
        .where('namespace', '=', namespace)
        .where('hash', '=', hash)
        .executeTakeFirst()
      if (row === undefined) return null
      if (hashOf(row.bytes) !== hash) throw new StoreFailure(damaged(`the value ${hash} is not what was written`))
      recent.keep(hash, row.bytes)
      return row.bytes
    },
  }
}

/** Least recently used go first. Nobody changes the bytes: they stand under their hash. */
function recentBlobs() {
  const kept = new Map<string, Uint8Array>()
  let size = 0
  return {
    find(hash: string): Uint8Array | undefined {
      const bytes = kept.get(hash)
      if (bytes === undefined) return undefined
      kept.delete(hash)
      kept.set(hash, bytes)
      return bytes
    },
    keep(hash: string, bytes: Uint8Array): void {
      if (bytes.byteLength > LARGEST_KEPT || kept.has(hash)) return
      kept.set(hash, bytes)
      size += bytes.byteLength
      for (const [oldest, { byteLength }] of kept) {
        if (size <= KEPT_BYTES) break
        kept.delete(oldest)
        size -= byteLength
      }
    },
  }
}
