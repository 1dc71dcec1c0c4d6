import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { distance, nearest } from './nearest.ts'

test('finds the word that was meant, or none', () => {
  const known = ['port', 'host', 'limits', 'agent_pool_size']
  for (const [word, meant] of [
    ['prot', 'port'],
    ['Hots', 'host'],
    ['limit', 'limits'],
    ['agents_pool_size', 'agent_pool_size'],
    ['zebra', null],
    ['', null],
  ] as const)
    assert.equal(nearest(word, known), meant, word)
})

test('distance is symmetric, 0 only for the same word, and at most the longer length', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 12 }), fc.string({ maxLength: 12 }), (a, b) => {
      const d = distance(a, b)
      assert.equal(d, distance(b, a))
      assert.equal(d === 0, a === b)
      assert.ok(d <= Math.max(a.length, b.length))
    }),
  )
})
