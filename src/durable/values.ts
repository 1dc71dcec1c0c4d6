/** Large values by reference: stored once under the hash of their content, resolved where they are used. */
import { fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import { type BlobRef, INLINE_LIMIT, isBlobRef, type Json, type Value } from '../workflow/value.ts'

/** Bytes that resolving one set of inputs may bring into memory. */
export const RESOLVE_LIMIT = 16_000_000

/** Fields of fewer bytes of JSON stay where they are: a reference would save little. */
const LARGE_FIELD = 640

/**
 * A value as it travels. Of an object that is too large only its large fields are stored apart, so that conditions still
 * read the small ones, and a task can be given the one field that it asks for.
 */
export const keepValue = (store: Store, value: Json): Promise<Value> => keepWithin(store, value, INLINE_LIMIT, 200)

async function keepWithin(store: Store, value: Json, limit: number, preview: number): Promise<Value> {
  if (bytesOf(value) <= limit) return value
  return (await keepFields(store, value, limit)) ?? keepWhole(store, value, preview)
}

async function keepWhole(store: Store, value: Json, preview: number): Promise<BlobRef> {
  const text = JSON.stringify(value)
  const bytes = Buffer.from(text)
  return {
    $blob: await store.blobs.put(bytes),
    bytes: bytes.byteLength,
    preview: (typeof value === 'string' ? value : text).slice(0, preview),
    ...(Array.isArray(value) && { count: value.length }),
  }
}

/** An object with its large fields stored apart; null where that does not make it small enough. */
async function keepFields(store: Store, value: Json, limit: number): Promise<Value | null> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const fields = Object.entries(value).map(([key, item]) => ({ key, item, bytes: bytesOf(item) }))
  const large = fields.filter(({ bytes }) => bytes > LARGE_FIELD).length
  const small = fields.reduce((sum, { key, bytes }) => sum + bytesOf(key) + 2 + (bytes > LARGE_FIELD ? 0 : bytes), 2)
  // A reference to a field has about 150 bytes and its preview.
  if (large === 0 || small + large * 200 > limit) return null
  const share = Math.floor((limit - small) / large)
  const entries = fields.map(
    async ({ key, item, bytes }) =>
      [key, bytes > LARGE_FIELD ? await keepWithin(store, item, share, 40) : item] as const,
  )
  const kept = Object.fromEntries(await Promise.all(entries)) as Value
  return bytesOf(kept) <= limit ? kept : null
}

const bytesOf = (value: Value): number => Buffer.byteLength(JSON.stringify(value))

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

/** Texts that were read from bytes which the store has in memory: one is handed from task to task, and nobody can change it. */
const texts = new WeakMap<Uint8Array, string>()

function parsed(bytes: Uint8Array): Value {
  const known = texts.get(bytes)
  if (known !== undefined) return known
  const { buffer, byteOffset, byteLength } = bytes
  const value = JSON.parse(Buffer.from(buffer, byteOffset, byteLength).toString('utf8')) as Value
  if (typeof value === 'string') texts.set(bytes, value)
  return value
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
      return resolve(parsed(bytes))
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
