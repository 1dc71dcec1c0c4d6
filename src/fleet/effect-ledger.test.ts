import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AgentTask, PerformContext, Performed } from '../agent-systems/agent-system.ts'
import { fail, ok, type Result } from '../failure.ts'
import type { EffectClass } from '../workflow/definition.ts'
import { effectKey } from './dispatch.ts'
import { agent, attempt, performed, standIn, testFleet, testStore, until } from './stand-ins.ts'

/** Stands in for a destination: it does what it is asked under a key, and loses replies when told to. */
function destination(name: string, effect: EffectClass, of: { asks?: boolean; idempotent?: boolean } = {}) {
  const done: string[] = []
  const keys: string[] = []
  const outside = { loses: false, refuses: false, dies: false }
  const entry = (task: AgentTask) => `${task.run}/${task.task}`
  const perform = async (task: AgentTask, { signal }: PerformContext): Promise<Result<Performed>> => {
    keys.push(task.effect_key)
    if (outside.refuses) return fail('unavailable', 'connection refused')
    if (!(of.idempotent && done.includes(entry(task)))) done.push(entry(task))
    // The process that asked is gone: nobody ever hears of it.
    if (outside.dies)
      return new Promise((resolve) => signal.addEventListener('abort', () => resolve(fail('cancelled', 'ended'))))
    return outside.loses ? fail('agent_failed', 'the connection broke') : ok(performed(`did ${task.task}`))
  }
  const reconcile = async (task: AgentTask): Promise<Result<Performed | null>> =>
    ok(done.includes(entry(task)) ? performed(`found ${task.task}`) : null)
  return { ...standIn(name, { effect, perform, ...(of.asks ? { reconcile } : {}) }), done, keys, outside }
}

async function interrupted(
  t: Parameters<typeof testStore>[0],
  effect: EffectClass,
  of: { asks?: boolean; idempotent?: boolean } = {},
) {
  const store = await testStore(t)
  const place = destination('place', effect, of)
  const first = await testFleet(t, [place], { store, agents: [agent('a', 'place')] })
  place.outside.dies = true
  void first.perform(attempt('t'))
  await until(() => place.done.length === 1)
  place.outside.dies = false
  // A second fleet on the same store stands for the process after the crash; the first one never comes back.
  const second = await testFleet(t, [place], { store })
  return { ...second, place }
}

test('after a crash an unsafe effect is not repeated: the exact question is asked', async (t) => {
  const { perform, place } = await interrupted(t, 'unsafe')
  const outcome = await perform(attempt('t', { repeated: true }))
  assert.ok(!outcome.ok && outcome.failure.kind === 'effect_unknown' && !outcome.retryable)
  assert.match(
    outcome.failure.message,
    /^Did this happen\? Agent a was asked, in run_1, task t: "write" with \{\}\. Quorate was interrupted/,
  )
  assert.deepEqual(place.done, ['run_1/t'])
  const again = await perform(attempt('t', { repeated: true }))
  assert.ok(!again.ok && again.failure.kind === 'effect_unknown', 'asking does not answer')
  assert.deepEqual(place.done, ['run_1/t'])
})

test('a person says that it did not happen: the next attempt does it, once (E5)', async (t) => {
  const { perform, place } = await interrupted(t, 'unsafe')
  assert.equal((await perform(attempt('t', { repeated: true }))).ok, false)
  const next = await perform(attempt('t', { attempt: 2 }))
  assert.ok(next.ok)
  assert.equal(place.done.length, 2)
  assert.ok((await perform(attempt('t', { attempt: 2, repeated: true }))).ok)
  assert.equal(place.done.length, 2, 'the recorded result is returned (E2)')
})

test('after a crash a reconcilable effect is looked up, and its result used', async (t) => {
  const { perform, place } = await interrupted(t, 'reconcilable', { asks: true })
  const outcome = await perform(attempt('t', { repeated: true }))
  assert.ok(outcome.ok)
  assert.equal(outcome.performed.output, 'found t')
  assert.deepEqual(place.done, ['run_1/t'])
})

test('a reconcilable effect whose system cannot be asked is treated as unsafe', async (t) => {
  const { perform, place } = await interrupted(t, 'reconcilable')
  const outcome = await perform(attempt('t', { repeated: true }))
  assert.ok(!outcome.ok && outcome.failure.kind === 'effect_unknown')
  assert.deepEqual(place.done, ['run_1/t'])
})

test('an idempotent effect is repeated with the same key, a pure one is simply repeated; neither is written ahead', async (t) => {
  for (const effect of ['idempotent', 'pure', 'none'] as const) {
    const { perform, place, store } = await interrupted(t, effect, { idempotent: true })
    const outcome = await perform(attempt('t', { repeated: true }))
    assert.ok(outcome.ok)
    assert.equal(place.keys.length, 2)
    assert.equal(new Set(place.keys).size, 1)
    assert.equal(place.done.length, 1)
    assert.equal(await store.effects.get(outcome.effect_key), null)
  }
})

test('the result that was recorded is returned without calling anybody (E2)', async (t) => {
  const store = await testStore(t)
  const place = destination('place', 'unsafe')
  const first = await testFleet(t, [place], { store, agents: [agent('a', 'place')] })
  const before = await first.perform(attempt('t'))
  const second = await testFleet(t, [place], { store })
  const after = await second.perform(attempt('t', { repeated: true }))
  assert.ok(before.ok && after.ok)
  assert.deepEqual(after.performed, before.performed)
  assert.equal(place.keys.length, 1)
  assert.equal((await second.fleet.get('a'))?.performance.n, 0, 'nothing is learned from a call that was not made')
})

test('a failure from before the effect is forgotten and tried again; one from after it is not (E3)', async (t) => {
  const place = destination('place', 'unsafe')
  const { perform, store } = await testFleet(t, [place], { agents: [agent('a', 'place')] })
  place.outside.refuses = true
  const refused = await perform(attempt('t'))
  assert.ok(!refused.ok && refused.failure.kind === 'unavailable' && refused.retryable)
  assert.equal(await store.effects.get(refused.effect_key), null)
  place.outside.refuses = false
  place.outside.loses = true
  const lost = await perform(attempt('t', { attempt: 2 }))
  assert.ok(!lost.ok && lost.failure.kind === 'effect_unknown' && !lost.retryable)
  assert.match(lost.failure.message, /the connection broke, so its effect may have taken place or not/)
  assert.deepEqual((await store.effects.get(lost.effect_key))?.state, 'pending')
})

test('a lost reply of a reconcilable effect: the next attempt asks the agent that was called, whoever is chosen now (E4)', async (t) => {
  const here = destination('here', 'reconcilable', { asks: true })
  const there = destination('there', 'reconcilable', { asks: true })
  const { perform } = await testFleet(t, [here, there], { agents: [agent('here', 'here'), agent('there', 'there')] })
  here.outside.loses = true
  const lost = await perform(attempt('t', { agent: 'here' }))
  assert.ok(!lost.ok && lost.failure.kind === 'agent_failed' && lost.retryable)
  const found = await perform(attempt('t', { attempt: 2, excluded: ['here'] }))
  assert.ok(found.ok)
  assert.equal(found.performed.output, 'found t')
  assert.deepEqual([here.done.length, there.done.length], [1, 0])
})

test('another kind of agent that is chosen after a crash still honours what was begun', async (t) => {
  const { perform, fleet, place } = await interrupted(t, 'unsafe')
  await fleet.change('a', { effect: 'pure' })
  const outcome = await perform(attempt('t', { repeated: true }))
  assert.ok(!outcome.ok && outcome.failure.kind === 'effect_unknown')
  assert.equal(place.done.length, 1)
})

test('the task’s word on its effect counts, then the agent’s, then the system’s', async (t) => {
  const place = destination('place', 'unsafe')
  place.outside.loses = true
  const { perform } = await testFleet(t, [place], {
    agents: [agent('a', 'place'), agent('b', 'place', { effect: 'idempotent' })],
  })
  const kind = async (name: string, effect: EffectClass | null) => {
    const outcome = await perform(attempt(`${name}_${effect}`, { agent: name, effect }))
    return outcome.ok ? null : outcome.failure.kind
  }
  assert.deepEqual(
    [await kind('a', null), await kind('b', null), await kind('a', 'none'), await kind('b', 'unsafe')],
    ['effect_unknown', 'agent_failed', 'agent_failed', 'effect_unknown'],
  )
})

test('a written-ahead answer of the wrong form is not asked for again', async (t) => {
  const place = destination('place', 'unsafe')
  const { perform } = await testFleet(t, [place], { agents: [agent('a', 'place')] })
  const wrong = { output_schema: { type: 'number' } }
  for (const tried of [attempt('t', wrong), attempt('t', { ...wrong, attempt: 2 })]) {
    const outcome = await perform(tried)
    assert.ok(!outcome.ok && outcome.failure.kind === 'output_invalid' && !outcome.retryable)
  }
  assert.equal(place.done.length, 1)
})

test('the key is the same for every attempt and another for any other run, task, instruction or input', () => {
  const base = attempt('t', { input: { a: 1, b: 2 } })
  assert.equal(effectKey({ ...base, input: { b: 2, a: 1 } }), effectKey(base))
  const others = [
    attempt('u', { input: base.input }),
    { ...base, run: 'run_2' },
    { ...base, instructions: 'x' },
    { ...base, input: { a: 1, b: 3 } },
  ]
  assert.equal(new Set([base, ...others].map(effectKey)).size, 5)
})

test('faults in any order: a reconcilable effect happens exactly once, an unsafe one at most once without a person’s word', async (t) => {
  const fault = fc.constantFrom('loses', 'refuses', 'none' as const)
  const store = await testStore(t)
  const places = {
    reconcilable: destination('reconcilable', 'reconcilable', { asks: true }),
    unsafe: destination('unsafe', 'unsafe'),
  }
  const { perform, clock } = await testFleet(t, Object.values(places), {
    store,
    agents: [agent('reconcilable', 'reconcilable'), agent('unsafe', 'unsafe')],
  })
  let n = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fault, { minLength: 1, maxLength: 5 }),
      fc.constantFrom('reconcilable', 'unsafe' as const),
      async (faults, kind) => {
        const place = places[kind]
        const task = `t${n++}`
        let ended = false
        for (const [i, each] of [...faults, 'none' as const].entries()) {
          Object.assign(place.outside, { loses: each === 'loses', refuses: each === 'refuses' })
          // Past any wait of the breaker: what is tested here is the ledger.
          clock.now += 600_000
          const repeated = { attempt: i + 1, repeated: true, agent: kind, capability: null }
          const outcome = await perform(attempt(task, repeated))
          ended = outcome.ok || !outcome.retryable
          if (ended) break
        }
        const happened = place.done.filter((entry) => entry === `run_1/${task}`).length
        assert.ok(happened <= 1)
        if (kind === 'reconcilable' && ended) assert.equal(happened, 1)
      },
    ),
    { numRuns: 60 },
  )
})
