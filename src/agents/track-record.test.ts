import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  effectiveResults,
  noRecord,
  performance,
  proven,
  type TrackRecord,
  wilson,
  withResult,
} from './track-record.ts'

const after = (results: boolean[]): TrackRecord => results.reduce(withResult, noRecord)
const near = (actual: number, expected: number, within = 5e-4) =>
  assert.ok(Math.abs(actual - expected) < within, `${actual} is not ${expected}`)

test('Wilson: known intervals at 95 %', () => {
  // Values as in statsmodels' proportion_confint(method='wilson').
  for (const [successes, n, low, high] of [
    [0, 10, 0, 0.2775],
    [5, 10, 0.2366, 0.7634],
    [8, 10, 0.4902, 0.9433],
    [10, 10, 0.7225, 1],
    [81, 263, 0.2553, 0.3662],
  ] as const) {
    const interval = wilson(successes, n)
    near(interval[0], low)
    near(interval[1], high)
  }
  assert.deepEqual(wilson(0, 0), [0, 1])
})

test('performance is null below five results, with the reason', () => {
  assert.deepEqual(performance(after([true, true, false, true])), {
    value: null,
    n: 4,
    interval: null,
    reason: 'needs 5 results, has 4',
  })
  const five = performance(after([true, true, false, true, true]))
  near(five.value ?? Number.NaN, 0.8, 1e-9)
  assert.deepEqual(
    five.interval,
    wilson(
      0.8 * effectiveResults(after([true, true, false, true, true])),
      effectiveResults(after([true, true, false, true, true])),
    ),
  )
  assert.equal('reason' in five, false)
})

test('ten results weigh alike, then the mean moves by the learning rate', () => {
  const ten = after([...Array(5).fill(true), ...Array(5).fill(false)])
  near(ten.mean ?? Number.NaN, 0.5, 1e-9)
  near(effectiveResults(ten), 10, 1e-9)
  near(withResult(ten, true).mean ?? Number.NaN, 0.55, 1e-9)
  near(effectiveResults(after(Array(500).fill(true))), 19, 1e-6)
})

test('the value lies in its interval, both in [0, 1], for any results', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { minLength: 5, maxLength: 300 }), (results) => {
      const { value, interval, n } = performance(after(results))
      assert.equal(n, results.length)
      assert.ok(value !== null && interval !== null)
      assert.ok(interval[0] >= 0 && interval[0] <= value + 1e-9 && value - 1e-9 <= interval[1] && interval[1] <= 1)
    }),
  )
})

test('proven: a newcomer stands between one that fails and one that has shown itself, and old failures are forgotten', () => {
  const good = proven(after(Array(10).fill(true)))
  const bad = proven(after(Array(10).fill(false)))
  assert.ok(bad < proven(noRecord) && proven(noRecord) < good)
  const recovered = proven(after([...Array(50).fill(false), ...Array(50).fill(true)]))
  assert.ok(recovered > proven(noRecord), String(recovered))
})
