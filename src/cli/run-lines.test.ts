import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { EventData, EventType, RunEvent, Usage } from '../workflow/event.ts'
import { plainPaint } from './format.ts'
import { eventLine, isMilestone, since } from './run-lines.ts'

const event = <T extends EventType>(type: T, data: EventData[T]): RunEvent =>
  ({ run: 'run_1', seq: 1, at: 0, type, v: 1, cause: null, data }) as unknown as RunEvent
const usage: Usage = { input_tokens: 1_000, output_tokens: 200, calls: 1 }
const line = <T extends EventType>(type: T, data: EventData[T]) => eventLine(event(type, data), plainPaint)

test('events as sentences', () => {
  const rows: [string, string][] = [
    [line('run_started', { goal: 'Find\nout', definition: null, inputs: {}, by: 'ann' }), 'run started: Find out'],
    [line('plan_requested', { attempt: 2, problems: ['no stage b'] }), 'planning, attempt 2; to repair: no stage b'],
    [line('stage_started', { stage: 'gather', kind: 'tasks' }), 'gather started (tasks)'],
    [
      line('task_started', {
        task: 'gather/a',
        attempt: 2,
        agent: null,
        capability: 'research',
        excluded: [],
        delay_ms: 1_500,
      }),
      'gather/a → research, attempt 2 in 1.5 s',
    ],
    [
      line('task_finished', {
        task: 'gather/a',
        attempt: 1,
        agent: 'critic',
        model: 'm',
        output: 'x',
        usage,
        duration_ms: 2_000,
        queued_ms: 0,
        why: '',
        effect_key: 'k',
        ballot: 'yes',
      }),
      'gather/a done by critic in 2.0 s, 1.2k tokens, votes for yes',
    ],
    [
      line('task_finished', {
        task: 'gather/a',
        attempt: 1,
        agent: 'critic',
        model: null,
        output: 'x',
        usage: { input_tokens: null, output_tokens: null, calls: 1 },
        duration_ms: 2_000,
        queued_ms: 0,
        why: '',
        effect_key: 'k',
      }),
      'gather/a done by critic in 2.0 s',
    ],
    [
      line('task_failed', {
        task: 'gather/b',
        attempt: 1,
        agent: 'coder',
        failure: { kind: 'timeout', message: 'too slow\x1b[2J' },
        retryable: true,
        usage,
        duration_ms: 1,
        queued_ms: 0,
        why: '',
      }),
      'gather/b failed at coder (attempt 1, may be tried again): too slow',
    ],
    [
      line('decision_made', {
        stage: 'enough',
        taken: 0,
        then: ['write'],
        when: 'gather.failed == 0',
        values: {},
        reason: 'it holds',
      }),
      'enough decided: write (gather.failed == 0): it holds',
    ],
    [
      line('decision_made', {
        stage: 'enough',
        taken: 'otherwise',
        then: ['end'],
        when: null,
        values: {},
        reason: 'null',
      }),
      'enough decided: end (otherwise): null',
    ],
    [
      line('run_finished', { status: 'partial', reason: 'one stage failed', output: null, success: [] }),
      'run partial: one stage failed',
    ],
  ]
  for (const [said, expected] of rows) assert.equal(said, expected)
})

test('an event of a kind that a newer server knows is named, and no milestone', () => {
  const unknown = {
    ...event('run_started', { goal: null, definition: null, inputs: {}, by: '' }),
    type: 'moon_rose',
  } as unknown as RunEvent
  assert.equal(eventLine(unknown, plainPaint), 'moon_rose')
  assert.equal(isMilestone(unknown), false)
})

test('time since the start', () => {
  assert.deepEqual([since(0, 0), since(0, 1_400), since(0, 65_000), since(5, 0)], ['+0s', '+1s', '+1m5s', '+0s'])
})
