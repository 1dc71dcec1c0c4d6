import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { barsOf, spentOf } from './spent.ts'

const base = { attempt: 1, agent: 'a', started_at: 1_000, failure: null }
const ms = fc.nat(10_000)
const maybe = fc.option(ms)

test('the bars of an attempt join without gaps, and add up to all the time it took', () =>
  fc.assert(
    fc.property(ms, ms, ms, maybe, maybe, (delay_ms, queued_ms, duration_ms, model_queued_ms, load_ms) => {
      const attempt = { ...base, delay_ms, queued_ms, duration_ms, model_queued_ms, load_ms }
      const bars = barsOf(attempt, 0, undefined)
      let at = base.started_at
      for (const { from, to } of bars) {
        assert.equal(from, at)
        at = to
      }
      assert.equal(at, base.started_at + delay_ms + queued_ms + duration_ms)
    }),
  ))

test('loading the model, waiting for it and working are told apart', () => {
  const attempt = { ...base, delay_ms: 0, queued_ms: 10, duration_ms: 100, model_queued_ms: 20, load_ms: 30 }
  assert.deepEqual(spentOf(attempt), { 'backs-off': 0, waits: 30, loads: 30, works: 50 })
  const failure = { kind: 'agent_failed' as const, message: 'no' }
  assert.equal(spentOf({ ...attempt, failure }).fails, 50)
})

test('an attempt under way says what it does now', () => {
  const attempt = { ...base, delay_ms: 100, queued_ms: null, duration_ms: null, model_queued_ms: null, load_ms: null }
  const kinds = (live: Parameters<typeof barsOf>[2]) => barsOf(attempt, 5_000, live).map(({ kind }) => kind)
  assert.deepEqual(kinds(undefined), ['backs-off', 'waits'])
  assert.deepEqual(kinds({ since: 2_000, note: 'model_loading: 40 %' }), ['backs-off', 'waits', 'loads'])
  assert.deepEqual(kinds({ since: 2_000, note: 'tokens' }), ['backs-off', 'waits', 'works'])
})

test('an attempt that was called off ends then, and says nothing of what it did', () => {
  const attempt = { ...base, delay_ms: 200, queued_ms: null, duration_ms: null, model_queued_ms: null, load_ms: null }
  assert.deepEqual(barsOf(attempt, 9_000, undefined, 1_500), [
    { kind: 'backs-off', from: 1_000, to: 1_200 },
    { kind: 'called-off', from: 1_200, to: 1_500 },
  ])
})
