import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, ok } from '../failure.ts'
import { STOP_GRACE_MS } from './call-agent.ts'
import { agent, attempt, performed, standIn, testFleet, turn, until } from './stand-ins.ts'

const schema = { type: 'object', properties: { score: { type: 'number' } }, required: ['score'] }

test('the outcome names the agent, why it was chosen, and when', async (t) => {
  const { fleet, perform, clock } = await testFleet(t, [standIn('outside')], {
    agents: [agent('a', 'outside'), agent('b', 'outside'), agent('c', 'outside', { capabilities: ['research'] })],
  })
  const outcome = await perform(attempt('t'))
  assert.ok(outcome.ok)
  assert.equal(outcome.agent, 'a')
  assert.match(outcome.why, /best proven per load of 2 with writing \(a .* b .*\)/)
  assert.deepEqual([outcome.started_at, outcome.queued_ms, outcome.performed.output], [clock.now, 0, 'done'])
  assert.match(outcome.effect_key, /^sha256:/)
  assert.deepEqual(fleet.candidates('writing'), ['a', 'b'])
  assert.deepEqual(fleet.candidates(null), ['a', 'b', 'c'])
  const unknown = await perform(attempt('t', { capability: 'flying' }))
  assert.ok(!unknown.ok && unknown.failure.kind === 'not_found' && !unknown.retryable && unknown.agent === null)
})

test('an agent is handed the task with its own role and standing instructions', async (t) => {
  const outside = standIn('outside', { held: true })
  const { perform } = await testFleet(t, [outside], {
    agents: [agent('a', 'outside', { role: 'Writer', instructions: 'be short' })],
  })
  const done = perform(attempt('s/t', { goal: 'g', input: { text: 'x' }, attempt: 2, max_output_tokens: 7 }))
  await until(() => outside.calls.length === 1)
  const call = outside.calls[0]
  assert.deepEqual(
    { ...call?.task, effect_key: '' },
    {
      run: 'run_1',
      task: 's/t',
      attempt: 2,
      goal: 'g',
      role: 'Writer',
      agent_instructions: 'be short',
      instructions: 'write',
      input: { text: 'x' },
      output_schema: null,
      max_output_tokens: 7,
      effect_key: '',
    },
  )
  call?.end(ok(performed('x')))
  assert.equal((await done).effect_key, call?.task.effect_key)
})

test('a failing agent’s breaker opens, others take over, and it is tried again after its wait', async (t) => {
  let broken = true
  const bad = standIn('bad', { perform: async () => (broken ? fail('agent_failed', 'broken') : ok(performed('well'))) })
  const { fleet, perform, clock } = await testFleet(t, [bad, standIn('good')], {
    agents: [agent('bad', 'bad'), agent('good', 'good')],
  })
  for (let i = 0; i < 10; i++) assert.equal((await perform(attempt(`t${i}`, { agent: 'bad' }))).agent, 'bad')
  assert.deepEqual([(await fleet.get('bad'))?.status, (await fleet.get('bad'))?.breaker.state], ['degraded', 'open'])
  const other = await perform(attempt('u', { agent: 'bad', fallback: ['good'] }))
  assert.equal(other.agent, 'good')
  assert.match(other.why, /not bad: breaker open for 15 s/)
  const alone = await perform(attempt('v', { agent: 'bad', capability: null, excluded: ['good'] }))
  assert.equal(alone.agent, 'good', 'it can do the same, and has failed only another try')
  broken = false
  clock.now += 15_000
  assert.equal((await perform(attempt('w', { agent: 'bad' }))).agent, 'bad')
  assert.equal((await fleet.get('bad'))?.breaker.state, 'half_open')
  assert.ok((await perform(attempt('x', { agent: 'bad' }))).ok)
  assert.equal((await fleet.get('bad'))?.breaker.state, 'closed')
  assert.deepEqual(fleet.stats().agents.find((each) => each.agent === 'bad')?.failed, { agent_failed: 10 })
})

test('the caller’s mistakes and a busy host leave the breaker alone; busy makes the host’s limit smaller', async (t) => {
  let kind: 'invalid_input' | 'busy' | null = 'invalid_input'
  const outside = standIn('outside', {
    perform: async () => (kind === null ? ok(performed('x')) : fail(kind, 'no', { retry_after_s: 3 })),
  })
  const { fleet, perform } = await testFleet(t, [outside], { agents: [agent('a', 'outside')] })
  for (let i = 0; i < 15; i++) await perform(attempt(`t${i}`))
  kind = 'busy'
  const busy = await perform(attempt('busy'))
  assert.ok(!busy.ok && busy.retryable && busy.failure.retry_after_s === 3)
  for (let i = 0; i < 50; i++) await perform(attempt(`u${i}`))
  assert.deepEqual((await fleet.get('a'))?.breaker, {
    state: 'closed',
    failure_rate: null,
    calls: 0,
    opens_again_at: null,
  })
  assert.equal((await fleet.get('a'))?.performance.n, 0)
  const [host] = fleet.stats().hosts
  assert.ok(host !== undefined && host.host === 'outside' && host.limit < 10, JSON.stringify(host))
  kind = null
  await perform(attempt('v'))
  assert.equal((await fleet.get('a'))?.performance.n, 1)
})

test('a time-out aborts the call: the smaller of the agent’s and the task’s', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const outside = standIn('outside', { held: true })
  const { perform } = await testFleet(t, [outside], { agents: [agent('a', 'outside', { timeout: '1m' })] })
  for (const [n, timeout_ms, ends] of [
    [1, 5_000, 5_000],
    [2, 600_000, 60_000],
    [3, null, 60_000],
  ] as const) {
    const done = perform(attempt(`t${n}`, { timeout_ms }))
    await until(() => outside.calls.length === n)
    const signal = outside.calls[n - 1]?.context.signal
    t.mock.timers.tick(ends - 1)
    assert.equal(signal?.aborted, false)
    t.mock.timers.tick(1)
    assert.equal(signal?.aborted, true)
    const outcome = await done
    assert.ok(!outcome.ok && outcome.failure.kind === 'timeout' && outcome.retryable, JSON.stringify(outcome))
  }
})

test('an agent that does not stop is left behind after the grace time, and its place is free', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const deaf = standIn('deaf', { perform: () => new Promise(() => {}) })
  const { fleet, perform, log } = await testFleet(t, [deaf], { agents: [agent('a', 'deaf', { timeout: '1s' })] })
  const done = perform(attempt('t'))
  await until(() => fleet.live('run_1').length === 1)
  await turn()
  t.mock.timers.tick(1_000)
  t.mock.timers.tick(STOP_GRACE_MS)
  const outcome = await done
  assert.ok(!outcome.ok && outcome.failure.kind === 'timeout')
  assert.equal(fleet.load().in_flight, 0)
  assert.ok(log.some((line) => line.startsWith('error') && line.includes('left behind')))
})

test('cancel reaches the agent, in hand and in the queue, and is nobody’s fault', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet } = await testFleet(t, [outside], { agents: [agent('a', 'outside', { concurrency: 1 })] })
  const stop = new AbortController()
  const inHand = fleet.perform(attempt('t1'), { signal: stop.signal })
  await until(() => outside.calls.length === 1)
  const waits = fleet.perform(attempt('t2'), { signal: stop.signal })
  await until(() => fleet.load().queued === 1)
  assert.equal((await fleet.get('a'))?.queued, 1)
  stop.abort()
  for (const outcome of [await inHand, await waits])
    assert.ok(!outcome.ok && outcome.failure.kind === 'cancelled' && !outcome.retryable)
  assert.equal(outside.calls[0]?.context.signal.aborted, true)
  assert.deepEqual([fleet.load().in_flight, fleet.load().queued, outside.calls.length], [0, 0, 1])
  assert.deepEqual([(await fleet.get('a'))?.breaker.calls, (await fleet.get('a'))?.performance.n], [0, 0])
})

test('the answer is checked against the schema; JSON in text is read; what does not fit is output_invalid', async (t) => {
  let answer: unknown
  const outside = standIn('outside', { perform: async () => ok(performed(answer as never)) })
  const { fleet, perform } = await testFleet(t, [outside], { agents: [agent('a', 'outside')] })
  let n = 0
  const asked = async (said: unknown, output_schema: object = schema) => {
    answer = said
    return perform(attempt(`t${n++}`, { output_schema: output_schema as never }))
  }
  for (const said of [{ score: 1 }, '{"score": 1}', '```json\n{"score": 1}\n```']) {
    const outcome = await asked(said)
    assert.ok(outcome.ok)
    assert.deepEqual(outcome.performed.output, { score: 1 })
  }
  for (const said of [{ score: 'high' }, 'well, I think it is good', '{"score": ', null, [], '['.repeat(100_000)]) {
    const outcome = await asked(said)
    assert.ok(
      !outcome.ok && outcome.failure.kind === 'output_invalid' && outcome.retryable,
      JSON.stringify(said).slice(0, 50),
    )
  }
  const bad = await asked({ score: 1 }, { $ref: 'https://elsewhere.example/schema' })
  assert.ok(!bad.ok && bad.failure.kind === 'invalid_input' && bad.failure.field === 'output_schema' && !bad.retryable)
  assert.equal((await fleet.get('a'))?.breaker.failure_rate, null, 'it answered: it lives')
  assert.equal((await fleet.get('a'))?.performance.n, 9)
})

test('an adapter that throws is a failure of that call, without what it carried', async (t) => {
  const outside = standIn('outside', {
    perform: async () => {
      throw new Error('token sk-secret refused')
    },
  })
  const { perform, log } = await testFleet(t, [outside], { agents: [agent('a', 'outside')] })
  const outcome = await perform(attempt('t'))
  assert.ok(!outcome.ok && outcome.failure.kind === 'internal')
  assert.ok(!JSON.stringify([outcome, log]).includes('sk-secret'))
  assert.ok(log.some((line) => line.includes('threw instead of answering')))
})

test('1,000 tasks of two runs over five agents: no bound is passed, all are done, no run waits for the other', async (t) => {
  let total = 0
  let mostTotal = 0
  const most: { [system: string]: number } = {}
  const counting = (name: string) => {
    let here = 0
    return standIn(name, {
      perform: async () => {
        mostTotal = Math.max(mostTotal, ++total)
        most[name] = Math.max(most[name] ?? 0, ++here)
        await turn()
        total--
        here--
        return ok(performed('x'))
      },
    })
  }
  const names = ['a', 'b', 'c', 'd', 'e']
  const { fleet, perform } = await testFleet(t, names.map(counting), {
    pool: 12,
    agents: names.map((name, i) => agent(name, name, { concurrency: i + 1 })),
  })
  const order: string[] = []
  const run = async (name: string, tasks: number) =>
    Promise.all(
      Array.from({ length: tasks }, async (_, i) => {
        const outcome = await perform(attempt(`t${i}`, { run: name }))
        assert.ok(outcome.ok)
        order.push(name)
      }),
    )
  await Promise.all([run('big', 900), run('small', 100)])
  assert.equal(order.length, 1_000)
  assert.ok(mostTotal <= 12 && mostTotal >= 10, String(mostTotal))
  for (const [i, name] of names.entries())
    assert.ok((most[name] ?? 0) <= i + 1 && (most[name] ?? 0) > 0, `${name} ${most[name]}`)
  assert.ok(order.lastIndexOf('small') < 600, String(order.lastIndexOf('small')))
  assert.deepEqual(fleet.load(), { in_flight: 0, queued: 0, limit: 12 })
})

test('retries are bounded by the budget; first attempts and repetitions after a crash are not', async (t) => {
  const { fleet, perform } = await testFleet(t, [standIn('outside')], { agents: [agent('a', 'outside')] })
  const outcomes = []
  for (let i = 0; i < 110; i++) outcomes.push(await perform(attempt(`t${i}`, { attempt: 2 })))
  const refused = outcomes.filter((outcome) => !outcome.ok)
  assert.equal(refused.length, 10)
  for (const outcome of refused)
    assert.ok(
      !outcome.ok && outcome.failure.kind === 'busy' && outcome.retryable && outcome.failure.retry_after_s === 10,
    )
  assert.equal(fleet.stats().retries_refused, 10)
  assert.ok((await perform(attempt('first'))).ok)
  assert.ok((await perform(attempt('again', { attempt: 2, repeated: true }))).ok)
})

test('tasks that come at the same moment are spread over the agents that can do them', async (t) => {
  const outside = standIn('outside', { held: true })
  const { perform } = await testFleet(t, [outside], { agents: ['a', 'b', 'c'].map((name) => agent(name, 'outside')) })
  const all = ['t1', 't2', 't3'].map((task) => perform(attempt(task)))
  await until(() => outside.calls.length === 3)
  for (const call of outside.calls) call.end(ok(performed('x')))
  assert.deepEqual((await Promise.all(all)).map((outcome) => outcome.agent).sort(), ['a', 'b', 'c'])
})

test('quick are agents whose system says so, while they take work', async (t) => {
  const { fleet } = await testFleet(t, [standIn('fast', { quick: true }), standIn('slow')], {
    agents: [agent('fast', 'fast'), agent('slow', 'slow'), agent('leaving', 'fast')],
  })
  assert.deepEqual(fleet.quick_agents(), ['fast', 'leaving'])
  await fleet.drain('leaving')
  assert.deepEqual(fleet.quick_agents(), ['fast'])
})

test('what runs now can be seen: live by run, current tasks by agent, progress', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet, perform, clock } = await testFleet(t, [outside], { agents: [agent('a', 'outside')] })
  const done = perform(attempt('s/t'))
  await until(() => outside.calls.length === 1)
  outside.calls[0]?.context.progress({ kind: 'tokens', tokens: 42, text: 'so far' })
  assert.deepEqual(fleet.live('run_1'), [
    { task: 's/t', agent: 'a', since: clock.now, note: 'tokens: so far', tokens: 42 },
  ])
  assert.deepEqual(fleet.live('run_2'), [])
  const shown = await fleet.get('a')
  assert.deepEqual([shown?.status, shown?.current_tasks[0]?.task], ['busy', 'run_1/s/t'])
  outside.calls[0]?.end(ok(performed('x')))
  await done
  assert.deepEqual([fleet.live('run_1'), (await fleet.get('a'))?.status], [[], 'idle'])
})

test('the same attempt asked for twice at once is one call; when the first is called off, the second goes on', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet, perform } = await testFleet(t, [outside], { agents: [agent('a', 'outside')] })
  const both = [perform(attempt('t')), perform(attempt('t', { repeated: true }))]
  await until(() => outside.calls.length === 1)
  outside.calls[0]?.end(ok(performed('x')))
  for (const outcome of await Promise.all(both)) assert.ok(outcome.ok)
  assert.equal(outside.calls.length, 1)

  const stop = new AbortController()
  const first = fleet.perform(attempt('u'), { signal: stop.signal })
  await until(() => outside.calls.length === 2)
  const second = perform(attempt('u', { repeated: true }))
  stop.abort()
  assert.equal((await first).ok, false)
  await until(() => outside.calls.length === 3)
  outside.calls[2]?.end(ok(performed('y')))
  assert.ok((await second).ok)
})

test('closing: work in hand is stopped and may be tried again elsewhere; nothing new is begun', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet, perform } = await testFleet(t, [outside], { agents: [agent('a', 'outside', { concurrency: 1 })] })
  const all = [perform(attempt('t1')), perform(attempt('t2'))]
  await until(() => outside.calls.length === 1 && fleet.load().queued === 1)
  await fleet.close()
  for (const outcome of [...(await Promise.all(all)), await perform(attempt('t3'))])
    assert.ok(!outcome.ok && outcome.retryable)
  assert.equal(outside.calls.length, 1)
  assert.equal(outside.closed.length, 1)
})
