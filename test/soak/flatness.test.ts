import assert from 'node:assert/strict'
import { test } from 'node:test'
import { flatness } from './flatness.ts'

const line = (n: number, from: number, perSecond: number) =>
  Array.from({ length: n }, (_, i) => ({ at: 1_000 * i, value: from + perSecond * i }))

test('what grows is seen: slope, and the last third against the first', () => {
  const grown = flatness(line(900, 100, 0.5))
  assert.ok(grown !== null)
  assert.ok(Math.abs(grown.slope_per_hour - 1_800) < 1e-6)
  assert.equal(grown.first, 174.5)
  assert.equal(grown.last, 474.5)
})

test('what stays, stays; one outlier does not move the thirds', () => {
  const flat = line(90, 50, 0).map((sample, i) => (i === 40 ? { ...sample, value: 5_000 } : sample))
  const seen = flatness(flat)
  assert.equal(seen?.first, 50)
  assert.equal(seen?.last, 50)
})

test('of next to nothing nothing is said', () => {
  assert.equal(flatness(line(8, 1, 1)), null)
})
