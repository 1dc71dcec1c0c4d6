import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { allOpen, type HealthEvidence, healthGates } from './health-gates.ts'
import { binnedQuantile, binOf, LAST_BIN } from './latency-bins.ts'
import { runSeries, taskSeries, taskTotals } from './over-time.ts'
import { successRate } from './success-rate.ts'

const sum = (at: number, outcome: string, n: number, more = {}) => ({
  at,
  outcome,
  n,
  input_tokens: 0,
  output_tokens: 0,
  unknown_usage: 0,
  calls: n,
  ...more,
})
const binned = (durations: number[]) => {
  const bins = new Map<number, number>()
  for (const ms of durations) bins.set(binOf(ms), (bins.get(binOf(ms)) ?? 0) + 1)
  return bins
}

test('bins: below a millisecond, powers of ten, and no end', () => {
  assert.deepEqual([0, 0.9, 1, 9.99, 10, 1_000, 1e12].map(binOf), [0, 0, 1, 10, 11, 31, LAST_BIN])
})

test('a binned quantile is within 13 % of the quantile itself', () => {
  const durations = fc.array(fc.integer({ min: 1, max: 90_000_000 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95), (values, q) => {
      const sorted = [...values].sort((a, b) => a - b)
      const exact = sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] as number
      const told = binnedQuantile(binned(values), q, 1)
      // Whole milliseconds: half of one is added.
      assert.ok(told !== null && Math.abs(told - exact) <= 0.13 * exact + 0.5, `${told} for ${exact}`)
    }),
  )
})

test('a quantile of too few is not told', () => {
  assert.equal(binnedQuantile(binned([5, 5, 5]), 0.5, 4), null)
  assert.equal(binnedQuantile(new Map(), 0.5, 0), null)
})

test('a share says what it needs, and holds its interval', () => {
  assert.deepEqual(successRate(4, 4), {
    value: null,
    n: 4,
    needs: 30,
    interval: null,
    reason: 'not enough data: needs 30 results, has 4',
  })
  const told = successRate(27, 30)
  assert.equal(told.value, 0.9)
  // Wilson 1927, 27 of 30 at 95 %.
  assert.deepEqual(
    told.interval?.map((x) => x.toFixed(3)),
    ['0.744', '0.965'],
  )
})

test('series have a place for every bucket, and drop what is outside', () => {
  const rows = [
    sum(0, 'completed', 6, { input_tokens: 10, output_tokens: 2 }),
    sum(0, 'failed', 2),
    sum(20, 'other', 1, { unknown_usage: 1 }),
    sum(99, 'completed', 7),
  ]
  const series = taskSeries([0, 10, 20], rows, [{ at: 0, bin: binOf(100), n: 6 }])
  assert.deepEqual(series.completed, [6, 0, 0])
  assert.deepEqual(series.failed, [2, 0, 0])
  assert.deepEqual(series.other, [0, 0, 1])
  assert.deepEqual(series.input_tokens, [10, 0, 0])
  assert.deepEqual(series.success, [0.75, null, null])
  assert.deepEqual([series.p50_ms[0] !== null, series.p50_ms[1], series.success_low[1]], [true, null, null])
  assert.deepEqual(runSeries([0, 10], [sum(10, 'partial', 3)]), {
    completed: [0, 0],
    partial: [0, 3],
    failed: [0, 0],
    cancelled: [0, 0],
  })
})

test('totals count what says nothing of the agent apart', () => {
  const totals = taskTotals([sum(0, 'completed', 30), sum(0, 'other', 5)], [{ at: 0, bin: 3, n: 30 }])
  assert.deepEqual(
    [totals.completed, totals.other, totals.success.value, totals.success.n, totals.calls],
    [30, 5, 1, 30, 35],
  )
})

test('gates: one closed gate closes all; without data nothing is claimed', () => {
  const evidence: HealthEvidence = {
    answers: { ok: true, detail: 'here' },
    breaker: 'closed',
    recent: { completed: 40, failed: 0 },
    recent_durations: binned(Array(40).fill(100)),
    usual_durations: binned(Array(40).fill(100)),
  }
  const told = (more: Partial<HealthEvidence>) => allOpen(healthGates({ ...evidence, ...more }))
  assert.equal(told({}), true)
  assert.equal(told({ breaker: 'half_open' }), false)
  assert.equal(told({ answers: { ok: false, detail: 'gone' } }), false)
  assert.equal(told({ recent_durations: binned(Array(40).fill(300)) }), false)
  assert.equal(told({ recent: { completed: 20, failed: 20 } }), false)
  assert.equal(told({ recent: { completed: 4, failed: 0 } }), null)
  assert.equal(told({ answers: null }), null)
  assert.equal(told({ answers: null, breaker: 'open' }), false)
})
