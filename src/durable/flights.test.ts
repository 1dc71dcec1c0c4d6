import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CancelledStep, openFlights, ShuttingDown } from './flights.ts'

test('F1: whoever asks for a step that is in flight joins it', async () => {
  const flights = openFlights()
  let calls = 0
  let land = (_: number): void => undefined
  const work = (): Promise<number> => {
    calls++
    return new Promise((resolve) => {
      land = resolve
    })
  }
  const [a, b] = [flights.once('r', 's', work), flights.once('r', 's', work)]
  land(7)
  assert.deepEqual([await a, await b, calls], [7, 7, 1])
})

test('F3: a result is kept until its run has taken it', async () => {
  const flights = openFlights()
  let calls = 0
  const work = async (): Promise<number> => ++calls
  await flights.once('r', 's', work)
  assert.equal(await flights.once('r', 's', work), 1, 'nobody has taken it yet')
  flights.taken('r', 's')
  assert.equal(flights.size(), 0)
})

test('what is in flight for a run that has ended is aborted, and forgotten', async () => {
  const flights = openFlights()
  const running = flights.once(
    'r',
    's',
    (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason))),
  )
  flights.end('r')
  assert.ok((await running) instanceof CancelledStep)
  assert.equal(flights.size(), 0)
})

test('F2: a cancel ends the work, and a step that was cancelled before does not begin', async () => {
  const flights = openFlights()
  const aborted = (signal: AbortSignal): Promise<string> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve(`aborted before: ${signal.reason instanceof CancelledStep}`)
      signal.addEventListener('abort', () => resolve('aborted'))
    })
  const running = flights.once('r', 's', aborted)
  flights.cancel('r', 's')
  assert.equal(await running, 'aborted')
  flights.cancel('r', 'later')
  assert.equal(await flights.once('r', 'later', aborted), 'aborted before: true')
})

test('a failed call is forgotten, so that it can be asked again; closing makes callers ask again', async () => {
  const flights = openFlights()
  await assert.rejects(flights.once('r', 's', () => Promise.reject(new Error('disk full'))))
  assert.equal(await flights.once('r', 's', () => Promise.resolve(1)), 1)
  const stuck = flights.once(
    'r',
    'stuck',
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
    flights.once('r', 'new', () => Promise.resolve(1)),
    ShuttingDown,
  )
})
