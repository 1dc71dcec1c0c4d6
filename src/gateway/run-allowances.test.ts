import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Reservation } from './allowance.ts'
import { type AttemptAllowance, runAllowances } from './run-allowances.ts'

const none = { calls: 0, tokens: 0 }

test('without a budget nothing is refused', () => {
  const allowance = runAllowances().open('r', null)
  assert.ok(allowance.reserve({ calls: 1e9, tokens: 1e9 }).ok)
  assert.deepEqual(allowance.remaining(), { calls: null, tokens: null })
})

test('names the budget, takes all or nothing, gives back what was not used', () => {
  const allowance = runAllowances().open('r', { calls: null, tokens: 1_000, spent: { calls: 3, tokens: 200 } })
  assert.deepEqual(allowance.remaining(), { calls: null, tokens: 800 })
  const refused = allowance.reserve({ calls: 1, tokens: 801 })
  assert.ok(!refused.ok)
  assert.equal(refused.failure.kind, 'budget_exhausted')
  assert.match(refused.failure.message, /The budget of this run, 1,000 tokens, is used up: 800 left/)
  const taken = allowance.reserve({ calls: 1, tokens: 800 })
  assert.ok(taken.ok)
  assert.deepEqual(allowance.remaining(), { calls: null, tokens: 0 })
  allowance.settle(taken.value, { calls: 1, tokens: 100 })
  allowance.settle(taken.value, { calls: 1, tokens: 100 })
  assert.deepEqual(allowance.remaining(), { calls: null, tokens: 700 })
})

test('what the row says counts, and what is in hand counts besides', () => {
  const allowances = runAllowances()
  const first = allowances.open('r', { calls: 10, tokens: null, spent: none })
  first.charge({ calls: 2, tokens: 0 })
  // The row knows of 3 calls of others; the 2 in hand are not in it yet.
  const second = allowances.open('r', { calls: 10, tokens: null, spent: { calls: 3, tokens: 0 } })
  assert.equal(second.remaining().calls, 5)
  first.close()
  // Now they are.
  assert.equal(allowances.open('r', { calls: 10, tokens: null, spent: { calls: 5, tokens: 0 } }).remaining().calls, 5)
})

test('whatever attempts do at the same time: spent and reserved never exceed the budget but by what a settlement takes beyond its reservation', () => {
  const amount = fc.record({ calls: fc.nat(2), tokens: fc.nat(60) })
  const step = fc.oneof(
    fc.record({ do: fc.constant('reserve' as const), by: fc.nat(3), amount }),
    fc.record({ do: fc.constant('settle' as const), by: fc.nat(3), which: fc.nat(9), used: amount }),
    fc.record({ do: fc.constant('close' as const), by: fc.nat(3) }),
  )
  fc.assert(
    fc.property(fc.nat(20), fc.nat(400), fc.array(step, { maxLength: 60 }), (calls, tokens, steps) => {
      const allowances = runAllowances()
      const attempts: { allowance: AttemptAllowance; open: Reservation[] }[] = Array.from({ length: 4 }, () => ({
        allowance: allowances.open('r', { calls, tokens, spent: none }),
        open: [],
      }))
      const spent = { ...none }
      let beyond = { ...none }
      for (const one of steps) {
        const attempt = attempts[one.by]
        assert.ok(attempt)
        if (one.do === 'reserve') {
          const left = attempt.allowance.remaining()
          const taken = attempt.allowance.reserve(one.amount)
          const fits = one.amount.calls <= (left.calls ?? 0) && one.amount.tokens <= (left.tokens ?? 0)
          assert.equal(taken.ok, fits)
          if (taken.ok) attempt.open.push(taken.value)
        } else if (one.do === 'settle') {
          const [reservation] = attempt.open.splice(one.which % Math.max(1, attempt.open.length), 1)
          if (reservation === undefined) continue
          attempt.allowance.settle(reservation, one.used)
          for (const what of ['calls', 'tokens'] as const) {
            spent[what] += one.used[what]
            beyond = { ...beyond, [what]: beyond[what] + Math.max(0, one.used[what] - reservation.amount[what]) }
          }
        } else {
          for (const { amount: whole } of attempt.open.splice(0)) {
            spent.calls += whole.calls
            spent.tokens += whole.tokens
          }
          attempt.allowance.close()
          attempt.allowance = allowances.open('r', { calls, tokens, spent: none })
        }
        const held = attempts.flatMap(({ open }) => open)
        for (const [what, limit] of [
          ['calls', calls],
          ['tokens', tokens],
        ] as const) {
          const used = spent[what] + held.reduce((sum, reservation) => sum + reservation.amount[what], 0)
          assert.ok(used <= limit + beyond[what], `${what}: ${used} of ${limit}`)
          assert.equal(attempt.allowance.remaining()[what], Math.max(0, limit - used))
        }
      }
    }),
  )
})
