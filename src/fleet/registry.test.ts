import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, type Result } from '../failure.ts'
import type { AgentView } from './fleet.ts'
import { openFleet } from './open-fleet.ts'
import { agent, attempt, fleetParts, performed, standIn, testFleet, testStore, turn, until } from './stand-ins.ts'

const view = (result: Result<AgentView>): AgentView => (result.ok ? result.value : assert.fail(result.failure.message))
const refusal = (result: Result<unknown>) => (result.ok ? assert.fail('went through') : result.failure)

test('agents added through the API are there after a restart, with what was learned of them', async (t) => {
  const store = await testStore(t)
  const outside = standIn('outside')
  const first = await testFleet(t, [outside], {
    store,
    agents: [agent('Ada', 'outside', { settings: { style: 'plain' } })],
  })
  for (let i = 0; i < 6; i++) assert.ok((await first.perform(attempt(`t${i}`))).ok)
  const before = await first.fleet.get('ada')
  await first.fleet.close()

  const second = await testFleet(t, [outside], { store })
  const after = await second.fleet.get('ADA')
  assert.equal(after?.id, before?.id)
  assert.match(after?.id ?? '', /^agt_[0-9a-f]{8}-[0-9a-f]{4}-7/)
  assert.deepEqual([after?.performance.n, after?.performance.value, after?.settings], [6, 1, { style: 'plain' }])
})

test('names are unique without regard to case, also among those who ask at once (G1)', async (t) => {
  const { fleet } = await testFleet(t, [standIn('outside')])
  const added = await Promise.all(['Ada', 'ada', 'ADA', 'Bob'].map((name) => fleet.add(agent(name, 'outside'), 'api')))
  assert.deepEqual(
    added.map((each) => each.ok),
    [true, false, false, true],
  )
  assert.deepEqual(
    [refusal(added[1] as Result<AgentView>).kind, refusal(added[1] as Result<AgentView>).field],
    ['conflict', 'name'],
  )
  const renamed = await fleet.change('Bob', { name: 'aDa' })
  assert.equal(refusal(renamed).kind, 'conflict')
  assert.equal(view(await fleet.change('Bob', { name: 'bob' })).name, 'bob')
})

test('what cannot be driven is refused by name: system, settings, number of agents', async (t) => {
  const locked = standIn('locked', { open: () => fail('unauthenticated', 'no key', { field: 'settings.key' }) })
  const { fleet } = await testFleet(t, [standIn('outside'), locked], {
    limit: 2,
    agents: [agent('a', 'outside'), agent('b', 'outside')],
  })
  const unknown = refusal(await fleet.change('a', { system: 'nowhere' }))
  assert.deepEqual(
    [unknown.kind, unknown.field, unknown.remedy],
    ['invalid_input', 'system', 'one of: locked, outside'],
  )
  const settings = refusal(await fleet.change('a', { settings: { style: 'far too long for it', colour: 1 } }))
  assert.deepEqual([settings.kind, settings.field, settings.problems?.length], ['invalid_input', 'settings.style', 2])
  assert.equal(refusal(await fleet.change('a', { concurrency: 0 })).field, 'concurrency')
  assert.equal(refusal(await fleet.change('a', { system: 'locked' })).kind, 'unauthenticated')
  const many = refusal(await fleet.add(agent('c', 'outside'), 'api'))
  assert.deepEqual([many.kind, many.field], ['conflict', 'limits.agents'])
  assert.equal(refusal(await fleet.change('nobody', {})).kind, 'not_found')
})

test('agents of the file and of the program are read-only here, with what to do instead (G4)', async (t) => {
  const { fleet } = await testFleet(t, [standIn('outside'), standIn('local_model')], {
    file: [agent('mine', 'outside')],
    defaults: true,
  })
  for (const name of ['mine', 'planner']) {
    for (const done of [fleet.change(name, { role: 'x' }), fleet.drain(name), fleet.remove(name, { force: true })]) {
      const failure = refusal(await done)
      assert.equal(failure.kind, 'forbidden')
      assert.match(failure.remedy ?? '', name === 'mine' ? /configuration file/ : /default_agents: false/)
    }
  }
  assert.equal((await fleet.get('planner'))?.status, 'idle')
})

test('an agent of the file stands in the place of one from the program or the API; ids are the same at each start', async (t) => {
  const store = await testStore(t)
  const systems = [standIn('outside'), standIn('local_model')]
  const first = await testFleet(t, systems, {
    store,
    file: [agent('Planner', 'outside')],
    defaults: true,
    agents: [agent('ada', 'outside')],
  })
  const planner = await first.fleet.get('planner')
  assert.deepEqual([planner?.source, planner?.name], ['file', 'Planner'])
  const ids = (await first.fleet.list()).map((each) => each.id).sort()
  await first.fleet.close()

  const second = await testFleet(t, systems, {
    store,
    file: [agent('Planner', 'outside'), agent('Ada', 'outside', { role: 'from the file' })],
    defaults: true,
  })
  assert.equal((await second.fleet.get('ada'))?.role, 'from the file')
  assert.equal((await second.fleet.get('planner'))?.id, planner?.id)
  await second.fleet.close()

  const third = await testFleet(t, systems, { store, file: [agent('Planner', 'outside')], defaults: true })
  assert.deepEqual((await third.fleet.list()).map((each) => each.id).sort(), ids, 'the one from the API is back')
  await third.fleet.close()
  const rows = await store.agents.list()
  assert.equal(rows.filter((row) => row.name === 'Ada').length, 0, 'what no file names any more is forgotten')
})

test('a wrong agent in the file is refused at start, with its place', async (t) => {
  const outside = standIn('outside')
  const { parts } = fleetParts(await testStore(t), [outside], {
    file: [agent('a', 'outside'), agent('b', 'outside', { settings: { style: 7 } })],
  })
  const failure = refusal(await openFleet(parts))
  assert.deepEqual([failure.kind, failure.field], ['invalid_input', 'agents[1].settings.style'])
  const twice = fleetParts(await testStore(t), [outside], { file: [agent('a', 'outside'), agent('A', 'outside')] })
  assert.equal(refusal(await openFleet(twice.parts)).field, 'agents[1].name')
})

test('a stored agent whose system is gone stays, offline, with the reason', async (t) => {
  const store = await testStore(t)
  const first = await testFleet(t, [standIn('gone')], { store, agents: [agent('a', 'gone')] })
  await first.fleet.close()
  const { fleet, perform } = await testFleet(t, [standIn('outside')], { store })
  const shown = await fleet.get('a')
  assert.deepEqual([shown?.status, shown?.health?.ok], ['offline', false])
  const outcome = await perform(attempt('t'))
  assert.ok(!outcome.ok && outcome.failure.kind === 'unavailable' && outcome.retryable)
  assert.match(outcome.why, /no agent system gone/)
  const other = await fleet.remove('a', { force: false })
  assert.equal(view(other).status, 'retired')
})

test('a change takes effect for the next call; the call in hand ends with what it began with (G3)', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet, perform } = await testFleet(t, [outside], {
    agents: [agent('a', 'outside', { settings: { style: 'old' }, instructions: 'old' })],
  })
  const before = await fleet.get('a')
  const first = perform(attempt('t1'))
  await until(() => outside.calls.length === 1)
  const changed = view(await fleet.change('a', { settings: { style: 'new' }, instructions: 'new' }))
  assert.notEqual(changed.hash, before?.hash)
  const second = perform(attempt('t2'))
  await until(() => outside.calls.length === 2)
  assert.deepEqual(
    outside.calls.map(({ settings, task }) => [settings.style, task.agent_instructions]),
    [
      ['old', 'old'],
      ['new', 'new'],
    ],
  )
  assert.deepEqual(outside.closed, [], 'the old handle is in use')
  outside.calls[0]?.end({ ok: true, value: performed('old answer') })
  assert.ok((await first).ok)
  assert.deepEqual(outside.closed, [{ style: 'old' }])
  assert.equal((await fleet.get('a'))?.performance.n, 0, 'an old call says nothing of the new agent')
  outside.calls[1]?.end({ ok: true, value: performed('new answer') })
  assert.ok((await second).ok)
  assert.equal((await fleet.get('a'))?.performance.n, 1)
  const renamed = view(await fleet.change('a', { description: 'x', name: 'b' }))
  assert.equal(renamed.hash, changed.hash)
  assert.equal(await fleet.get('a'), null)
})

test('draining: work in hand is finished, what waits goes elsewhere, then it is retired and its name is free', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet, perform, store } = await testFleet(t, [outside], {
    agents: [agent('a', 'outside', { concurrency: 1 })],
  })
  const inHand = perform(attempt('in_hand'))
  await until(() => outside.calls.length === 1)
  const waits = perform(attempt('waits'))
  await until(() => fleet.load().queued === 1)
  await fleet.add(agent('b', 'outside'), 'api')
  assert.deepEqual([view(await fleet.drain('a')).status, (await fleet.get('a'))?.current_tasks.length], ['draining', 1])
  await until(() => outside.calls.length === 2)
  outside.calls[1]?.end({ ok: true, value: performed('by b') })
  const moved = await waits
  assert.equal(moved.agent, 'b')
  assert.deepEqual(fleet.capabilities(), { writing: 1 })
  outside.calls[0]?.end({ ok: true, value: performed('by a') })
  assert.equal((await inHand).agent, 'a')
  assert.equal((await fleet.get('a'))?.status, 'retired')
  assert.equal((await store.agents.list()).find((row) => row.name === 'a')?.retired, true)
  assert.equal(refusal(await fleet.change('a', { role: 'x' })).kind, 'conflict')
  assert.equal(view(await fleet.add(agent('A', 'outside'), 'api')).status, 'idle')
  assert.deepEqual(
    (await fleet.list()).map((each) => each.name),
    ['A', 'b'],
  )
})

test('removing: at once when idle; after its work otherwise; by force its work is aborted and may go elsewhere', async (t) => {
  const outside = standIn('outside', { held: true })
  const { fleet, perform, store } = await testFleet(t, [outside], {
    agents: [agent('a', 'outside'), agent('b', 'outside'), agent('c', 'outside')],
  })
  assert.equal(view(await fleet.remove('c', { force: false })).status, 'retired')
  assert.equal(await fleet.get('c'), null)

  const finishes = perform(attempt('finishes', { agent: 'a' }))
  await until(() => outside.calls.length === 1)
  assert.equal(view(await fleet.remove('a', { force: false })).status, 'draining')
  outside.calls[0]?.end({ ok: true, value: performed('a') })
  assert.ok((await finishes).ok)
  assert.equal(await fleet.get('a'), null)

  const aborted = perform(attempt('aborted', { agent: 'b' }))
  await until(() => outside.calls.length === 2)
  assert.equal(view(await fleet.remove('b', { force: true })).status, 'retired')
  assert.equal(outside.calls[1]?.context.signal.aborted, true)
  const outcome = await aborted
  assert.ok(!outcome.ok && outcome.retryable)
  assert.match(outcome.failure.message, /b was removed while it worked/)
  assert.deepEqual(await store.agents.list(), [])
  assert.equal(outside.closed.length, 3)
  await turn()
})
