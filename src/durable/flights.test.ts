import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledStep, openFlights, ShuttingDown } from './flights.ts'

test('F1: whoever asks for a key that is in flight joins it', async () => {
  const flights = openFlights()
  let calls = 0
  let land = (_: number): void => undefined
  const work = (): Promise<number> => {
    calls++
    return new Promise((resolve) => {
      land = resolve
    })
  }
  const [a, b] = [flights.once('k', work), flights.once('k', work)]
  land(7)
  assert.deepEqual([await a, await b, calls], [7, 7, 1])
  assert.equal(await flights.once('k', work), 7, 'F3: an asking that comes a little late gets the result')
  assert.equal(calls, 1)
})

test('F2: a cancel ends the work, and a key that was cancelled before does not begin', async () => {
  const flights = openFlights()
  const aborted = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve(`aborted before: ${signal.reason instanceof CancelledStep}`)
      signal.addEventListener('abort', () => resolve('aborted'))
    })
  const running = flights.once('k', aborted)
  await flights.cancel('k')
  assert.equal(await running, 'aborted')
  await flights.cancel('later')
  assert.equal(await flights.once('later', aborted), 'aborted before: true')
})

test('a failed call is forgotten, so that it can be asked again; closing makes callers ask again', async () => {
  const flights = openFlights()
  await assert.rejects(flights.once('k', () => Promise.reject(new Error('disk full'))))
  assert.equal(await flights.once('k', () => Promise.resolve(1)), 1)
  const stuck = flights.once(
    's',
    (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  )
  const [, outcome] = await Promise.all([
    flights.close(),
    stuck.then(
      () => null,
      (error: unknown) => error,
    ),
  ])
  assert.ok(outcome instanceof ShuttingDown)
  await assert.rejects(
    flights.once('new', () => Promise.resolve(1)),
    ShuttingDown,
  )
})
