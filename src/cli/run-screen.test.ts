import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventData, EventType, RunEvent } from '../workflow/event.ts'
import { runView } from '../workflow/run-view.ts'
import { columns, plainPaint } from './format.ts'
import { redraw, screenLines } from './run-screen.ts'

let seq = 0
const at = <T extends EventType>(ms: number, type: T, data: EventData[T]): RunEvent =>
  ({ run: 'run_1', seq: ++seq, at: ms, type, v: 1, cause: null, data }) as unknown as RunEvent

const started = { attempt: 1, capability: null, excluded: [], delay_ms: 0 }
const view = () =>
  runView([
    at(0, 'run_started', { goal: 'g', definition: null, inputs: {}, by: 'ann' }),
    at(1_000, 'definition_chosen', {
      definition: `sha256:${'0'.repeat(64)}`,
      name: 'research',
      source: 'model',
      reason: 'fits',
    }),
    at(1_000, 'stage_started', { stage: 'gather', kind: 'tasks' }),
    at(1_000, 'task_started', { ...started, task: 'gather/a', agent: 'researcher' }),
    at(4_000, 'task_finished', {
      task: 'gather/a',
      attempt: 1,
      agent: 'researcher',
      model: 'm',
      output: 'x',
      usage: { input_tokens: 1_000, output_tokens: 500, calls: 1 },
      duration_ms: 3_000,
      queued_ms: 0,
      why: '',
      effect_key: 'k',
    }),
    at(4_000, 'stage_finished', { stage: 'gather', status: 'completed', reason: '', metrics: null, output: 'x' }),
    at(4_000, 'stage_started', { stage: 'review', kind: 'tasks' }),
    at(4_000, 'task_started', { ...started, task: 'review/a', agent: 'critic' }),
    at(4_000, 'task_started', { ...started, task: 'review/b', agent: null, capability: 'analysis' }),
  ])
const live = [{ task: 'review/b', agent: 'analyst', since: 5_000, note: 'loading the model', tokens: 40 }]

test('a run at work', () => {
  const lines = screenLines(
    view(),
    { run: 'run_1', live, now: 9_000, note: 'connection lost; trying again' },
    { width: 80, height: 24, paint: plainPaint },
  )
  assert.deepEqual(lines, [
    'running · 9.0 s · 1 call · 1.5k tokens · run_1',
    'research (model)',
    '✓ gather    tasks · 1/1 · 3.0 s',
    '● review    tasks · 0/2 · 5.0 s',
    '    ● a — critic, 5.0 s',
    '    ● b — analyst, 4.0 s, 40 tokens, loading the model',
    'connection lost; trying again',
  ])
})

test('whatever the size of the terminal, lines fit', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 40, max: 120 }),
      fc.integer({ min: 3, max: 40 }),
      fc.integer({ min: 0, max: 60 }),
      (width, height, stages) => {
        const many = runView(
          Array.from({ length: stages }, (_, n) =>
            at(0, 'stage_started', { stage: `stage_${n}_${'x'.repeat(n)}`, kind: 'tasks' }),
          ),
        )
        for (const each of [many, view()]) {
          const lines = screenLines(
            each,
            { run: `run_${'0'.repeat(36)}`, live, now: 0, note: 'n'.repeat(200) },
            { width, height, paint: plainPaint },
          )
          assert.ok(lines.length <= height - 1)
          for (const line of lines) assert.ok(columns(line) <= width, line)
        }
      },
    ),
    { numRuns: 50 },
  )
})

test('drawing again goes up over what was drawn', () => {
  assert.equal(redraw(0, ['a']), '\r\x1b[Ja\n')
  assert.equal(redraw(2, ['a', 'b']), '\x1b[2A\r\x1b[Ja\nb\n')
})
