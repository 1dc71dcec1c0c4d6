import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FEWEST_SAMPLES, intervals, PHI_THRESHOLD, phi, phiLimit } from './accrual.ts'

const near = (actual: number, expected: number, within: number) =>
  assert.ok(Math.abs(actual - expected) < within, `${actual} is not ${expected}`)

test('the table of Akka, mean 1,000 ms and deviation 100 ms', () => {
  for (const [t, expected] of [
    [500, 0],
    [1_000, 0.301],
    [1_200, 1.643],
    [1_400, 4.737],
    [1_600, 10.783],
    [1_700, 15.369],
  ] as const)
    near(phi(t, 1_000, 100), expected, 5e-4)
})

test('phi reaches 8 at 1,523 ms, with a pause of 3 s at 4,523 ms', () => {
  assert.ok(phi(1_522, 1_000, 100) < PHI_THRESHOLD && phi(1_523, 1_000, 100) >= PHI_THRESHOLD)
  near(phiLimit({ mean: 1_000, sd: 100 }), 1_523, 0.5)
  near(phiLimit({ mean: 4_000, sd: 100 }), 4_523, 0.5)
})

test('phi does not overflow, and the limit is where it reaches its threshold, whatever mean and deviation', () => {
  assert.equal(phi(0, 1e9, 100), 0)
  fc.assert(
    fc.property(
      fc.double({ min: 1, max: 1e7, noNaN: true }),
      fc.double({ min: 1, max: 1e6, noNaN: true }),
      (mean, sd) => {
        near(phi(phiLimit({ mean, sd }), mean, sd), PHI_THRESHOLD, 0.01)
        assert.ok(phi(mean, mean, sd) < 0.31)
      },
    ),
  )
})

test('a few samples say nothing; the spread is floored; the window forgets', () => {
  const seen = intervals()
  for (let i = 1; i < FEWEST_SAMPLES; i++) seen.add(1_000)
  assert.equal(seen.summary(), null)
  seen.add(1_000)
  assert.deepEqual(seen.summary(), { mean: 1_000, sd: 250, n: FEWEST_SAMPLES })
  for (let i = 0; i < 200; i++) seen.add(10)
  const summary = seen.summary()
  near(summary?.mean ?? 0, 10, 1e-6)
  assert.equal(summary?.sd, 100)
})
