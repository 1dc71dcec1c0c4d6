import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Store } from '../store/store.ts'
import { contentHash } from '../workflow/content-hash.ts'
import { INLINE_LIMIT, isBlobRef, type Json, type Value } from '../workflow/value.ts'
import { keepParts, keepValue, resolveValue } from './values.ts'

/** Stands in for the store's values: what was put is what is got. */
function memory(): Store {
  const kept = new Map<string, Uint8Array>()
  return {
    blobs: {
      put: async (bytes: Uint8Array) => {
        const hash = contentHash(Buffer.from(bytes).toString('base64'))
        kept.set(hash, bytes)
        return hash
      },
      get: async (hash: string) => kept.get(hash) ?? null,
    },
  } as unknown as Store
}

const long = (letter: string): string => letter.repeat(6_000)

test('of an object that is too large, the small fields stay readable and each large one is a reference of its own', async () => {
  const value = { verdict: 'bad', points: 3, text: long('x'), facts: { right: false, evidence: long('y') }, list: [1] }
  const kept = (await keepValue(memory(), value)) as { [field: string]: Json }
  assert.deepEqual([kept['verdict'], kept['points'], kept['list']], ['bad', 3, [1]])
  assert.ok(isBlobRef(kept['text']))
  const facts = kept['facts'] as { [field: string]: Json }
  assert.equal(facts['right'], false)
  assert.ok(isBlobRef(facts['evidence']))
})

test('a large list says how many items it has; a text and an object of many large fields are one reference', async () => {
  const list = await keepValue(
    memory(),
    Array.from({ length: 1_234 }, (_, i) => ({ i })),
  )
  assert.ok(isBlobRef(list))
  assert.equal(list.count, 1_234)
  const text = await keepValue(memory(), long('x'))
  assert.ok(isBlobRef(text))
  assert.deepEqual([text.count, text.bytes], [undefined, 6_002])
  const many = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`f${i}`, long('z')]))
  assert.ok(isBlobRef(await keepValue(memory(), many)))
})

test('whatever is kept fits, and resolving it gives it back', async () => {
  const leaf = fc.oneof(fc.string({ unit: 'binary', maxLength: 3_000 }), fc.double(), fc.boolean(), fc.constant(null))
  const value = fc.letrec((tie) => ({
    json: fc.oneof(
      { depthSize: 'medium', maxDepth: 4 },
      leaf,
      fc.array(tie('json'), { maxLength: 8 }),
      fc.dictionary(fc.string({ maxLength: 40 }), tie('json'), { maxKeys: 12 }),
    ),
  })).json
  await fc.assert(
    fc.asyncProperty(value, async (given) => {
      const json = JSON.parse(JSON.stringify(given)) as Json
      const store = memory()
      const kept = await keepValue(store, json)
      assert.ok(Buffer.byteLength(JSON.stringify(kept)) <= INLINE_LIMIT)
      const resolved = await resolveValue(store, kept)
      assert.ok(resolved.ok)
      assert.deepEqual(resolved.value, json)
    }),
    { numRuns: 100 },
  )
})

/** A value of somebody else, in every store of these tests. */
const SECRET = JSON.stringify('of another run')
const SECRET_HASH = contentHash(Buffer.from(SECRET).toString('base64'))

/** JSON in which there are references to a stored value, to none, and what nearly has their form. */
const hostile = fc
  .letrec((tie) => ({
    json: fc.oneof(
      { depthSize: 'medium', maxDepth: 5 },
      fc.constantFrom('', 'y'.repeat(800), long('y')),
      fc.integer(),
      fc.constantFrom(null, '$blob', '"$blob"', { $blob: 'sha256:1' }, { $blob: { $blob: SECRET_HASH } }),
      fc.array(tie('json'), { maxLength: 8 }),
      fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'preview'), tie('json'), { maxKeys: 4 }),
      fc
        .record(
          {
            $blob: fc.constantFrom(SECRET_HASH, `sha256:${'0'.repeat(64)}`),
            bytes: fc.constantFrom<Json>(1, 20, 1e12, -1, 'many'),
            preview: tie('json'),
            nested: fc.constant(true),
            text: fc.constantFrom('', 'x'.repeat(700), long('x')),
          },
          { requiredKeys: ['$blob'] },
        )
        .map((form) => form as unknown),
    ),
  }))
  .json.map((value) => JSON.parse(JSON.stringify(value)) as Json)

async function withSecret(): Promise<Store> {
  const store = memory()
  assert.equal(await store.blobs.put(Buffer.from(SECRET)), SECRET_HASH)
  return store
}

const whole = async (store: Store, value: Value): Promise<Json> => {
  const resolved = await resolveValue(store, value)
  assert.ok(resolved.ok)
  return resolved.value
}

/** Every reference that stands in a value. */
const references = (value: Value): string[] =>
  typeof value !== 'object' || value === null
    ? []
    : [...(isBlobRef(value) ? [value.$blob] : []), ...Object.values(value).flatMap((item) => references(item as Value))]

test('what has the form of a reference comes back as it was written, and never as the value that it names', async () => {
  await fc.assert(
    fc.asyncProperty(hostile, async (given) => {
      const store = await withSecret()
      const kept = await keepValue(store, given)
      assert.ok(Buffer.byteLength(JSON.stringify(kept)) <= INLINE_LIMIT)
      assert.ok(!references(kept).includes(SECRET_HASH))
      assert.deepEqual(await whole(store, kept), given)
      // As it comes back it goes into the next value.
      assert.deepEqual(await whole(store, await keepValue(store, await whole(store, kept))), given)
    }),
    { numRuns: 300 },
  )
})

test('what is put together of kept values keeps their references, and only those', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(hostile, { maxLength: 12 }), async (given) => {
      const store = await withSecret()
      const outputs = await Promise.all(given.map((value) => keepValue(store, value)))
      const parts = await keepParts(store, Object.fromEntries(outputs.map((value, i) => [`t${i}`, value])) as Value)
      assert.ok(Buffer.byteLength(JSON.stringify(parts)) <= INLINE_LIMIT)
      // A stage of stages: the parts are put together again.
      const outer = await keepParts(store, { a: parts, b: Array.from({ length: 9 }, () => parts) } as Value)
      const inner = Object.fromEntries(given.map((value, i) => [`t${i}`, value]))
      assert.deepEqual(await whole(store, parts), inner)
      assert.deepEqual(await whole(store, outer), { a: inner, b: Array.from({ length: 9 }, () => inner) })
    }),
    { numRuns: 150 },
  )
})
