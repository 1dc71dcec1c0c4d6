import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StoreFailure } from '../store/store-failure.ts'
import { patiently } from './patiently.ts'

const full = () => new StoreFailure({ kind: 'disk_full', message: 'the disk is full' })

test('what cannot be stored on a full disk is stored when there is room', async () => {
  let tries = 0
  const stored = await patiently(new AbortController().signal, async () => {
    if (++tries < 3) throw full()
    return 'stored'
  })
  assert.deepEqual([stored, tries], ['stored', 3])
})

test('what waiting does not mend, and a call that was called off, end at once', async () => {
  const { signal } = new AbortController()
  const damaged = new StoreFailure({ kind: 'data_damaged', message: 'damaged' })
  await assert.rejects(
    patiently(signal, () => Promise.reject(damaged)),
    damaged,
  )
  const bug = new TypeError('a bug')
  await assert.rejects(
    patiently(signal, () => Promise.reject(bug)),
    bug,
  )
  const controller = new AbortController()
  const off = new Error('called off')
  const waiting = patiently(controller.signal, () => {
    controller.abort(off)
    return Promise.reject(full())
  })
  await assert.rejects(waiting, off)
})
