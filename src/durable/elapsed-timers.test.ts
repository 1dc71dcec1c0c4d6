import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openElapsedTimers } from './elapsed-timers.ts'

test('a timer is overdue after the time it was set for, whatever the clock says of its moment', () => {
  let elapsed = 0
  const timers = openElapsedTimers(
    () => elapsed,
    () => 0,
  )
  const day_ahead = 86_400_000 + 3_000
  timers.set('run_a', 'pause', day_ahead, 3_000)
  timers.set('run_a', 'later', 10, 9_000)
  elapsed = 3_500
  assert.deepEqual(timers.overdue(1_000), [])
  elapsed = 4_001
  assert.deepEqual(timers.overdue(1_000), [{ run: 'run_a', timer: 'pause', due: day_ahead }])
  assert.deepEqual(timers.overdue(1_000), [])
})

test('a timer that was set while the clock stood behind is overdue when its moment has come', () => {
  let clock = -3_600_000
  const timers = openElapsedTimers(
    () => 0,
    () => clock,
  )
  timers.set('run_a', 'word', 3_000, 3_603_000)
  assert.deepEqual(timers.overdue(1_000), [])
  clock = 4_001
  assert.deepEqual(timers.overdue(1_000), [{ run: 'run_a', timer: 'word', due: 3_000 }])
})

test('one that was fired, and those of a run that has ended, are not', () => {
  let elapsed = 0
  const timers = openElapsedTimers(
    () => elapsed,
    () => 0,
  )
  timers.set('run_a', 'pause', 5, 5)
  timers.set('run_b', 'pause', 5, 5)
  timers.set('run_b', 'pause', 6, 5)
  timers.fired('run_a', 'pause', 5)
  timers.fired('run_b', 'pause', 5)
  elapsed = 100
  assert.deepEqual(timers.overdue(0), [{ run: 'run_b', timer: 'pause', due: 6 }])
  timers.set('run_b', 'pause', 7, 5)
  timers.forget('run_b')
  elapsed = 200
  assert.deepEqual(timers.overdue(0), [])
})
