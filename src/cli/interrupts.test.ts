import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { test } from 'node:test'
import { interruptsOf } from './interrupts.ts'

test('a key press that arrives twice is one; a later one is another; afterwards nobody listens', () => {
  const source = new EventEmitter() as EventEmitter & Pick<NodeJS.Process, 'on' | 'off'>
  let now = 0
  let unrefs = 0
  const heard: string[] = []
  const silence = interruptsOf(
    Object.assign(source, { channel: { unref: () => void unrefs++ } }),
    () => now,
  )((reason) => heard.push(reason))
  source.emit('SIGINT')
  now = 20
  source.emit('SIGINT')
  now = 1_000
  source.emit('SIGTERM')
  now = 2_000
  source.emit('disconnect')
  assert.deepEqual(heard, ['Ctrl-C', 'SIGTERM', 'the process that started it has ended'])
  assert.equal(unrefs, 1)
  silence()
  assert.deepEqual(source.eventNames(), [])
})
