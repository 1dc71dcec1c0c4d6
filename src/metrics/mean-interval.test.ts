import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LEAST_GROUPS, meanInterval } from './mean-interval.ts'

test('no values give null, never 0', () => {
  assert.deepEqual(meanInterval([[], []]), { mean: null, n: 0, groups: 0, interval: null })
})

test('few groups give a mean without an interval', () => {
  assert.deepEqual(meanInterval([[0.5, 1], [0]]), { mean: 0.5, n: 3, groups: 2, interval: null })
})

test('equal values give a point', () => {
  const { interval } = meanInterval(Array.from({ length: LEAST_GROUPS }, () => [0.25]))
  assert.deepEqual(interval, [0.25, 0.25])
})

test('values that cluster in groups give a wider interval than the same values spread', () => {
  const clustered = Array.from({ length: 20 }, (_, i) => Array.from({ length: 10 }, () => i % 2))
  const spread = Array.from({ length: 200 }, (_, i) => [i % 2])
  const width = (groups: number[][]) => {
    const interval = meanInterval(groups).interval
    assert.ok(interval)
    return interval[1] - interval[0]
  }
  assert.ok(width(clustered) > 2 * width(spread))
  // Binomial, n = 200, p = 0.5: 1.96 · 2 · sqrt(0.25 / 200) = 0.139.
  assert.ok(Math.abs(width(spread) - 0.139) < 0.02)
})

test('the interval holds the mean and stays within the values, whatever they are', () => {
  const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 1, maxLength: 5 })
  fc.assert(
    fc.property(fc.array(values, { minLength: LEAST_GROUPS, maxLength: 15 }), (groups) => {
      const { mean, interval } = meanInterval(groups)
      assert.ok(mean !== null && interval !== null)
      assert.ok(interval[0] <= interval[1] && interval[0] >= 0 && interval[1] <= 1)
      assert.deepEqual(meanInterval(groups).interval, interval)
    }),
    { numRuns: 30 },
  )
})
