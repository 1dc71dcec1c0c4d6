import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failedAttempts } from './failed-attempts.ts'

test('addresses are forgotten, the oldest first', () => {
  const attempts = failedAttempts(() => 0)
  for (let i = 0; i < 20; i++) attempts.count('first')
  assert.notEqual(attempts.count('first').busy, null)
  for (let i = 0; i < 10_000; i++) attempts.count(`address ${i}`)
  assert.equal(attempts.count('first').busy, null)
})

test('a minute later, or with a clock that was set back, one may try again', () => {
  let now = 1_000_000
  const attempts = failedAttempts(() => now)
  for (let i = 0; i < 21; i++) attempts.count('a')
  assert.equal(attempts.count('a').busy?.retry_after_s, 60)
  assert.equal(attempts.count('b').busy, null)
  now += 60_000
  assert.deepEqual(attempts.count('a'), { first: true, busy: null })
  for (let i = 0; i < 21; i++) attempts.count('a')
  now -= 500_000
  assert.equal(attempts.count('a').busy, null)
})
