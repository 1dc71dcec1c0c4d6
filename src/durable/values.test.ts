import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Store } from '../store/store.ts'
import { contentHash } from '../workflow/content-hash.ts'
import { INLINE_LIMIT, isBlobRef, type Json } from '../workflow/value.ts'
import { keepValue, resolveValue } from './values.ts'

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
