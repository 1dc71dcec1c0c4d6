import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diceOf } from '../simulation/dice.ts'
import { virtualRuns } from './virtual-runs.ts'

test('three virtual hours with faults: every run ends, states stay as large as they were, the same seed does the same', () => {
  const { counts, sizes } = virtualRuns(3, 4, diceOf(5))
  assert.deepEqual(counts.undefined_ends, [])
  const ended = Object.values(counts.statuses).reduce((sum, n) => sum + n, 0)
  assert.equal(ended, counts.runs)
  assert.ok(counts.restarts > 0 && Object.keys(counts.faults).length === 7)
  // Each of the four goes on into the last hour.
  assert.equal(sizes.filter(({ hour }) => hour === 2).length, 4)
  assert.ok(sizes.every(({ bytes }) => bytes > 500 && bytes < 10_000))
  assert.deepEqual(virtualRuns(3, 4, diceOf(5)), { counts, sizes })
})
