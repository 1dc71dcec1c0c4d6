import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Configuration } from '../configuration/configuration.ts'
import type { Reservation, Store } from '../store/store.ts'
import { openOutsideBudgets } from './outside-budgets.ts'

const prices = { 'lab/large': { input: 3, output: 15 }, '*': { input: 1, output: 1 } }
const NOON = Date.UTC(2026, 0, 31, 23, 59)

/** What is asked of the store is kept; what it answers is tested with the store itself (src/store/budgets.test.ts). */
function opened(budgets: Partial<Configuration['budgets']>) {
  const asked: Reservation[] = []
  const store = {
    budgets: {
      async reserve(one: Reservation) {
        asked.push(one)
        return { denied: null, died: false }
      },
    },
  } as unknown as Pick<Store, 'budgets'>
  const outside = openOutsideBudgets({
    configuration: {
      budgets: { total: null, daily: null, agents_daily: {}, model_hosts_daily: {}, prices: {}, ...budgets },
      models: { hosts: [{ name: 'box', kind: 'ollama', url: '', api_key: null, concurrency: 1 }] },
    } as unknown as Pick<Configuration, 'budgets' | 'models'>,
    store,
    owner: 'me',
    now: () => NOON,
    own_host: () => 'own',
    logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  })
  return { asked, outside }
}
const call = {
  key: 'run/s/t#1',
  agent: 'writer',
  host: 'lab',
  budget: undefined,
  text: () => 'x'.repeat(3_000),
  max_output_tokens: 100,
}

describe('budgets over several runs', () => {
  test('where nothing limits a call, the store is not asked', async () => {
    const { asked, outside } = opened({ agents_daily: { other: { calls: 1 } }, prices })
    assert.equal(await outside.reserve(call), null)
    assert.equal(asked.length, 0)
    outside.close()
  })

  test('agent, host, day and total are reserved at once, by an estimate where the run made none; days are those of UTC', async () => {
    const { asked, outside } = opened({
      total: { money: 2.5 },
      daily: { calls: 3 },
      agents_daily: { writer: { calls: 2 } },
      model_hosts_daily: { lab: { tokens: 9_000 } },
      prices,
    })
    assert.equal((await outside.reserve(call))?.denied, null)
    assert.deepEqual(
      asked[0]?.accounts.map(({ id, limits }) => [id, limits]),
      [
        ['agent:writer:2026-01-31', { calls: 2 }],
        ['host:lab:2026-01-31', { tokens: 9_000 }],
        ['day:2026-01-31', { calls: 3 }],
        ['total', { money: 2_500_000 }],
      ],
    )
    const amounts = asked[0]?.amounts
    assert.ok(amounts !== undefined && amounts.tokens >= 1_100 && amounts.money > amounts.tokens)
    outside.close()
  })

  test('what names no host is of the manager’s own model, which plans', async () => {
    const { asked, outside } = opened({ model_hosts_daily: { own: { calls: 2 } } })
    await outside.reserve({ ...call, agent: null, host: null })
    assert.deepEqual(
      asked[0]?.accounts.map(({ id }) => id),
      ['host:own:2026-01-31'],
    )
    outside.close()
  })

  test('money: by the price of the model that answered; null where tokens are not known; nothing without prices', () => {
    const { outside } = opened({ prices })
    const usage = { input_tokens: 1_000, output_tokens: 100, calls: 1 }
    assert.deepEqual(outside.moneyFor('lab/large', usage), { money: 4_500 })
    assert.deepEqual(outside.moneyFor('elsewhere/model', usage), { money: 1_100 })
    assert.deepEqual(outside.moneyFor('local/model', usage), { money: 0 })
    assert.deepEqual(outside.moneyFor('box/model', usage), { money: 0 })
    assert.deepEqual(outside.moneyFor('lab/large', { ...usage, output_tokens: null }), { money: null })
    outside.close()
    const free = opened({})
    assert.deepEqual(free.outside.moneyFor('lab/large', usage), {})
    free.outside.close()
  })
})
