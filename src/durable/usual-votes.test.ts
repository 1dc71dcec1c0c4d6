import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import type { Definition } from '../workflow/definition.ts'
import { feedCourse, newCourse } from '../workflow/fold.ts'
import { usualVotes } from './usual-votes.ts'

const pinned = (environment: { [name: string]: string }): ReturnType<typeof usualVotes> => {
  const loaded = loadConfiguration({ flags: {}, cwd: '/', environment })
  assert.ok(loaded.ok)
  return usualVotes(loaded.value)
}

test('only what is configured is pinned', () => {
  assert.deepEqual(pinned({}), {})
  assert.deepEqual(pinned({ QUORATE_CONSENSUS_THRESHOLD: '0.5', QUORATE_DECISION_TIMEOUT: '45s' }), {
    votes: { threshold: 0.5, timeout_ms: 45_000 },
  })
})

test('a vote that says nothing itself keeps to it; one that does keeps to its own', () => {
  const definition: Definition = {
    apiVersion: 'quorate/v1',
    name: 'votes',
    stages: [
      { id: 'usual', kind: 'vote', needs: [], question: '?', options: ['a', 'b'], voters: ['x', 'y', 'z'] },
      {
        id: 'own',
        kind: 'vote',
        needs: [],
        question: '?',
        options: ['a', 'b'],
        voters: ['x', 'y', 'z'],
        threshold: 0.9,
        timeout: '2s',
      },
    ],
  }
  const course = newCourse('run_1')
  const { commands } = feedCourse(() => definition, course, {
    at: 1,
    type: 'run_started',
    data: { goal: null, definition: 'sha256:d', inputs: {}, by: 'test', votes: { threshold: 0.6, timeout_ms: 45_000 } },
  })
  const limits = commands.flatMap((command) => (command.do === 'call_agent' ? [command.timeout_ms] : []))
  assert.deepEqual(limits, [45_000, 45_000, 45_000, 2_000, 2_000, 2_000])
  const closed = [...course.owed.values()].flatMap((step, i) => {
    assert.ok(step.do === 'call_agent')
    const { task, attempt } = step
    const ballot = i % 3 === 2 ? 'b' : 'a'
    const usage = { input_tokens: 1, output_tokens: 1, calls: 1 }
    const more = { agent: 'x', model: null, output: { choice: ballot }, usage, duration_ms: 1, queued_ms: 0, why: '' }
    const data = { task, attempt, ...more, effect_key: 'k', ballot }
    const { events } = feedCourse(() => definition, course, { at: 2, type: 'task_finished', data })
    return events.flatMap((event) =>
      event.type === 'vote_closed' ? [[event.data.stage, event.data.result.status, event.data.result.threshold]] : [],
    )
  })
  assert.deepEqual(closed, [
    ['usual', 'decided', 0.6],
    ['own', 'plurality_only', 0.9],
  ])
})
