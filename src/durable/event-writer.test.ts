import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventBatch, Store } from '../store/store.ts'
import { openEventWriter } from './event-writer.ts'

const batch = (run: string, seq: number): EventBatch => ({
  run,
  epoch: 0,
  events: [{ run, seq, at: 0, type: 'timer_fired', v: 1, cause: null, data: { timer: 't' } }],
  row: {},
})
const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined }

/** A store that is told when to answer, and how. */
function slowStore() {
  const asked: { batches: EventBatch[]; answer: PromiseWithResolvers<{ fenced: string[] }> }[] = []
  let next = Promise.withResolvers<void>()
  const append = (batches: EventBatch[]) => {
    const answer = Promise.withResolvers<{ fenced: string[] }>()
    asked.push({ batches, answer })
    next.resolve()
    next = Promise.withResolvers()
    return answer.promise
  }
  return {
    store: { events: { append } } as unknown as Store,
    asked,
    /** Resolves when so many commits have been asked for. */
    async until(n: number) {
      while (asked.length < n) await next.promise
    },
  }
}
const numbers = (batches: EventBatch[]): number[] => batches.map(({ events }) => events[0]?.seq ?? 0)

test('W1: what comes while a commit is under way shares the next one, in order', async () => {
  const { store, asked, until } = slowStore()
  const writer = openEventWriter(store, quiet)
  const first = writer.store(batch('a', 1))
  await until(1)
  const others = [writer.store(batch('a', 2)), writer.store(batch('b', 1)), writer.store(batch('a', 3))]
  assert.equal(asked.length, 1)
  asked[0]?.answer.resolve({ fenced: [] })
  assert.equal(await first, true)
  await until(2)
  assert.deepEqual(numbers(asked[1]?.batches ?? []), [2, 1, 3])
  asked[1]?.answer.resolve({ fenced: ['b'] })
  assert.deepEqual(await Promise.all(others), [true, false, true])
  await writer.settled()
})

test('W2: a store that fails is asked again; when the program ends, whoever waits is told', async () => {
  const { store, asked, until } = slowStore()
  const writer = openEventWriter(store, quiet)
  const stored = writer.store(batch('a', 1))
  await until(1)
  asked[0]?.answer.reject(new Error('disk full'))
  await until(2)
  assert.equal(writer.trouble(), 'disk full')
  assert.deepEqual(numbers(asked[1]?.batches ?? []), [1])
  asked[1]?.answer.resolve({ fenced: [] })
  assert.equal(await stored, true)
  assert.equal(writer.trouble(), null)

  const told = assert.rejects(writer.store(batch('a', 2)), /read-only/)
  await until(3)
  asked[2]?.answer.reject(new Error('read-only'))
  writer.close()
  await told
  assert.equal(asked.length, 3)
  await writer.settled()
})
