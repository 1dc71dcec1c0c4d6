/** What the instruments say of logs that are known. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DETECT_WITHIN_MS, disturbance, findingOf } from './findings.ts'
import { healthyRuns, ways } from './healthy.ts'
import type { LogEvent } from './product-runs.ts'

const SECRET = 4_711
let seq = 0
const event = (at: number, type: string, data: object): LogEvent => ({ seq: ++seq, at, type, data: { ...data } })
const usage = (input_tokens: number | null, output_tokens: number | null) => ({ input_tokens, output_tokens, calls: 1 })
let attempt = 0
const started = (at: number) => {
  attempt = 0
  return event(at, 'task_started', { task: 'work/t', attempt: 1 })
}
const failed = (at: number, agent: string, counted = usage(30, 12)) =>
  event(at, 'task_failed', {
    task: 'work/t',
    attempt: ++attempt,
    agent,
    failure: { kind: 'timeout', message: 'late' },
    usage: counted,
  })
const finished = (at: number, agent: string) =>
  event(at, 'task_finished', { task: 'work/t', attempt: ++attempt, agent, usage: usage(5, 5) })
const ended = (at: number, more: object = {}) =>
  event(at, 'run_finished', {
    status: 'completed',
    reason: '',
    output: { value: SECRET },
    success: [{ id: 'found', met: true, reason: '' }],
    ...more,
  })

test('a fault that was seen and healed: when, at what cost, by what', () => {
  const log = [started(1_000), failed(3_500, 'a'), failed(4_000, 'a'), finished(6_000, 'b'), ended(6_001)]
  assert.deepEqual(findingOf(log, SECRET), {
    detected_ms: 2_500,
    detected_by: 'timeout',
    tokens_wasted: 84,
    remedies: ['same agent', 'other agent'],
    healed: true,
    why_not: '',
  })
})

test('what the log names counts by its name: findings and remedies, those too that no attempt follows from', () => {
  const found = { ...failed(3_500, 'a') }
  found.data = { ...found.data, failure: { kind: 'no_progress', message: '' }, finding: { detector: 'same_call' } }
  const tried = (number: number | null, remedy: string) =>
    event(3_500, 'remedy_tried', { task: 'work/t', attempt: number, remedy, cause: 'same_call' })
  const first = { ...found, data: { ...found.data, attempt: 1 } }
  const second = { ...found, data: { ...found.data, attempt: 2 } }
  const { detected_by, remedies } = findingOf(
    [started(1_000), first, tried(2, 'tell'), second, tried(null, 'set_aside'), ended(9_000)],
    SECRET,
  )
  assert.equal(detected_by, 'no_progress, same_call')
  assert.deepEqual(remedies, ['tell', 'set_aside'])
})

test('what is only said of an attempt that succeeded is a sign too; that others had their turn is none', () => {
  const slow = { ...finished(5_000, 'a') }
  slow.data = { ...slow.data, finding: { detector: 'slow' } }
  assert.equal(findingOf([started(0), slow, ended(5_001)], SECRET).detected_by, 'slow')
  assert.equal(disturbance([started(0), slow, ended(5_001)], SECRET).alarm, 'slow')
  const lease = { ...failed(100, 'a') }
  lease.data = { ...lease.data, finding: { detector: 'lease' } }
  assert.equal(disturbance([started(0), lease, finished(200, 'a'), ended(201)], SECRET).alarm, null)
})

test('what came before the fault struck does not count as seeing it', () => {
  const log = [started(1_000), failed(1_500, 'a'), failed(9_000, 'a'), ended(9_001)]
  assert.equal(findingOf(log, SECRET, 4_000).detected_ms, 5_000)
  assert.equal(findingOf(log, SECRET, 9_500).detected_ms, null)
})

test('not healed: no end, another status, a criterion that is not met, another value, a person who was asked', () => {
  const healed = (...events: LogEvent[]): boolean => findingOf([started(0), ...events], SECRET).healed
  assert.equal(findingOf(null, SECRET).healed, false)
  assert.equal(healed(finished(1, 'a')), false)
  assert.equal(healed(ended(1)), true)
  assert.equal(healed(ended(1, { status: 'partial' })), false)
  assert.equal(healed(ended(1, { success: [] })), false)
  assert.equal(healed(ended(1, { success: [{ id: 'found', met: null, reason: '' }] })), false)
  assert.equal(healed(ended(1, { output: { value: 1 } })), false)
  assert.equal(healed(event(1, 'effect_question', {}), ended(2)), false)
})

test('tokens that nobody counted are unknown, not none', () => {
  const log = [started(0), failed(1, 'a', usage(null, null)), failed(2, 'a'), ended(3)]
  assert.equal(findingOf(log, SECRET).tokens_wasted, null)
})

test('a healthy run that is disturbed is a false alarm, even when it comes out well', () => {
  const well = [started(0), finished(5, 'a'), ended(6)]
  const disturbed = [started(0), failed(3, 'a'), finished(5, 'b'), ended(6)]
  assert.deepEqual(disturbance(well, SECRET), { alarm: null, harm: null })
  assert.deepEqual(disturbance(disturbed, SECRET), { alarm: 'timeout', harm: null })
  assert.deepEqual(disturbance(disturbed, SECRET, 1), { alarm: null, harm: null })
  assert.equal(disturbance(null, SECRET).harm, 'it did not end')
  assert.ok(disturbance([started(0), ended(1, { status: 'failed' })], SECRET).harm)
})

test('healthy runs: the same seed gives the same ones, and every way comes up', () => {
  assert.deepEqual(healthyRuns(7, 30, '60s'), healthyRuns(7, 30, '60s'))
  assert.notDeepEqual(healthyRuns(7, 30, '60s'), healthyRuns(8, 30, '60s'))
  assert.deepEqual(new Set(healthyRuns(1, 14, '60s').map(({ way }) => way)), new Set(Object.keys(ways)))
})

test('the time limit of a task alone would be too late to count', () => {
  assert.ok(DETECT_WITHIN_MS < 60_000)
})
