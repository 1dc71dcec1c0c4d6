import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { testConfiguration } from '../../test/test-configuration.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { openOutsideBudgets } from '../fleet/outside-budgets.ts'
import { openStore } from '../store/sqlite.ts'
import { configuredBudgets } from './configured-budgets.ts'

test('limits of the configuration are told with what calls have used of them, today and in all', async (t) => {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-budgets-'))
  const store = await openStore({ data_dir, namespace: 'default', now: () => 0 })
  assert.ok(store.ok)
  let now = Date.UTC(2026, 10, 22, 12)
  const configuration: Configuration = {
    ...testConfiguration(data_dir),
    budgets: {
      total: { calls: 100 },
      daily: { tokens: 5_000, money: 2.5 },
      agents_daily: { ann: { calls: 2 } },
      model_hosts_daily: {},
      prices: {},
    },
  }
  const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  const outside = openOutsideBudgets({ configuration, store: store.value, owner: 'o', now: () => now, logger })
  t.after(async () => {
    outside.close()
    await store.value.close()
    await rm(data_dir, { recursive: true, force: true })
  })
  const told = async () =>
    (await configuredBudgets({ configuration, store: store.value, now: () => now })).map(
      ({ budget, unit, limit, spent, reserved }) => [budget, unit, limit, spent, reserved > 0],
    )
  const untouched = [
    ['total', 'calls', 100, 0, false],
    ['daily', 'tokens', 5_000, 0, false],
    ['daily', 'money', 2.5, 0, false],
    ['agent ann', 'calls', 2, 0, false],
  ]
  assert.deepEqual(await told(), untouched)
  await outside.reserve({
    key: 'k',
    agent: 'ann',
    host: null,
    budget: undefined,
    text: () => 'words',
    max_output_tokens: 10,
  })
  assert.deepEqual(
    (await told()).map(([budget, unit, , , reserved]) => [budget, unit, reserved]),
    [
      ['total', 'calls', true],
      ['daily', 'tokens', true],
      ['daily', 'money', false],
      ['agent ann', 'calls', true],
    ],
  )
  await outside.settle('k', { calls: 1, tokens: 40, money: 250_000 })
  assert.deepEqual(await told(), [
    ['total', 'calls', 100, 1, false],
    ['daily', 'tokens', 5_000, 40, false],
    ['daily', 'money', 2.5, 0.25, false],
    ['agent ann', 'calls', 2, 1, false],
  ])
  now += 24 * 3_600_000
  assert.deepEqual(await told(), [['total', 'calls', 100, 1, false], ...untouched.slice(1)])
})
