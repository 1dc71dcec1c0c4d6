/** Large values by reference: stored once under the hash of their content, resolved where they are used. */
import { fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import { type BlobRef, holdsReference, INLINE_LIMIT, isBlobRef, type Json, type Value } from '../workflow/value.ts'

/** Bytes that resolving one set of inputs may bring into memory. */
export const RESOLVE_LIMIT = 16_000_000

/** Fields of fewer bytes of JSON stay where they are: a reference would save little. */
const LARGE_FIELD = 640

/**
 * JSON from outside (an agent's answer, an input, a signal) as it travels. Of an object that is too large only its large
 * fields are stored apart, so that conditions still read the small ones, and a task can be given the one field that it
 * asks for. What has the form of a reference is stored apart, however small: so every reference that stands in a value
 * is one of ours, and whoever writes the hash of another value gets back what they wrote.
 */
export const keepValue = (store: Store, value: Json): Promise<Value> =>
  keepWithin({ store, ours: false }, value, INLINE_LIMIT, 200)

/** The same of what was put together from kept values: the references in it are ours, and stay. */
export const keepParts = (store: Store, parts: Value): Promise<Value> =>
  keepWithin({ store, ours: true }, parts, INLINE_LIMIT, 200)

/** `ours`: the value consists of kept ones. */
type Keeping = { store: Store; ours: boolean }

async function keepWithin(keeping: Keeping, value: Value, limit: number, preview: number): Promise<Value> {
  const text = JSON.stringify(value)
  if (Buffer.byteLength(text) <= limit) {
    if (keeping.ours || !text.includes('"$blob"')) return value
    const kept = await keepForms(keeping, value)
    if (bytesOf(kept) <= limit) return kept
  }
  return (await keepFields(keeping, value, limit)) ?? keepWhole(keeping, value, preview)
}

/** Stores apart what has the form of a reference. */
async function keepForms(keeping: Keeping, value: Json): Promise<Value> {
  if (typeof value !== 'object' || value === null) return value
  if (isBlobRef(value)) return keepWhole(keeping, value, 40)
  if (Array.isArray(value)) return (await Promise.all(value.map((item) => keepForms(keeping, item)))) as Json
  const entries = Object.entries(value).map(async ([key, item]) => [key, await keepForms(keeping, item)] as const)
  return Object.fromEntries(await Promise.all(entries)) as Value
}

async function keepWhole({ store, ours }: Keeping, value: Value, preview: number): Promise<BlobRef> {
  const text = JSON.stringify(value)
  const bytes = Buffer.from(text)
  return {
    $blob: await store.blobs.put(bytes),
    bytes: bytes.byteLength,
    preview: (typeof value === 'string' ? value : text).slice(0, preview),
    ...(Array.isArray(value) && { count: value.length }),
    ...(ours && holdsReference(value) && { nested: true }),
  }
}

/** An object with its large fields stored apart; null where that does not make it small enough. */
async function keepFields(keeping: Keeping, value: Value, limit: number): Promise<Value | null> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isBlobRef(value)) return null
  const fields = Object.entries(value).map(([key, item]) => ({ key, item, bytes: bytesOf(item) }))
  const large = fields.filter(({ bytes }) => bytes > LARGE_FIELD).length
  const small = fields.reduce((sum, { key, bytes }) => sum + bytesOf(key) + 2 + (bytes > LARGE_FIELD ? 0 : bytes), 2)
  // A reference to a field has about 150 bytes and its preview.
  if (large === 0 || small + large * 200 > limit) return null
  const share = Math.floor((limit - small) / large)
  const entries = fields.map(
    async ({ key, item, bytes }) =>
      [key, await keepWithin(keeping, item, bytes > LARGE_FIELD ? share : LARGE_FIELD, 40)] as const,
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

/** Replaces references by what they stand for, at any depth; what is stored from outside is not looked into. */
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
      const stored = parsed(bytes)
      return part.nested === true ? resolve(stored) : ok(stored as Json)
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
