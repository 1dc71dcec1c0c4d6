import assert from 'node:assert/strict'
import { test } from 'node:test'
import { diceOf } from '../../test/simulation/dice.ts'
import { simulate } from '../../test/simulation/simulate.ts'
import type { Definition } from './definition.ts'
import type { RunEvent } from './event.ts'
import { addEvents, newFold, snapshot } from './run-view.ts'

const two = ['a', 'b'].map((id) => ({ id, agent: 'writer', instructions: 'Write.' }))
const ran = (stages: Definition['stages'], feedback: Definition['feedback']): RunEvent[] =>
  simulate({ apiVersion: 'quorate/v1', name: 'n', stages, ...(feedback && { feedback }) }, diceOf(1), { failing: 0 })
    .events
const decided = (events: RunEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'decision_made' ? [`${event.data.taken}: ${event.data.reason}`] : []))

test('collective_sync is the agreement, wherever it is read', () => {
  const events = ran(
    [
      { id: 'work', kind: 'tasks', tasks: two },
      { id: 'd', kind: 'decide', cases: [{ when: 'collective_sync >= 0.0', then: 'end' }], otherwise: 'end' },
    ],
    [{ id: 'f', when: 'collective_sync >= 0.0', action: 'synchronize_agents', max: 1 }],
  )
  assert.deepEqual(decided(events), ['0: collective_sync >= 0.0 holds'])
  assert.ok(events.some(({ type }) => type === 'feedback_fired'))
})

test('what no run can measure is null with its reason, takes otherwise, and never fires; the end of the run says why', () => {
  const events = ran(
    [
      { id: 'work', kind: 'tasks', tasks: two.slice(0, 1) },
      {
        id: 'd',
        kind: 'decide',
        cases: ['integration_score > 0.5', 'novel_pattern_detected', 'coherence < 0.7'].map((when) => ({
          when,
          then: 'end',
        })),
        otherwise: 'end',
      },
    ],
    [
      { id: 'i', when: 'information_integration > 0.3', action: 'accelerate_system_state', max: 1 },
      { id: 'never', when: 'run.calls > 100', action: 'accelerate_system_state', max: 1 },
    ],
  )
  const [reason = ''] = decided(events)
  assert.match(reason, /^otherwise: .*integration_score is null: integration is measured over many tasks/)
  assert.match(
    reason,
    /novel_pattern_detected is null: .*; coherence < 0.7: coherence is null: work: needs 2 outputs, has 1/,
  )
  const end = events.at(-1)
  assert.ok(end?.type === 'run_finished')
  assert.deepEqual(
    end.data.not_fired?.map(({ id }) => id),
    ['i'],
    'a rule that was false is none that lacked a value',
  )
  assert.match(end.data.not_fired?.[0]?.reason ?? '', /information_integration is null: integration is measured/)
  const fold = newFold()
  addEvents(fold, events)
  assert.ok(snapshot(fold).decisions.some(({ kind, taken }) => kind === 'feedback' && taken === 'never fired'))
})
