import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallAgent } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import { type ArrivalParts, arrivals, MAIL_AT_ONCE } from './arrivals.ts'
import { openEars } from './ears.ts'
import { openFlights } from './flights.ts'

const step = (task: string): CallAgent => ({ do: 'call_agent', task, attempt: 1 }) as CallAgent
const input = (n: number): RunInput => ({ at: n, type: 'signal_received', data: { name: 'go', data: n, by: 'test' } })

/** A segment's side of it, with calls that are answered by hand. */
function listening() {
  const ears = openEars()
  const ear = ears.listen('r')
  ear.heard = false
  const flights = openFlights()
  const enough = new AbortController()
  const asked = new Map<string, PromiseWithResolvers<RunInput | null>>()
  let inbox: RunInput[] = []
  const parts: ArrivalParts = {
    perform: ({ task }: CallAgent) =>
      flights.once('r', task, () => {
        const deferred = Promise.withResolvers<RunInput | null>()
        asked.set(task, deferred)
        return deferred.promise
      }),
    readMail: async () => inbox.slice(0, MAIL_AT_ONCE),
    ear,
    enough: enough.signal,
  } as ArrivalParts
  return {
    parts,
    enough,
    asked,
    ears,
    ear,
    put(mail: RunInput[]) {
      inbox = mail
      ears.arrived('r')
    },
  }
}

test('A1: answers that are there come together; one that comes later is there for the next asking', async () => {
  const { parts, asked } = listening()
  const steps = ['a', 'b', 'c'].map(step)
  const first = arrivals(steps, parts)
  asked.get('a')?.resolve(input(1))
  asked.get('c')?.resolve(null)
  const came = await first
  assert.deepEqual(
    came.answers.map((answer) => [answer.address, answer.input]),
    [
      ['a#1', input(1)],
      ['c#1', null],
    ],
  )
  asked.get('b')?.resolve(input(2))
  assert.deepEqual((await arrivals([step('b')], parts)).answers, [{ address: 'b#1', input: input(2) }])
})

test('a step that could not be performed is asked again; what is in hand comes first', async () => {
  const { parts, asked } = listening()
  const steps = ['a', 'b'].map(step)
  const first = arrivals(steps, parts)
  asked.get('a')?.reject(new Error('disk full'))
  asked.get('b')?.resolve(input(1))
  assert.equal((await first).answers.length, 1)
  const second = arrivals([step('a')], parts)
  asked.get('a')?.reject(new Error('disk full'))
  await assert.rejects(second, /disk full/)
  const third = arrivals([step('a')], parts)
  asked.get('a')?.resolve(input(2))
  assert.equal((await third).answers.length, 1)
})

test('A2: mail ends the waiting, also mail from before; more than one reading is heard again', async () => {
  const { parts, put, ear } = listening()
  put(Array.from({ length: MAIL_AT_ONCE + 1 }, (_, i) => input(i)))
  assert.equal((await arrivals([step('a')], parts)).mail.length, MAIL_AT_ONCE)
  assert.equal(ear.heard, true, 'one letter is left')
  put([input(1)])
  await arrivals([step('a')], parts)
  assert.equal(ear.heard, false)
  const waiting = arrivals([step('a')], parts)
  put([input(2)])
  assert.deepEqual((await waiting).mail, [input(2)])
})

test('A2: an inbox that cannot be read is not taken for an empty one', async () => {
  const { parts, put, ear } = listening()
  put([input(1)])
  await assert.rejects(arrivals([], { ...parts, readMail: () => Promise.reject(new Error('disk full')) }), /disk full/)
  assert.equal(ear.heard, true)
})

test('A2: it ends when it is told to, also before it began', async () => {
  const { parts, enough } = listening()
  const waiting = arrivals([step('a')], parts)
  enough.abort()
  assert.deepEqual(await waiting, { mail: [], answers: [] })
  assert.deepEqual(await arrivals([step('b')], parts), { mail: [], answers: [] })
})

test('an ear in the place of another hears for it; the first one to close says nothing', () => {
  const ears = openEars()
  const given_up = ears.listen('r')
  const ear = ears.listen('r')
  ear.heard = false
  assert.equal(given_up.close(), false)
  assert.equal(ears.arrived('r'), true)
  assert.equal(ear.close(), true, 'something came that nobody has read')
  assert.equal(ear.close(), false)
  assert.equal(ears.arrived('r'), false)
})
