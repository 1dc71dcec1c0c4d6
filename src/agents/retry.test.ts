import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { BACKOFF_CAP_MS, backoffMs, createRetryBudget, fullJitterMs, RETRY_AFTER_LIMIT_S, seededDice } from './retry.ts'

test('full jitter: the published means for base 0.1 s and cap 10 s', () => {
  const means = Array.from({ length: 8 }, (_, step) => fullJitterMs(step, 0.5, 100, 10_000) / 1_000)
  assert.deepEqual(means, [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5])
})

test('the dice of a seed are even: mean, spread and extremes over 10,000 seeds', () => {
  const dice = Array.from({ length: 10_000 }, (_, i) => seededDice(`run_${i}`))
  const mean = dice.reduce((sum, each) => sum + each, 0) / dice.length
  assert.ok(Math.abs(mean - 0.5) < 0.01, String(mean))
  const tenths = Array.from({ length: 10 }, (_, i) => dice.filter((each) => Math.floor(each * 10) === i).length)
  for (const count of tenths) assert.ok(count > 900 && count < 1_100, String(tenths))
})

test('back-off: the same seed waits the same, another attempt waits another time', () => {
  const of = { attempt: 2, seed: 'run_1/write/draft' }
  assert.equal(backoffMs(of), backoffMs(of))
  assert.notEqual(backoffMs(of), backoffMs({ ...of, seed: 'run_2/write/draft' }))
  assert.notEqual(backoffMs({ ...of, attempt: 9 }), backoffMs({ ...of, attempt: 10 }))
})

test('back-off: within its bounds, and never before Retry-After, whatever comes', () => {
  const retry_after_s = fc.oneof(fc.constant(undefined), fc.double(), fc.integer())
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 1_000 }), fc.string(), retry_after_s, (attempt, seed, asked) => {
      const wait = backoffMs({ attempt, seed, ...(asked === undefined ? {} : { retry_after_s: asked }) })
      const floor =
        asked === undefined || !Number.isFinite(asked) ? 0 : 1_000 * Math.min(RETRY_AFTER_LIMIT_S, Math.max(0, asked))
      assert.ok(Number.isInteger(wait))
      assert.ok(
        wait >= Math.floor(floor) && wait <= Math.ceil(floor) + Math.min(BACKOFF_CAP_MS, 500 * 2 ** (attempt - 1)),
      )
    }),
  )
})

test('retry budget: a reserve of 100 in ten seconds, then 20 % of the requests', () => {
  const budget = createRetryBudget()
  const granted = (n: number, now: number) => Array.from({ length: n }, () => budget.retry(now)).filter(Boolean).length
  assert.equal(granted(200, 0), 100)
  for (let i = 0; i < 500; i++) budget.request(1_000)
  assert.equal(granted(200, 1_500), 100)
  assert.equal(granted(5, 9_999), 0, 'all within the window')
  assert.equal(granted(500, 10_000), 100, 'the first hundred have left the window')
  assert.equal(granted(500, 30_000), 100, 'only the reserve is left')
})

test('retry budget: whenever a retry is granted, the bound holds for the window that ends there', () => {
  const act = fc.record({ wait: fc.nat(3_000), retry: fc.boolean(), times: fc.integer({ min: 1, max: 60 }) })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      const budget = createRetryBudget({ share: 0.2, reserve_per_s: 1, window_s: 10 })
      const log: { second: number; retry: boolean }[] = []
      let now = 0
      for (const { wait, retry, times } of acts) {
        now += wait
        const second = Math.floor(now / 1_000)
        for (let i = 0; i < times; i++) {
          if (retry && !budget.retry(now)) continue
          if (!retry) budget.request(now)
          log.push({ second, retry })
          const window = log.filter((each) => each.second > second - 10)
          const retries = window.filter((each) => each.retry).length
          if (retry) assert.ok(retries <= 0.2 * (window.length - retries) + 10)
        }
      }
    }),
    { numRuns: 50 },
  )
})
