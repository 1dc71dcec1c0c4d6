import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { EventData, EventType, RunEvent } from './event.ts'
import { addEvents, newFold, runView, snapshot } from './run-view.ts'
import { viewLimits } from './run-view-parts.ts'

type Step = { [T in EventType]: { type: T; data: EventData[T] } }[EventType]

const log = (steps: Step[]): RunEvent[] =>
  steps.map((step, i) => ({ run: 'run_1', seq: i + 1, at: 1_000 + i * 10, v: 1, cause: null, ...step }) as RunEvent)

const usage = (input: number | null, output: number | null) => ({
  input_tokens: input,
  output_tokens: output,
  calls: 1,
})
const metrics = { n: 2, succeeded: 2, failed: 0, agreement: 0.5, tokens: 30, duration_ms: 40 }
const started = (task: string, attempt: number, agent: string): Step => ({
  type: 'task_started',
  data: { task, attempt, agent, capability: 'analysis', excluded: [], delay_ms: 0 },
})
const done = (task: string, attempt: number, agent: string, more: Partial<EventData['task_finished']> = {}): Step => ({
  type: 'task_finished',
  data: {
    task,
    attempt,
    agent,
    model: 'tiny',
    output: `by ${agent}`,
    usage: usage(10, 5),
    duration_ms: 20,
    queued_ms: 1,
    why: `${agent} is idle`,
    effect_key: 'k',
    ...more,
  },
})

const whole: Step[] = [
  { type: 'run_started', data: { goal: 'g', definition: null, inputs: {}, by: 'local' } },
  { type: 'plan_requested', data: { attempt: 1, problems: [] } },
  {
    type: 'plan_proposed',
    data: {
      attempt: 1,
      source: 'model',
      definition: 'sha256:1',
      name: 'plan',
      problems: [],
      model: 'tiny',
      usage: usage(100, null),
      analysis: 'two agents',
      raw: null,
      duration_ms: 9,
    },
  },
  {
    type: 'definition_chosen',
    data: { definition: 'sha256:1', name: 'plan', source: 'model', reason: 'passed the check' },
  },
  { type: 'stage_started', data: { stage: 'research', kind: 'tasks' } },
  started('research/a', 1, 'analyst'),
  started('research/b', 1, 'critic'),
  {
    type: 'task_failed',
    data: {
      task: 'research/a',
      attempt: 1,
      agent: 'analyst',
      failure: { kind: 'timeout', message: 'too slow' },
      retryable: true,
      usage: usage(null, null),
      duration_ms: 30,
      queued_ms: 0,
      why: 'first',
    },
  },
  started('research/a', 2, 'writer'),
  done('research/b', 1, 'critic'),
  done('research/a', 2, 'writer'),
  { type: 'collected', data: { stage: 'research', output: 'both', metrics } },
  {
    type: 'stage_finished',
    data: { stage: 'research', status: 'completed', reason: '2 of 2', metrics, output: 'both' },
  },
  { type: 'stage_started', data: { stage: 'gate', kind: 'decide' } },
  {
    type: 'decision_made',
    data: {
      stage: 'gate',
      taken: 0,
      then: ['ask'],
      when: 'agreement < 0.7',
      values: { agreement: 0.5 },
      reason: '0.5 < 0.7',
    },
  },
  {
    type: 'stage_finished',
    data: { stage: 'gate', status: 'completed', reason: 'case 1', metrics: null, output: null },
  },
  { type: 'stage_started', data: { stage: 'ask', kind: 'approval' } },
  {
    type: 'approval_requested',
    data: { approval: 'apr_1', stage: 'ask', question: 'Go on?', show: null, due: 9_999, default: 'refuse' },
  },
]

test('stages, tasks, attempts, decisions and open questions are as the events say', () => {
  const view = runView(log(whole))
  assert.equal(view.state, 'running')
  assert.deepEqual(view.definition, { hash: 'sha256:1', name: 'plan', source: 'model', reason: 'passed the check' })
  assert.deepEqual(
    view.stages.map(({ id, kind, state }) => [id, kind, state]),
    [
      ['research', 'tasks', 'completed'],
      ['gate', 'decide', 'completed'],
      ['ask', 'approval', 'running'],
    ],
  )
  const [a] = view.stages[0]?.tasks ?? []
  assert.equal(a?.state, 'completed')
  assert.equal(a.agent, 'writer')
  assert.equal(a.why, 'writer is idle')
  assert.equal(a.duration_ms, 50)
  assert.equal(a.input_tokens, 10)
  assert.deepEqual(
    a.attempts.map(({ agent, failure }) => [agent, failure?.kind ?? null]),
    [
      ['analyst', 'timeout'],
      ['writer', null],
    ],
  )
  assert.deepEqual(
    view.decisions.map(({ kind, taken, inputs, reason }) => ({ kind, taken, inputs, reason })),
    [
      { kind: 'plan', taken: 'model', inputs: {}, reason: 'passed the check' },
      { kind: 'decide', taken: 'case 1', inputs: { agreement: 0.5 }, reason: '0.5 < 0.7' },
    ],
  )
  assert.deepEqual(
    view.approvals.map((each) => each.approval),
    ['apr_1'],
  )
  // Unknown tokens are counted as unknown, never as 0.
  assert.deepEqual(view.cost, { input_tokens: 120, output_tokens: 10, unknown_usage: 2, calls: 4, duration_ms: null })
  assert.equal(view.left_out, null)
})

test('the end closes what was open', () => {
  const view = runView(
    log([
      ...whole,
      { type: 'run_finished', data: { status: 'cancelled', reason: 'by local', output: 'half', success: [] } },
    ]),
  )
  assert.deepEqual([view.state, view.reason, view.result, view.approvals], ['cancelled', 'by local', 'half', []])
  assert.equal(view.cost.duration_ms, 180)
})

test('what was called off before it had settled is cancelled, and runs no more', () => {
  const settled = (stage: string, status: 'completed' | 'skipped'): Step => ({
    type: 'stage_finished',
    data: { stage, status, reason: 'the rest cannot change it', metrics, output: null },
  })
  const states = (steps: Step[]) =>
    Object.fromEntries(
      runView(log(steps)).stages.flatMap(({ tasks }) => tasks.map(({ address, state }) => [address, state])),
    )
  const steps: Step[] = [
    { type: 'run_started', data: { goal: 'g', definition: 'sha256:1', inputs: {}, by: 'local' } },
    { type: 'stage_started', data: { stage: 'choose', kind: 'vote' } },
    ...['choose/voter_1', 'choose/voter_2', 'choose/voter_3'].map((voter) => started(voter, 1, 'critic')),
    done('choose/voter_1', 1, 'critic', { ballot: 'a' }),
    done('choose/voter_2', 1, 'critic', { ballot: 'a' }),
    { type: 'stage_started', data: { stage: 'again', kind: 'loop' } },
    { type: 'stage_started', data: { stage: 'again[1].write', kind: 'tasks' } },
    started('again[1].write/draft', 1, 'writer'),
    { type: 'stage_started', data: { stage: 'other', kind: 'tasks' } },
    started('other/one', 1, 'writer'),
    { type: 'effect_question', data: { task: 'other/one', question: 'Was it sent?' } },
  ]
  const voted = { 'choose/voter_1': 'completed', 'choose/voter_2': 'completed' }
  const decided = [...steps, settled('choose', 'completed')]
  assert.deepEqual(states(decided), {
    ...{ ...voted, 'choose/voter_3': 'cancelled' },
    ...{ 'again[1].write/draft': 'running', 'other/one': 'asking' },
  })
  const skipped = [...decided, settled('again', 'skipped')]
  assert.equal(states(skipped)['again[1].write/draft'], 'cancelled')
  assert.equal(states(skipped)['other/one'], 'asking')
  const end: Step = { type: 'run_finished', data: { status: 'failed', reason: 'no', output: null, success: [] } }
  assert.equal(states([...skipped, end])['other/one'], 'cancelled')
})

test('of a run that was cancelled nothing is running: each stage says since when and why not', () => {
  const view = runView(
    log([
      { type: 'run_started', data: { goal: 'g', definition: 'sha256:1', inputs: {}, by: 'local' } },
      { type: 'stage_started', data: { stage: 'first', kind: 'tasks' } },
      { type: 'stage_finished', data: { stage: 'first', status: 'completed', reason: '', metrics, output: 'x' } },
      { type: 'stage_started', data: { stage: 'again', kind: 'loop' } },
      { type: 'stage_started', data: { stage: 'again[1].write', kind: 'tasks' } },
      started('again[1].write/draft', 1, 'writer'),
      { type: 'cancel_requested', data: { by: 'ann', reason: '' } },
      { type: 'run_finished', data: { status: 'cancelled', reason: 'cancelled by ann', output: null, success: [] } },
    ]),
  )
  assert.deepEqual(
    view.stages.map(({ id, state, reason, ended_at, tasks }) => [id, state, reason, ended_at, tasks[0]?.state]),
    [
      ['first', 'completed', '', 1_020, undefined],
      ['again', 'cancelled', 'cancelled by ann', view.ended_at, undefined],
      ['again[1].write', 'cancelled', 'cancelled by ann', view.ended_at, 'cancelled'],
    ],
  )
})

test('a level inside a loop that ended early ended with it', () => {
  const view = runView(
    log([
      { type: 'stage_started', data: { stage: 'again', kind: 'loop' } },
      { type: 'stage_started', data: { stage: 'again[1].write', kind: 'tasks' } },
      { type: 'stage_finished', data: { stage: 'again', status: 'skipped', reason: 'no need', metrics, output: null } },
    ]),
  )
  assert.deepEqual(
    view.stages.map(({ state, reason }) => [state, reason]),
    [
      ['skipped', 'no need'],
      ['cancelled', 'again was over'],
    ],
  )
})

test('fed in any pages, also overlapping ones, the view is the same', () => {
  const events = log(whole)
  const expected = JSON.stringify(runView(events))
  fc.assert(
    fc.property(fc.array(fc.nat({ max: events.length }), { maxLength: 8 }), (cuts) => {
      const fold = newFold()
      for (const cut of cuts.sort((a, b) => a - b))
        addEvents(fold, events.slice(Math.max(0, cut - 3), cut).length > 0 ? events.slice(0, cut) : [])
      addEvents(fold, events)
      assert.equal(JSON.stringify(snapshot(fold)), expected)
    }),
  )
})

test('a run of 20,000 stages keeps its counts, its end, and a bounded view', () => {
  const steps: Step[] = [{ type: 'run_started', data: { goal: 'g', definition: 'sha256:1', inputs: {}, by: 'local' } }]
  steps.push({ type: 'stage_started', data: { stage: 'improve', kind: 'loop' } })
  for (let i = 1; i <= 20_000; i++) {
    const stage = `improve[${i}].write`
    steps.push(
      { type: 'stage_started', data: { stage, kind: 'tasks' } },
      started(`${stage}/draft`, 1, 'writer'),
      done(`${stage}/draft`, 1, 'writer', { output: 'x'.repeat(100) }),
      { type: 'stage_finished', data: { stage, status: 'completed', reason: '', metrics, output: null } },
      { type: 'loop_iterated', data: { stage: 'improve', iteration: i, until: false, reason: 'not yet' } },
    )
  }
  const view = runView(log(steps))
  assert.equal(view.counts.stages, 20_001)
  assert.equal(view.counts.tasks_completed, 20_000)
  assert.equal(view.cost.input_tokens, 200_000)
  assert.ok(view.stages.length <= viewLimits.stages && view.decisions.length <= viewLimits.decisions)
  assert.equal(view.stages[0]?.id, 'improve', 'a stage that runs is never left out')
  assert.equal(view.stages.at(-1)?.id, 'improve[20000].write')
  assert.equal((view.left_out?.stages ?? 0) + view.stages.length, 20_001)
  assert.ok(JSON.stringify(view).length < 1_000_000)
})
