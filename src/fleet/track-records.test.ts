import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agent, attempt, standIn, testFleet, testStore, turn } from './stand-ins.ts'
import { WRITE_EVERY_MS } from './track-records.ts'

const KEY = 'fleet.track_records'

test('what is learned is written at most once in five seconds, all agents together', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const store = await testStore(t)
  let writes = 0
  const counted = {
    ...store,
    meta: {
      ...store.meta,
      set: (key: string, value: string) => {
        writes++
        return store.meta.set(key, value)
      },
    },
  }
  const { perform } = await testFleet(t, [standIn('outside')], {
    store: counted,
    agents: [agent('a', 'outside'), agent('b', 'outside')],
  })
  for (let i = 0; i < 50; i++) await perform(attempt(`t${i}`, { agent: i % 2 === 0 ? 'a' : 'b' }))
  assert.equal(writes, 0)
  t.mock.timers.tick(WRITE_EVERY_MS)
  await turn()
  assert.equal(writes, 1)
  assert.deepEqual(
    Object.values(JSON.parse((await store.meta.get(KEY)) ?? '{}')).map((each) => (each as { n: number }).n),
    [25, 25],
  )
})

test('a record of another version of the agent, or one that cannot be read, counts for nothing', async (t) => {
  const store = await testStore(t)
  const first = await testFleet(t, [standIn('outside')], { store, agents: [agent('a', 'outside')] })
  const id = (await first.fleet.get('a'))?.id ?? ''
  await first.fleet.close()
  const kept = { n: 9, mean: 1, weight2: 0.1 }
  for (const text of [
    JSON.stringify({ [id]: { hash: 'sha256:other', ...kept } }),
    '{"',
    JSON.stringify({ [id]: { ...kept, mean: 7 } }),
  ]) {
    await store.meta.set(KEY, text)
    const { fleet } = await testFleet(t, [standIn('outside')], { store })
    assert.equal((await fleet.get('a'))?.performance.n, 0, text)
    await fleet.close()
  }
})
