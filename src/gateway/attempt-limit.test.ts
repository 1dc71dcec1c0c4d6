import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withinLimit } from './attempt-limit.ts'
import { runAllowances } from './run-allowances.ts'

const nothing = { calls: 0, tokens: 0 }

test('an attempt is bounded by what was left for it, whatever its run still has, and the run by its own budget', () => {
  const run = { calls: 10, tokens: 1_000, spent: nothing }
  const allowances = runAllowances()
  const attempt = withinLimit({ calls: null, tokens: 300 }, allowances.open('run', run))
  assert.deepEqual(attempt.remaining(), { calls: 10, tokens: 300 })
  const first = attempt.reserve({ calls: 1, tokens: 200 })
  assert.ok(first.ok)
  const denied = attempt.reserve({ calls: 1, tokens: 101 })
  assert.ok(!denied.ok && denied.failure.kind === 'budget_exhausted')
  attempt.settle(first.value, { calls: 1, tokens: 120 })
  attempt.settle(first.value, { calls: 1, tokens: 120 })
  assert.deepEqual(attempt.remaining(), { calls: 9, tokens: 180 })
  attempt.charge({ calls: 1, tokens: 100 })
  assert.deepEqual(attempt.remaining(), { calls: 8, tokens: 80 })
  const wide = withinLimit({ calls: null, tokens: 5_000 }, allowances.open('run', run))
  assert.equal(wide.reserve({ calls: 1, tokens: 900 }).ok, false)
})
