import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import type { Failure, Result } from '../failure.ts'
import { agent, performed, standIn, testFleet, testStore, until } from '../fleet/stand-ins.ts'
import { aTry } from '../store/stand-ins.ts'
import { anEvent, aRun } from '../store/store.conformance.ts'
import type { RunEvent } from '../workflow/event.ts'
import { isBlobRef } from '../workflow/value.ts'
import { agent_history } from './agent_history.ts'
import { cancel_try } from './cancel_try.ts'
import { checkInput } from './check-input.ts'
import type { Typed } from './define-operation.ts'
import { get_try } from './get_try.ts'
import { list_questions } from './list_questions.ts'
import { list_tries } from './list_tries.ts'
import { metrics_over_time } from './metrics_over_time.ts'
import type { Operation, OperationContext } from './operation.ts'
import { MOST_TRIES } from './tries.ts'
import { try_agent } from './try_agent.ts'

const NOW = 1_700_000_000_000

/** Operations on a real store and a real fleet, whose one agent system is a stand-in. */
async function desk(t: TestContext, of: Parameters<typeof standIn>[1] = {}) {
  const store = await testStore(t)
  const outside = standIn('outside', of)
  const { fleet, clock } = await testFleet(t, [outside], {
    store,
    agents: [agent('ann', 'outside'), agent('bob', 'outside')],
  })
  const context = {
    store,
    fleet,
    now: () => clock.now,
    actor: 'local',
    granted: [],
    signal: new AbortController().signal,
  } as unknown as OperationContext
  const ask = async <I, O>(operation: Operation & Typed<I, O>, input: object): Promise<Result<O>> => {
    const checked = checkInput(operation, input)
    if (!checked.ok) return checked
    const answer = await operation.run(context, checked.value)
    if (answer.ok) operation.output.parse(answer.value)
    return answer as Result<O>
  }
  const done = async <I, O>(operation: Operation & Typed<I, O>, input: I & object): Promise<O> => {
    const answer = await ask(operation, input)
    assert.ok(answer.ok, answer.ok ? '' : JSON.stringify(answer.failure))
    return answer.value
  }
  const refused = async (operation: Operation, input: object): Promise<Failure> => {
    const answer = await ask(operation, input)
    assert.ok(!answer.ok, `${operation.name} was not refused`)
    return answer.failure
  }
  return { store, outside, done, refused }
}

const finished = (run: string, seq: number, at: number, more: object = {}) =>
  ({
    run,
    seq,
    at,
    type: 'task_finished',
    v: 1,
    cause: null,
    data: {
      task: 'a/b',
      attempt: 1,
      agent: 'ann',
      model: 'm',
      output: 'x',
      usage: { input_tokens: 7, output_tokens: 3, calls: 1 },
      duration_ms: 100,
      queued_ms: 0,
      why: '',
      effect_key: 'k',
      ...more,
    },
  }) as RunEvent

describe('metrics over time', () => {
  test('an empty installation has every bucket, and says what it needs', async (t) => {
    const { done } = await desk(t)
    const all = await done(metrics_over_time, {})
    assert.equal(all.buckets.length, 24)
    assert.equal(all.tasks.completed.length, 24)
    assert.equal(all.totals.success.reason, 'not enough data: needs 30 results, has 0')
    assert.deepEqual([all.totals.p95_ms, all.totals.durations], [null, { n: 0, needs: 30 }])
  })

  test('what ended is in the last bucket, told apart by agent', async (t) => {
    const { done, store } = await desk(t)
    await store.runs.create(aRun('run_1', { status: 'running', created_at: NOW - 5_000 }), [])
    const events = Array.from({ length: 40 }, (_, i) =>
      finished('run_1', i + 1, NOW - 1_000, i < 5 ? { agent: 'bob' } : {}),
    )
    await store.events.append([{ run: 'run_1', epoch: 0, events, row: {} }])
    const all = await done(metrics_over_time, { range: '1h', by: 'agent' })
    assert.deepEqual(
      [all.buckets.length, all.tasks.completed.at(-1), all.totals.success.n, all.totals.input_tokens],
      [12, 40, 40, 280],
    )
    assert.deepEqual(
      all.groups.map((group) => [group.name, group.totals.completed]),
      [
        ['ann', 35],
        ['bob', 5],
      ],
    )
    const [first] = (await done(metrics_over_time, { range: '1h', by: 'agent', groups: 1, points: false })).groups
    assert.deepEqual([first?.name, first?.tasks], ['ann', null])
    assert.equal((await done(metrics_over_time, { range: '1h', agent: 'bob' })).totals.completed, 5)
  })

  test('too many points, and points finer than what is kept, are refused with what to do', async (t) => {
    const { refused } = await desk(t)
    assert.match((await refused(metrics_over_time, { range: '30d', bucket: '1h' })).message, /720 points/)
    assert.match(
      (await refused(metrics_over_time, { range: '1h', bucket: '5m', until: NOW - 20 * 86_400_000 })).message,
      /7d back/,
    )
    assert.equal((await refused(metrics_over_time, { range: '2d' })).field, 'range')
    assert.equal((await refused(metrics_over_time, { groups: 1e9 })).field, 'groups')
  })
})

test('history of an agent: its tasks in pages, gates, and no grade without an evaluation', async (t) => {
  const { done, refused, store } = await desk(t)
  await store.runs.create(aRun('run_1', { status: 'running', created_at: NOW - 5_000 }), [])
  await store.events.append([
    { run: 'run_1', epoch: 0, events: [1, 2, 3].map((seq) => finished('run_1', seq, NOW - 1_000)), row: {} },
  ])
  const first = await done(agent_history, { agent: 'ann', limit: 2 })
  assert.deepEqual(
    first.tasks.map(({ seq }) => seq),
    [3, 2],
  )
  const next = await done(agent_history, { agent: 'ann', limit: 2, cursor: first.next ?? '' })
  assert.deepEqual([next.tasks.length, next.next, next.totals.completed], [1, null, 3])
  assert.equal(first.grade.value, null)
  assert.deepEqual(
    first.health.gates.map(({ name, open }) => [name, open]),
    [
      ['answers', null],
      ['success', null],
      ['breaker', true],
      ['latency', null],
    ],
  )
  assert.equal((await refused(agent_history, { agent: 'nobody' })).kind, 'not_found')
  assert.equal((await refused(agent_history, { agent: 'ann', cursor: 'x' })).field, 'cursor')
})

describe('tries', () => {
  const ended = async (found: Awaited<ReturnType<typeof desk>>, id: string) => {
    for (;;) {
      const one = await found.done(get_try, { id })
      if (one.state !== 'running') return one
      await new Promise((resolve) => setImmediate(resolve))
    }
  }

  test('an agent gets the prompt, and the try keeps its answer', async (t) => {
    const found = await desk(t, {
      perform: async (task) => ({ ok: true, value: performed({ said: task.instructions }) }),
    })
    const begun = await found.done(try_agent, { agent: 'ann', prompt: 'Say hello.' })
    assert.equal(begun.state, 'running')
    const one = await ended(found, begun.id)
    assert.deepEqual(
      [one.state, one.output, one.agent_name, one.input_tokens],
      ['completed', { said: 'Say hello.' }, 'ann', 1],
    )
    assert.deepEqual(
      (await found.done(list_tries, { agent: 'ann' })).items.map(({ id }) => id),
      [begun.id],
    )
    assert.deepEqual((await found.done(list_tries, { agent: 'bob' })).items, [])
    // It is no part of what runs did.
    assert.equal((await found.done(metrics_over_time, {})).totals.calls, 0)
  })

  test('an answer in the form of a reference is stored apart: no reader takes it for the value that it names', async (t) => {
    const form = { see: { $blob: `sha256:${'0'.repeat(64)}`, bytes: 9, preview: '' } }
    const found = await desk(t, { perform: async () => ({ ok: true, value: performed(form) }) })
    const { output } = await ended(found, (await found.done(try_agent, { agent: 'ann', prompt: 'Which?' })).id)
    assert.ok(isBlobRef(output))
    const bytes = await found.store.blobs.get(output.$blob)
    assert.deepEqual(JSON.parse(Buffer.from(bytes ?? []).toString()), form)
  })

  test('its progress is told, and it can be stopped', async (t) => {
    const found = await desk(t, { held: true })
    const { id } = await found.done(try_agent, { agent: 'ann', prompt: 'Think.' })
    await until(() => found.outside.calls.length === 1)
    found.outside.calls[0]?.context.progress({ kind: 'tokens', tokens: 12, text: 'so far' })
    assert.deepEqual((await found.done(get_try, { id })).progress, { note: 'tokens: so far', tokens: 12 })
    await found.done(cancel_try, { id })
    assert.equal((await ended(found, id)).state, 'cancelled')
    assert.equal((await found.refused(cancel_try, { id })).kind, 'conflict')
  })

  test('they are bounded, failures are kept, and a long answer is a reference', async (t) => {
    const found = await desk(t, { held: true })
    const ids: string[] = []
    for (let i = 0; i < MOST_TRIES; i++) ids.push((await found.done(try_agent, { agent: 'ann', prompt: `${i}` })).id)
    assert.equal((await found.refused(try_agent, { agent: 'bob', prompt: 'one more' })).kind, 'busy')
    await until(() => found.outside.calls.length === MOST_TRIES)
    found.outside.calls[0]?.end({ ok: false, failure: { kind: 'agent_failed', message: 'it broke' } })
    found.outside.calls[1]?.end({ ok: true, value: performed('long '.repeat(10_000)) })
    const states = await Promise.all(ids.slice(0, 2).map((id) => ended(found, id)))
    assert.equal(states[0]?.failure?.message, 'it broke')
    assert.ok(isBlobRef(states[1]?.output))
    for (const call of found.outside.calls.slice(2)) call.end({ ok: true, value: performed('') })
    for (const id of ids.slice(2)) await ended(found, id)
  })

  test('one that no process works on any more was interrupted', async (t) => {
    const { done, store } = await desk(t)
    const id = 'try_0198c0de-0000-7000-8000-000000000000'
    await store.tries.put(aTry(id))
    assert.deepEqual(
      [(await done(get_try, { id })).state, (await done(get_try, { id })).progress],
      ['interrupted', null],
    )
  })

  test('bad input is refused by name', async (t) => {
    const { refused } = await desk(t)
    assert.equal((await refused(try_agent, { agent: 'nobody', prompt: 'x' })).kind, 'not_found')
    assert.equal((await refused(try_agent, { agent: 'ann', prompt: '  ' })).field, 'prompt')
    assert.equal((await refused(try_agent, { agent: 'ann', prompt: 'x', timeout: '2h' })).field, 'timeout')
    assert.equal((await refused(get_try, { id: '../x' })).field, 'id')
    assert.equal((await refused(get_try, { id: 'try_0198c0de-0000-7000-8000-000000000000' })).kind, 'not_found')
  })
})

test('questions of all runs come in one list, the most urgent first; answered ones are gone', async (t) => {
  const { done, store } = await desk(t)
  const ask = async (run: string, due: number, default_: string) => {
    await store.runs.create(aRun(run, { status: 'waiting', goal: `goal of ${run}` }), [
      {
        ...anEvent(run, 1),
        type: 'approval_requested',
        data: { approval: `apr_${run}`, stage: 'gate', question: 'Deploy?', show: null, due, default: default_ },
      } as unknown as RunEvent,
    ])
  }
  await ask('run_late', 9_000, 'refuse')
  await ask('run_soon', 5_000, 'approve')
  await store.runs.create(aRun('run_effect', { status: 'waiting' }), [
    {
      ...anEvent('run_effect', 1),
      type: 'effect_question',
      data: { task: 'deploy/push', question: 'Did it happen?' },
    } as unknown as RunEvent,
  ])
  await store.runs.create(aRun('run_done', { status: 'completed', ended_at: 2 }), [
    {
      ...anEvent('run_done', 1),
      type: 'approval_requested',
      data: { approval: 'old', stage: 'gate', question: 'Old?', show: null, due: 1, default: 'refuse' },
    } as unknown as RunEvent,
  ])
  const shown = async (input = {}) =>
    (await done(list_questions, input)).items.map((item) => `${item.kind} ${item.run.id}`)
  assert.deepEqual(await shown(), ['effect run_effect', 'approval run_soon', 'approval run_late'])
  assert.deepEqual(await shown({ kind: ['effect'] }), ['effect run_effect'])
  const [, soon] = (await done(list_questions, {})).items
  assert.ok(soon?.kind === 'approval')
  assert.deepEqual(
    [soon.question, soon.due, soon.default, soon.run.goal],
    ['Deploy?', 5_000, 'approve', 'goal of run_soon'],
  )
  await store.events.append([
    {
      run: 'run_soon',
      epoch: 0,
      events: [
        {
          ...anEvent('run_soon', 2),
          type: 'approval_given',
          data: { approval: 'apr_run_soon', decision: 'approve', comment: '', by: 'ann' },
        } as unknown as RunEvent,
      ],
      row: {},
    },
  ])
  assert.deepEqual(await shown(), ['effect run_effect', 'approval run_late'])
})
