import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunInput } from '../workflow/event.ts'
import { MAIL_AT_ONCE, openArrivals, type StepAnswer } from './arrivals.ts'
import { openEars } from './ears.ts'

const input = (n: number): RunInput => ({ at: n, type: 'signal_received', data: { name: 'go', data: n, by: 'test' } })

/** A segment's side of it, with calls that are answered by hand. */
function listening(readMail?: () => Promise<RunInput[]>) {
  const ears = openEars()
  const ear = ears.listen('r')
  ear.heard = false
  let inbox: RunInput[] = []
  const arrivals = openArrivals(ear, readMail ?? (async () => inbox.slice(0, MAIL_AT_ONCE)))
  return {
    arrivals,
    ears,
    ear,
    ask(...addresses: string[]) {
      return addresses.map((address) => {
        const deferred = Promise.withResolvers<StepAnswer>()
        arrivals.expect(address, deferred.promise)
        return deferred
      }) as PromiseWithResolvers<StepAnswer>[] & { 0: PromiseWithResolvers<StepAnswer> }
    },
    put(mail: RunInput[]) {
      inbox = mail
      ears.arrived('r')
    },
  }
}

test('A1: answers that are there come together, each once; one that comes later comes with the next', async () => {
  const { arrivals, ask } = listening()
  const [a, b, c] = ask('a', 'b', 'c')
  a?.resolve({ input: input(1) })
  c?.resolve({ input: null })
  assert.deepEqual((await arrivals.next()).answers, [
    { address: 'a', input: input(1) },
    { address: 'c', input: null },
  ])
  assert.deepEqual([arrivals.size(), arrivals.expects('b')], [1, true])
  const waiting = arrivals.next()
  b?.resolve({ failure: 'killed' })
  assert.deepEqual((await waiting).answers, [{ address: 'b', failure: 'killed' }])
  assert.equal(arrivals.size(), 0)
})

test('what comes of a step that was dismissed is dropped, before and after it came', async () => {
  const { arrivals, ask } = listening()
  const [a, b, c] = ask('a', 'b', 'c')
  a?.resolve({ input: input(1) })
  await a?.promise
  arrivals.dismiss('a')
  arrivals.dismiss('b')
  b?.reject(new Error('nobody listens'))
  const [again] = ask('a')
  c?.resolve({ input: input(3) })
  assert.deepEqual((await arrivals.next()).answers, [{ address: 'c', input: input(3) }])
  again.resolve({ input: input(4) })
  assert.deepEqual((await arrivals.next()).answers, [{ address: 'a', input: input(4) }])
})

test('a step that could not be performed is told only with nothing in hand, and can be asked again', async () => {
  const { arrivals, ask } = listening()
  const [a, b] = ask('a', 'b')
  a?.reject(new Error('disk full'))
  b?.resolve({ input: input(1) })
  assert.equal((await arrivals.next()).answers.length, 1)
  assert.equal(arrivals.expects('a'), false, 'it has to be asked for again')
  const [second] = ask('a')
  second.reject(new Error('disk full'))
  await assert.rejects(arrivals.next(), /disk full/)
  const [again] = ask('a')
  again.resolve({ input: input(2) })
  assert.equal((await arrivals.next()).answers.length, 1)
})

test('A2: mail ends the waiting, also mail from before; more than one reading is heard again', async () => {
  const { arrivals, ask, put, ear } = listening()
  ask('a')
  put(Array.from({ length: MAIL_AT_ONCE + 1 }, (_, i) => input(i)))
  assert.equal((await arrivals.next()).mail.length, MAIL_AT_ONCE)
  assert.equal(ear.heard, true, 'one letter is left')
  put([input(1)])
  await arrivals.next()
  assert.equal(ear.heard, false)
  const waiting = arrivals.next()
  put([input(2)])
  assert.deepEqual((await waiting).mail, [input(2)])
})

test('A2: an inbox that cannot be read is not taken for an empty one', async () => {
  const { arrivals, put, ear } = listening(() => Promise.reject(new Error('disk full')))
  put([input(1)])
  await assert.rejects(arrivals.next(), /disk full/)
  assert.equal(ear.heard, true)
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
