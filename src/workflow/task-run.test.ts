import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { CallAgent } from './command.ts'
import { type Definition, definitionSchema } from './definition.ts'
import { feedCourse, newCourse } from './fold.ts'

const definition: Definition = definitionSchema.parse({
  apiVersion: 'quorate/v1',
  name: 'twice',
  feedback: [{ id: 'apart', when: 'run.calls >= 1', action: 'synchronize_agents', max: 1 }],
  stages: [
    {
      id: 'mail',
      kind: 'tasks',
      needs: [],
      tasks: [{ id: 't', agent: 'a', instructions: 'Send it.', input: { n: '=run.calls' } }],
    },
    { id: 'quick', kind: 'tasks', needs: [], tasks: [{ id: 'q', agent: 'a', instructions: 'Go.' }] },
  ],
})

test('a later attempt is given the same input, whatever has happened since: its effect keeps its key', () => {
  const course = newCourse('run_1')
  const feed = (input: unknown) => feedCourse(() => definition, course, input as Parameters<typeof feedCourse>[2])
  const usage = { input_tokens: 0, output_tokens: 0, calls: 1 }
  feed({ at: 1, type: 'run_started', data: { goal: null, definition: 'sha256:d', inputs: {}, by: 'test' } })
  const first = course.owed.get('mail/t#1') as CallAgent
  const ended = feed({
    at: 2,
    type: 'task_finished',
    data: {
      task: 'quick/q',
      attempt: 1,
      agent: 'a',
      model: null,
      output: 'done',
      usage,
      duration_ms: 1,
      queued_ms: 0,
      why: '',
      effect_key: 'k',
    },
  })
  assert.ok(
    ended.events.some(({ type }) => type === 'feedback_fired'),
    'the rule that adds to inputs has fired',
  )
  feed({
    at: 3,
    type: 'task_failed',
    data: {
      task: 'mail/t',
      attempt: 1,
      agent: 'a',
      failure: { kind: 'timeout', message: 'late' },
      retryable: true,
      usage,
      duration_ms: 1,
      queued_ms: 0,
      why: '',
    },
  })
  const second = course.owed.get('mail/t#2') as CallAgent
  assert.deepEqual(first.input, { n: 0 })
  assert.deepEqual(second.input, first.input)
})
