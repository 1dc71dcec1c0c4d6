/** Budgets as a tree, over random trees, orders, crashes and lost replies. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Amounts, countedUnits, nothing } from './amounts.ts'
import {
  chargeInFull,
  leftIn,
  newTree,
  openAccount,
  passedTwoThirds,
  raise,
  release,
  reserve,
  settle,
  spend,
  type Tree,
} from './tree.ts'

const amounts = (calls: number, tokens = 0, money = 0): Amounts => ({ calls, tokens, money })

const one = (limits: object, keep = {}): Tree => {
  const tree = newTree()
  openAccount(tree, 'run', { parent: null, limits, keep })
  return tree
}

describe('a tree of accounts', () => {
  test('1,000 children on the last 10 calls of their parent: exactly 10 pass, in any order', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([...Array(1_000).keys()], { minLength: 1_000 }), (order) => {
        const tree = one({ calls: 110 })
        spend(tree, 'run', amounts(100))
        for (const child of order) openAccount(tree, `child${child}`, { parent: 'run', limits: { calls: 5 } })
        const passed = order.filter((child) => reserve(tree, `call${child}`, `child${child}`, amounts(1)) === null)
        assert.deepEqual(passed, order.slice(0, 10))
      }),
      { numRuns: 5 },
    )
  })

  test('a denial names the account, the unit, what was wanted and what is left, and takes nothing', () => {
    const tree = one({ tokens: 1_000 })
    openAccount(tree, 'stage', { parent: 'run', limits: { tokens: 5_000 } })
    spend(tree, 'run', amounts(1, 900))
    const before = structuredClone(tree)
    assert.deepEqual(reserve(tree, 'k', 'stage', amounts(1, 200)), {
      account: 'run',
      unit: 'tokens',
      wanted: 200,
      left: 100,
      limit: 1_000,
    })
    assert.deepEqual(tree, before)
  })

  test('what was kept back is for close-out only; undoing is charged and never denied', () => {
    const tree = one({ calls: 3 }, { calls: 1 })
    assert.equal(reserve(tree, 'a', 'run', amounts(2)), null)
    assert.equal(reserve(tree, 'b', 'run', amounts(1))?.left, 0)
    assert.equal(reserve(tree, 'c', 'run', amounts(1), 'close_out'), null)
    assert.equal(reserve(tree, 'd', 'run', amounts(1), 'close_out')?.account, 'run')
    assert.equal(reserve(tree, 'e', 'run', amounts(1), 'undo'), null)
  })

  test('unknown use is charged as reserved and marked; a broken figure counts as unknown; a second settlement does nothing', () => {
    const tree = one({ tokens: 1_000 })
    reserve(tree, 'a', 'run', amounts(1, 300, 7))
    settle(tree, 'a', { calls: 1, tokens: null, money: Number.NaN })
    settle(tree, 'a', { calls: 1, tokens: 5, money: 5 })
    reserve(tree, 'b', 'run', amounts(1, 100))
    settle(tree, 'b', { calls: 1, tokens: -5, money: 0 })
    const account = tree.accounts['run']
    assert.deepEqual(account?.spent, amounts(2, 400, 7))
    assert.deepEqual(account?.estimated, amounts(0, 400, 7))
    assert.deepEqual(account?.reserved, nothing())
  })

  test('two thirds are told once, and again when the limit was raised and two thirds of that are used', () => {
    const tree = one({ calls: 9 })
    spend(tree, 'run', amounts(5))
    assert.deepEqual(passedTwoThirds(tree, 'run'), [])
    spend(tree, 'run', amounts(1))
    assert.deepEqual(passedTwoThirds(tree, 'run'), [{ account: 'run', unit: 'calls', limit: 9, spent: 6, left: 3 }])
    assert.deepEqual(passedTwoThirds(tree, 'run'), [])
    assert.equal(raise(tree, 'run', 'calls', 8), false)
    assert.equal(raise(tree, 'run', 'calls', 12), true)
    assert.equal(raise(tree, 'run', 'tokens', 12), false)
    spend(tree, 'run', amounts(2))
    assert.equal(passedTwoThirds(tree, 'run')[0]?.limit, 12)
  })
})

/** What may happen to a tree, in any order; numbers choose among what there is. */
type Act =
  | { do: 'spawn'; of: number; limit: Amounts }
  | { do: 'call'; in: number; want: Amounts }
  | { do: 'reply'; to: number; share: number; over: boolean; unknown: boolean }
  | { do: 'lose' | 'crash' | 'call_off'; to: number }

const wanted = fc.record({ calls: fc.constant(1), tokens: fc.nat(500), money: fc.nat(2_000) })
const acts: fc.Arbitrary<Act[]> = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant('spawn' as const), of: fc.nat(), limit: wanted }),
    { arbitrary: fc.record({ do: fc.constant('call' as const), in: fc.nat(), want: wanted }), weight: 4 },
    {
      arbitrary: fc.record({
        do: fc.constant('reply' as const),
        to: fc.nat(),
        share: fc.nat(100),
        over: fc.boolean(),
        unknown: fc.boolean(),
      }),
      weight: 3,
    },
    fc.record({ do: fc.constantFrom('lose' as const, 'crash' as const, 'call_off' as const), to: fc.nat() }),
  ),
  { maxLength: 200 },
)

/**
 * Plays acts against the tree and against the truth: what the world really used. `overrun`: the last call may use up to
 * twice what was reserved, as one whose stream is ended a little late; then no other call does.
 */
function play(list: Act[], overrun: boolean): { tree: Tree; really: Map<string, Amounts>; largest: Amounts } {
  const limits = { calls: 40, tokens: 4_000, money: 20_000 }
  const tree = one(limits)
  const ids = ['run']
  const really = new Map<string, Amounts>([['run', nothing()]])
  const largest = nothing()
  const open: { key: string; account: string; want: Amounts }[] = []
  let overran = false
  let n = 0
  const use = (account: string, used: Amounts): void => {
    for (let at: string | null = account; at !== null; at = tree.accounts[at]?.parent ?? null) {
      const sum = really.get(at) as Amounts
      for (const unit of countedUnits) sum[unit] += used[unit]
    }
  }
  for (const act of list) {
    if (act.do === 'spawn') {
      const parent = ids[act.of % ids.length] as string
      const id = `a${ids.length}`
      openAccount(tree, id, { parent, limits: { calls: 1 + (act.limit.tokens % 20), tokens: act.limit.tokens * 5 } })
      ids.push(id)
      really.set(id, nothing())
      continue
    }
    if (act.do === 'call') {
      const account = ids[act.in % ids.length] as string
      const key = `k${n++}`
      if (reserve(tree, key, account, act.want) !== null) continue
      open.push({ key, account, want: act.want })
      for (const unit of countedUnits) largest[unit] = Math.max(largest[unit], act.want[unit])
      continue
    }
    if (open.length === 0) continue
    const [call] = open.splice(act.to % open.length, 1)
    if (call === undefined) continue
    const { key, account, want } = call
    const share = (part: number): Amounts => ({
      calls: want.calls,
      tokens: Math.floor((want.tokens * part) / 100),
      money: Math.floor((want.money * part) / 100),
    })
    if (act.do === 'reply') {
      const over = overrun && act.over && !overran
      if (over) overran = true
      const used = share(over ? 100 + act.share : act.share)
      use(account, used)
      settle(tree, key, act.unknown && !over ? { calls: null, tokens: null, money: null } : used)
    } else {
      // Nobody knows: it may have used all that was reserved.
      use(account, share(100))
      chargeInFull(tree, key)
      // A repetition after the crash, or a reply that comes late, finds nothing to settle.
      release(tree, key)
    }
  }
  // What is still under way will use up to what is reserved.
  for (const { account, want } of open) use(account, want)
  return { tree, really, largest }
}

describe('random spawn trees with crashes and lost replies', () => {
  test('nothing really used goes beyond any limit while calls stay within their reservations', () => {
    fc.assert(
      fc.property(acts, (list) => {
        const { tree, really } = play(list, false)
        for (const [id, account] of Object.entries(tree.accounts))
          for (const unit of countedUnits) {
            const limit = account.limits[unit] ?? Number.POSITIVE_INFINITY
            assert.ok(account.spent[unit] + account.reserved[unit] <= limit, `${id} ${unit}`)
            assert.ok((really.get(id)?.[unit] ?? 0) <= limit, `${id} ${unit} in truth`)
            assert.ok(account.estimated[unit] <= account.spent[unit])
          }
      }),
      { numRuns: 300 },
    )
  })

  test('a call that overruns costs at most its own reservation beyond the limit', () => {
    fc.assert(
      fc.property(acts, (list) => {
        const { tree, really, largest } = play(list, true)
        for (const [id, account] of Object.entries(tree.accounts))
          for (const unit of countedUnits) {
            const limit = account.limits[unit] ?? Number.POSITIVE_INFINITY
            assert.ok((really.get(id)?.[unit] ?? 0) <= limit + largest[unit], `${id} ${unit}`)
          }
      }),
      { numRuns: 300 },
    )
  })

  test('a parent has spent and reserved at least what its children have, and the books survive JSON after every act', () => {
    fc.assert(
      fc.property(acts, (list) => {
        const { tree } = play(list, true)
        assert.deepEqual(JSON.parse(JSON.stringify(tree)), tree)
        const below = new Map<string, Amounts>()
        for (const { parent, spent, reserved } of Object.values(tree.accounts)) {
          if (parent === null) continue
          const sum = below.get(parent) ?? nothing()
          for (const unit of countedUnits) sum[unit] += spent[unit] + reserved[unit]
          below.set(parent, sum)
        }
        for (const [id, sum] of below)
          for (const unit of countedUnits) {
            const account = tree.accounts[id]
            assert.ok(account !== undefined && account.spent[unit] + account.reserved[unit] >= sum[unit])
            assert.ok((leftIn(account, unit, 'work') ?? 0) >= 0)
          }
      }),
      { numRuns: 200 },
    )
  })
})
