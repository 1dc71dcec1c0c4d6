import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agent, standIn, testFleet, testStore } from './stand-ins.ts'
import { createStateLog } from './state-log.ts'

test('changes of state are kept once, also over a restart; idle and busy are one state', async (t) => {
  const store = await testStore(t)
  let well = true
  const outside = standIn('outside', { check: async () => ({ ok: well, detail: well ? 'here' : 'gone' }) })
  const { fleet } = await testFleet(t, [outside], { store, agents: [agent('a', 'outside')] })
  const id = (await fleet.list())[0]?.id ?? ''
  const states = async () => (await store.agent_history.states(id, 10)).map(({ state }) => state).reverse()
  const probe = () => fleet.probe('a', new AbortController().signal)
  await probe()
  // What the fleet does once a second, and at its end.
  await fleet.close()
  assert.deepEqual(await states(), ['ready'])

  const again = await testFleet(t, [outside], { store })
  again.clock.now += 1_000
  const ask = () => again.fleet.probe('a', new AbortController().signal)
  await ask()
  well = false
  await ask()
  await ask()
  await again.fleet.close()
  assert.deepEqual(await states(), ['ready', 'offline'])
})

test('what could not be kept is kept at the next look', async (t) => {
  const store = await testStore(t)
  const { fleet } = await testFleet(t, [standIn('outside')], { store, agents: [agent('a', 'outside')] })
  await fleet.probe('a', new AbortController().signal)
  const view = (await fleet.list())[0]
  assert.ok(view)
  const warned: string[] = []
  const kept: string[] = []
  let refuses = true
  const log = createStateLog({
    history: {
      ...store.agent_history,
      note: async (changes) => {
        if (refuses) throw new Error('disk full')
        kept.push(...changes.map(({ state }) => state))
      },
    },
    members: () =>
      [
        {
          agent: view,
          engine: { handle: {} },
          health: view.health,
          breaker: view.breaker,
          working: new Set(),
          failed_checks: 0,
          answered: true,
        },
      ] as never,
    now: () => 1,
    logger: { warn: (_: object, message: string) => void warned.push(message) } as never,
  })
  await log.look()
  refuses = false
  await log.look()
  await log.close()
  assert.deepEqual([warned.length, kept], [1, ['ready']])
})
