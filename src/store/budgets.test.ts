/** Budgets in the store: exact among many calls, several connections, and crashes. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import fc from 'fast-check'
import { type Amounts, nothing } from '../budget/amounts.ts'
import { openStore } from './sqlite.ts'
import type { BudgetRow, Reservation, Store } from './store.ts'

describe('budgets in the store', () => {
  let data_dir = ''
  let store: Store
  /** The same file through a connection of its own, as another process would have it. */
  let other: Store
  let prefix = ''
  let n = 0
  const open = async (): Promise<Store> => {
    const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
    if (!opened.ok) throw new Error(opened.failure.message)
    return opened.value
  }
  before(async () => {
    data_dir = await mkdtemp(join(tmpdir(), 'quorate-budgets-'))
    store = await open()
    other = await open()
  })
  after(async () => {
    await store.close()
    await other.close()
    await rm(data_dir, { recursive: true, force: true })
  })
  beforeEach(() => {
    prefix = `run:${n++}/`
  })

  const account = (name: string, limits: Partial<Amounts>, keep: Partial<Amounts> = {}) => ({
    id: `${prefix}${name}`,
    limits,
    keep: { ...nothing(), ...keep },
  })
  const hold = (key: string, accounts: Reservation['accounts'], amounts: Partial<Amounts>): Reservation => ({
    key: `${prefix}${key}`,
    owner: 'me',
    alive_until: 1_000,
    amounts: { ...nothing(), ...amounts },
    accounts,
    purpose: 'work',
  })
  const row = async (name: string, unit: string): Promise<BudgetRow | undefined> =>
    (await store.budgets.list(`${prefix}${name}`)).find((one) => one.unit === unit)

  test('1,000 concurrent children on the last 10 calls of their parent, through two connections: exactly 10 pass', async () => {
    const parent = account('parent', { calls: 110 })
    await store.budgets.reserve(hold('before', [parent], { calls: 100 }))
    await store.budgets.settle(`${prefix}before`, { calls: 100, tokens: 0, money: 0 })
    const outcomes = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) =>
        (i % 2 === 0 ? store : other).budgets.reserve(
          hold(`child${i}`, [account(`child${i}`, { calls: 5 }), parent], { calls: 1 }),
        ),
      ),
    )
    assert.equal(outcomes.filter(({ denied }) => denied === null).length, 10)
    const denied = outcomes.find((outcome) => outcome.denied !== null)?.denied
    assert.deepEqual(denied, { account: `${prefix}parent`, unit: 'calls', wanted: 1, left: 0, limit: 110 })
    assert.equal((await row('parent', 'calls'))?.reserved, 10)
  })

  test('a call that is asked for again after a crash is charged in full for the one that died', async () => {
    const tokens = account('a', { tokens: 1_000 })
    assert.deepEqual(await store.budgets.reserve(hold('k', [tokens], { tokens: 300 })), { denied: null, died: false })
    assert.deepEqual(await other.budgets.reserve(hold('k', [tokens], { tokens: 300 })), { denied: null, died: true })
    await other.budgets.settle(`${prefix}k`, { calls: 1, tokens: 50, money: 0 })
    assert.equal(await store.budgets.settle(`${prefix}k`, { calls: 1, tokens: 999, money: 0 }), false)
    const { spent, estimated, reserved } = (await row('a', 'tokens')) as BudgetRow
    assert.deepEqual([spent, estimated, reserved], [350, 300, 0])
  })

  test('what a process that is gone had held is charged in full; what one that lives holds is left alone', async () => {
    const calls = account('b', { calls: 10 })
    await store.budgets.reserve({ ...hold('dead', [calls], { calls: 2 }), owner: 'dead' })
    await store.budgets.reserve({ ...hold('lives', [calls], { calls: 3 }), owner: 'lives' })
    await store.budgets.alive('lives', 10_000)
    assert.ok((await store.budgets.charge_left_behind(5_000)) >= 1)
    const { spent, reserved } = (await row('b', 'calls')) as BudgetRow
    assert.deepEqual([spent, reserved], [2, 3])
  })

  test('limits of runs grow only, those of the configuration are as given; what was kept back is for close-out', async () => {
    const first = account('c', { calls: 5 }, { calls: 2 })
    await store.budgets.reserve(hold('1', [first], { calls: 3 }))
    assert.equal((await store.budgets.reserve(hold('2', [first], { calls: 1 }))).denied?.left, 0)
    const closing = { ...hold('3', [first], { calls: 1 }), purpose: 'close_out' as const }
    assert.equal((await store.budgets.reserve(closing)).denied, null)
    assert.equal(await store.budgets.raise(`${prefix}c`, 'calls', 4), false)
    assert.equal(await store.budgets.raise(`${prefix}c`, 'calls', 9), true)
    await store.budgets.reserve(hold('4', [first], { calls: 1 }))
    assert.equal((await row('c', 'calls'))?.most, 9)
    const day = { ...account('d', { calls: 9 }), configured: true }
    await store.budgets.reserve(hold('5', [day], { calls: 1 }))
    await store.budgets.reserve(hold('6', [{ ...day, limits: { calls: 1 } }], { calls: 1 }))
    assert.equal((await row('d', 'calls'))?.most, 1)
  })

  test('a call that goes on takes more, all of it or nothing', async () => {
    const tokens = account('e', { tokens: 100 })
    await store.budgets.reserve(hold('k', [tokens], { tokens: 60 }))
    assert.equal(await store.budgets.more(`${prefix}k`, { ...nothing(), tokens: 30 }), null)
    assert.equal((await store.budgets.more(`${prefix}k`, { ...nothing(), tokens: 11 }))?.left, 10)
    await store.budgets.settle(`${prefix}k`, { calls: 1, tokens: null, money: null })
    assert.equal((await row('e', 'tokens'))?.spent, 90)
  })

  test('random calls of several processes that die and are asked for again never go beyond a limit', async () => {
    const act = fc.record({
      what: fc.constantFrom('call' as const, 'call' as const, 'reply' as const, 'crash' as const),
      child: fc.nat(3),
      key: fc.nat(8),
      tokens: fc.nat(200),
      by: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 40 }), async (list) => {
        prefix = `run:${n++}/`
        const root = account('root', { calls: 20, tokens: 1_500 })
        for (const { what, child, key, tokens, by } of list) {
          const side = by ? store : other
          if (what === 'call' || what === 'crash')
            await side.budgets.reserve(
              hold(`${key}`, [account(`child${child}`, { tokens: 700 }), root], { calls: 1, tokens }),
            )
          else await side.budgets.settle(`${prefix}${key}`, { calls: 1, tokens: tokens % 2 === 0 ? 0 : null, money: 0 })
        }
        const rows = await store.budgets.list(prefix)
        for (const { most, spent, reserved, estimated } of rows) {
          assert.ok(spent + reserved <= most && estimated <= spent)
          assert.ok(reserved >= 0)
        }
      }),
      { numRuns: 25 },
    )
  })
})
