/** Large values by reference: stored once under the hash of their content, resolved where they are used. */
import { fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import { type BlobRef, INLINE_LIMIT, isBlobRef, type Json, type Value } from '../workflow/value.ts'

/** Bytes that resolving one set of inputs may bring into memory. */
export const RESOLVE_LIMIT = 16_000_000

export async function keepValue(store: Store, value: Json): Promise<Value> {
  const text = JSON.stringify(value)
  const bytes = Buffer.from(text)
  if (bytes.byteLength <= INLINE_LIMIT) return value
  const hash = await store.blobs.put(bytes)
  const preview = (typeof value === 'string' ? value : text).slice(0, 200)
  return { $blob: hash, bytes: bytes.byteLength, preview } satisfies BlobRef
}

/** A copy, for whoever is given it may change it; undefined where there is a reference at any depth. */
function copyOf(value: Value): Json | undefined {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) {
    const items: Json[] = []
    for (const item of value) {
      const copied = copyOf(item)
      if (copied === undefined) return undefined
      items.push(copied)
    }
    return items
  }
  if (isBlobRef(value)) return undefined
  const entries: [string, Json][] = []
  for (const [key, item] of Object.entries(value)) {
    const copied = copyOf(item)
    if (copied === undefined) return undefined
    entries.push([key, copied])
  }
  return Object.fromEntries(entries)
}

/** Replaces references by what they stand for, at any depth. */
export async function resolveValue(store: Store, value: Value, limit = RESOLVE_LIMIT): Promise<Result<Json>> {
  const small = copyOf(value)
  if (small !== undefined) return ok(small)
  let left = limit
  const resolve = async (part: Value): Promise<Result<Json>> => {
    if (isBlobRef(part)) {
      left -= part.bytes
      if (left < 0)
        return fail('too_large', `the values of this task have more than ${limit} bytes together`, {
          remedy: 'Pass less, or a part of it.',
        })
      const bytes = await store.blobs.get(part.$blob)
      if (bytes === null)
        return fail('not_found', `value ${part.$blob} is not in the store`, {
          remedy: 'Restore the database from a backup that has it.',
        })
      return resolve(JSON.parse(Buffer.from(bytes).toString('utf8')) as Value)
    }
    if (Array.isArray(part)) {
      const items: Json[] = []
      for (const item of part) {
        const resolved = await resolve(item)
        if (!resolved.ok) return resolved
        items.push(resolved.value)
      }
      return ok(items)
    }
    if (typeof part === 'object' && part !== null) {
      const entries: [string, Json][] = []
      for (const [key, item] of Object.entries(part)) {
        const resolved = await resolve(item as Value)
        if (!resolved.ok) return resolved
        entries.push([key, resolved.value])
      }
      return ok(Object.fromEntries(entries))
    }
    return ok(part as Json)
  }
  return resolve(value)
}
