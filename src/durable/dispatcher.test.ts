import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openDispatcher } from './dispatcher.ts'

/** Lets promises settle that are settled already. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('at most `limit` runs are begun at once, in order; an ended or parked run makes place', async () => {
  const sent: string[] = []
  const dispatcher = openDispatcher(2, async (run) => void sent.push(run))
  for (const run of ['a', 'b', 'c', 'd']) dispatcher.begin(run)
  assert.deepEqual(sent, ['a', 'b'])
  dispatcher.segmentBegan('a')
  dispatcher.segmentBegan('b')
  assert.deepEqual(dispatcher.status(), { executing: 2, queued: 2, limit: 2 })
  dispatcher.segmentEnded('a')
  assert.deepEqual(sent, ['a', 'b', 'c'])
  dispatcher.close()
})

test('a run that is woken goes on at once, whatever the limit, and is sent once', () => {
  const sent: string[] = []
  const dispatcher = openDispatcher(1, async (run) => void sent.push(run))
  dispatcher.begin('a')
  dispatcher.segmentBegan('a')
  dispatcher.wake('b')
  dispatcher.wake('b')
  assert.deepEqual(sent, ['a', 'b'])
  dispatcher.segmentBegan('b')
  dispatcher.wake('b')
  assert.deepEqual(sent, ['a', 'b', 'b'], 'mail that came after the segment began needs another one')
  dispatcher.close()
})

test('what cannot be sent is sent when the engine is back; so is what an engine that died may have lost', async () => {
  const sent: string[] = []
  let away = true
  const dispatcher = openDispatcher(5, async (run) => {
    if (away) throw new Error('refused')
    sent.push(run)
  })
  dispatcher.begin('a')
  await settle()
  assert.equal(dispatcher.status().executing, 0)
  away = false
  dispatcher.engineIsBack()
  assert.deepEqual(sent, ['a'])
  dispatcher.engineIsBack()
  assert.deepEqual(sent, ['a', 'a'], 'no segment has begun: sent again')
  dispatcher.segmentBegan('a')
  dispatcher.engineIsBack()
  assert.deepEqual(sent, ['a', 'a'])
  dispatcher.close()
})
