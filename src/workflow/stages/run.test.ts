import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition } from '../definition.ts'
import type { RunInput } from '../event.ts'
import { feedCourse, newCourse } from '../fold.ts'

test('a child run whose stage is called off, because its level is over without it, is cancelled', () => {
  const definition: Definition = {
    apiVersion: 'quorate/v1',
    name: 'd',
    stages: [
      { id: 'sub', kind: 'run', definition: 'other', on_failure: 'continue' },
      { id: 'look', kind: 'wait', needs: [], signal: 'stop', timeout: '1h', on_failure: 'continue' },
      { id: 'stop', kind: 'decide', needs: ['look'], cases: [{ when: 'true', then: 'end' }], otherwise: 'end' },
    ],
  }
  const course = newCourse('run_1')
  const feed = (input: RunInput) => feedCourse(() => definition, course, input)
  feed({ at: 1, type: 'run_started', data: { goal: 'g', definition: 'sha256:d', inputs: {}, by: 'me' } })
  assert.deepEqual([...course.owed.keys()], ['sub/run'])
  const { commands } = feed({ at: 2, type: 'signal_received', data: { name: 'stop', data: null, by: 'me' } })
  assert.deepEqual(
    commands.map((command) => [command.do, 'stage' in command ? command.stage : '']),
    [['cancel_child', 'sub']],
  )
  assert.equal(course.owed.size, 0)
})
