/** What attempts use while they go on: within every account above them, whatever they ask at once; also where it was raised. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Reservation } from './allowance.ts'
import { type Amounts, countedUnits, nothing } from './amounts.ts'
import { type AttemptAllowance, attemptLedger } from './attempt-ledger.ts'
import { chargeInFull, type Denied, newTree, openAccount, raise, reserve, settle, type Tree } from './tree.ts'

const amounts = (calls: number, tokens = 0, money = 0): Amounts => ({ calls, tokens, money })
const neverAsked = async (): Promise<null> => assert.fail('nothing is held outside')
const cost = (): null => null

/** One run with one account, and attempts of it for which so much is reserved. */
function shop(limits: Partial<Amounts>, more: Parameters<typeof attemptLedger>[0] = neverAsked) {
  const tree = newTree()
  openAccount(tree, 'run', { parent: null, limits })
  const ledger = attemptLedger(more)
  ledger.seen('r', () => tree)
  const attempt = (hold: string, reserved: Amounts, account = 'run', outside: Amounts | null = null) => {
    assert.equal(reserve(tree, hold, account, reserved), null)
    return ledger.open({
      run: 'r',
      hold,
      budget: { account, amounts: reserved, purpose: 'work', left: {} },
      outside: outside === null ? null : { key: hold, amounts: outside },
      cost,
    })
  }
  return { tree, ledger, attempt }
}

describe('attempts beside the tree of their run', () => {
  test('may use their own reservation and what is left besides; a refusal names the budget and takes nothing', async () => {
    const { attempt } = shop({ calls: 3, tokens: 1_000 })
    const one = attempt('a', amounts(1, 400))
    const two = attempt('b', amounts(1, 300))
    assert.deepEqual(one.remaining(), { calls: 2, tokens: 700, money: null })
    assert.deepEqual(two.remaining(), { calls: 2, tokens: 600, money: null })
    assert.ok((await one.reserve(amounts(1, 700))).ok)
    // Its own reservation is still there for the other one.
    assert.deepEqual(two.remaining(), { calls: 2, tokens: 300, money: null })
    const refused = await two.reserve(amounts(1, 301))
    assert.ok(!refused.ok && refused.failure.kind === 'budget_exhausted')
    assert.match(refused.failure.message, /The budget of this run, 1,000 tokens, is used up: 300 tokens left/)
    assert.deepEqual(two.denied(), { account: 'run', unit: 'tokens', wanted: 301, left: 300, limit: 1_000 })
    assert.ok((await two.reserve(amounts(1, 300))).ok)
  })

  test('a limit that is raised is there for a call under way', async () => {
    const { tree, attempt } = shop({ tokens: 500 })
    const one = attempt('a', amounts(1, 500))
    const call = await one.reserve(amounts(1, 500))
    assert.ok(call.ok)
    assert.equal(one.extend(call.value, amounts(1, 600))?.kind, 'budget_exhausted')
    assert.ok(raise(tree, 'run', 'tokens', 2_000))
    assert.equal(one.extend(call.value, amounts(1, 600)), null)
    assert.equal(one.remaining().tokens, 1_400)
  })

  test('what was used beyond a reservation is counted until the tree has settled it, and once', async () => {
    const { tree, attempt } = shop({ tokens: 1_000 })
    const one = attempt('a', amounts(1, 100))
    const call = await one.reserve(amounts(1, 700))
    assert.ok(call.ok)
    one.settle(call.value, amounts(1, 650))
    one.settle(call.value, amounts(1, 650))
    one.close()
    const two = attempt('b', amounts(1, 100))
    assert.equal(two.remaining().tokens, 350)
    settle(tree, 'a', amounts(1, 650))
    assert.equal(two.remaining().tokens, 350)
  })

  test('an attempt that was called off while it used more than was reserved is not forgotten', async () => {
    const { tree, attempt } = shop({ tokens: 1_000 })
    const one = attempt('a', amounts(1, 100))
    const call = await one.reserve(amounts(1, 700))
    assert.ok(call.ok)
    chargeInFull(tree, 'a')
    one.settle(call.value, amounts(1, 600))
    one.close()
    assert.equal(attempt('b', amounts(1, 100)).remaining().tokens, 400)
  })

  test('an attempt whose reservation others have used up meanwhile is not begun', async () => {
    const { tree, attempt } = shop({ tokens: 1_000 })
    const one = attempt('a', amounts(1, 100))
    const call = await one.reserve(amounts(1, 900))
    assert.ok(call.ok)
    // Its host counted more than was reserved.
    one.settle(call.value, amounts(1, 950))
    tree.holds['b'] = { account: 'run', amounts: amounts(1, 100) }
    const account = tree.accounts['run']
    assert.ok(account !== undefined)
    account.reserved.tokens += 100
    const { admit } = attemptLike(tree, attempt)
    assert.deepEqual(admit(), { account: 'run', unit: 'tokens', wanted: 100, left: 50, limit: 1_000 })
  })

  test('where its tree is not known, what was left when it was asked for holds', async () => {
    const ledger = attemptLedger(neverAsked)
    const budget = { account: 'run', amounts: amounts(1, 100), purpose: 'work' as const, left: { tokens: 300 } }
    const one = ledger.open({ run: 'r', hold: 'a', budget, outside: null, cost })
    assert.equal((await one.reserve(amounts(1, 301))).ok, false)
    assert.ok((await one.reserve(amounts(1, 300))).ok)
    assert.deepEqual(one.remaining(), { calls: null, tokens: 0, money: null })
    // Nor can another one of the run use what this one did.
    assert.equal(ledger.open({ run: 'r', hold: 'b', budget, outside: null, cost }).remaining().tokens, 100)
  })

  test('undoing is never denied, and a close-out has what was kept back', async () => {
    const tree = newTree()
    openAccount(tree, 'run', { parent: null, limits: { tokens: 100 }, keep: { tokens: 40 } })
    const ledger = attemptLedger(neverAsked)
    ledger.seen('r', () => tree)
    const of = (purpose: 'work' | 'close_out' | 'undo') => {
      assert.equal(reserve(tree, purpose, 'run', amounts(0, 10), purpose), null)
      const budget = { account: 'run', amounts: amounts(0, 10), purpose, left: {} }
      return ledger.open({ run: 'r', hold: purpose, budget, outside: null, cost })
    }
    const [work, closing, undo] = [of('work'), of('close_out'), of('undo')]
    assert.equal(work.remaining().tokens, 40)
    assert.equal(closing.remaining().tokens, 80)
    assert.ok((await undo.reserve(amounts(5, 1e9))).ok)
  })
})

/** An attempt whose hold is in the tree already. */
function attemptLike(tree: Tree, attempt: ReturnType<typeof shop>['attempt']): AttemptAllowance {
  const hold = tree.holds['b']
  assert.ok(hold !== undefined)
  return attempt('b', hold.amounts)
}

describe('accounts that several runs draw on', () => {
  /** What is left of tokens outside, and what was asked for. */
  const outside = (left: number) => {
    const asked: number[] = []
    const more = async (_key: string, { tokens }: Amounts): Promise<Denied | null> => {
      asked.push(tokens)
      if (tokens > left) return { account: 'day', unit: 'tokens', wanted: tokens, left, limit: 5_000 }
      left -= tokens
      return null
    }
    return { asked, more }
  }

  test('hold what an attempt uses before it uses it, some of it ahead; nothing is asked for within the reservation', async () => {
    const { asked, more } = outside(3_000)
    const ledger = attemptLedger(more)
    const one = ledger.open({ run: 'r', hold: 'a', outside: { key: 'a', amounts: amounts(1, 500) }, cost })
    const call = await one.reserve(amounts(1, 500))
    assert.ok(call.ok)
    assert.deepEqual(asked, [])
    assert.equal(one.extend(call.value, amounts(1, 756)), null)
    await new Promise(setImmediate)
    assert.deepEqual(asked, [1_024])
    for (let to = 1_012; to <= 1_524; to += 256) assert.equal(one.extend(call.value, amounts(1, to)), null)
    assert.deepEqual(asked, [1_024])
  })

  test('end a call that streams when they have no more, at most two extensions late', async () => {
    const { more } = outside(600)
    const ledger = attemptLedger(more)
    const one = ledger.open({ run: 'r', hold: 'a', outside: { key: 'a', amounts: amounts(1, 100) }, cost })
    const call = await one.reserve(amounts(1, 100))
    assert.ok(call.ok)
    let to = 100
    while (to < 5_000) {
      if (one.extend(call.value, amounts(1, to + 256)) !== null) break
      to += 256
      await new Promise(setImmediate)
    }
    assert.ok(to <= 700 + 2 * 256, String(to))
    assert.equal(one.denied()?.account, 'day')
    assert.equal((await one.reserve(amounts(1, 1))).ok, false)
  })

  test('of calls that ask at once for the last of it exactly those pass that it holds, whatever their sizes', async () => {
    const { more } = outside(70)
    const ledger = attemptLedger(more)
    const one = ledger.open({ run: 'r', hold: 'a', outside: { key: 'a', amounts: amounts(100, 0) }, cost })
    // What was denied is given back, here too.
    assert.equal((await one.reserve(amounts(1, 80))).ok, false)
    const results = await Promise.all(Array.from({ length: 50 }, () => one.reserve(amounts(1, 10))))
    assert.equal(results.filter(({ ok }) => ok).length, 7)
  })

  test('a store that does not answer lets nothing pass', async () => {
    const ledger = attemptLedger(() => Promise.reject(new Error('disk full')))
    const one = ledger.open({ run: 'r', hold: 'a', outside: { key: 'a', amounts: nothing() }, cost })
    const refused = await one.reserve(amounts(1, 10))
    assert.ok(!refused.ok && refused.failure.kind === 'unavailable')
  })
})

/** What may happen to attempts of one run, in any order; numbers choose among what there is. */
const act = fc.oneof(
  { arbitrary: fc.record({ do: fc.constant('begin' as const), account: fc.nat(3), tokens: fc.nat(300) }), weight: 2 },
  {
    arbitrary: fc.record({ do: fc.constant('ask' as const), which: fc.nat(), tokens: fc.nat(400) }),
    weight: 4,
  },
  {
    arbitrary: fc.record({ do: fc.constant('extend' as const), which: fc.nat(), tokens: fc.nat(300) }),
    weight: 3,
  },
  {
    arbitrary: fc.record({ do: fc.constant('answer' as const), which: fc.nat(), share: fc.nat(100) }),
    weight: 3,
  },
  fc.record({ do: fc.constantFrom('end' as const, 'call_off' as const, 'die' as const), which: fc.nat() }),
  fc.record({ do: fc.constant('raise' as const), by: fc.nat(500) }),
)

test('random attempts that ask, stream, end, are called off and die: spent, reserved and used beyond stay within every limit', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 80 }), async (acts) => {
      const { tree, ledger, attempt } = shop({ calls: 30, tokens: 3_000 })
      openAccount(tree, 's1', { parent: 'run', limits: { tokens: 1_500 } })
      openAccount(tree, 's2', { parent: 'run', limits: { calls: 9 } })
      openAccount(tree, 's1.in', { parent: 's1', limits: { tokens: 900 } })
      const accounts = ['run', 's1', 's2', 's1.in']
      type Under = { hold: string; account: string; allowance: AttemptAllowance; calls: Reservation[]; used: Amounts }
      const open: Under[] = []
      /** The truth: what was really used, in each account. */
      const really = new Map(accounts.map((id) => [id, nothing()]))
      const use = (account: string, used: Amounts): void => {
        for (let at: string | null = account; at !== null; at = tree.accounts[at]?.parent ?? null)
          for (const unit of countedUnits) (really.get(at) as Amounts)[unit] += used[unit]
      }
      let n = 0
      for (const one of acts) {
        if (one.do === 'raise') raise(tree, 'run', 'tokens', 3_000 + one.by)
        else if (one.do === 'begin') {
          const account = accounts[one.account] as string
          const hold = `h${n++}`
          if (reserve(tree, hold, account, amounts(1, one.tokens)) !== null) continue
          const allowance = attempt(hold, amounts(1, one.tokens), account)
          // The tree knows nothing of what others use beyond; who is not admitted gives back.
          if (allowance.admit() === null) open.push({ hold, account, allowance, calls: [], used: nothing() })
          else {
            allowance.close()
            settle(tree, hold, nothing())
          }
        } else {
          const under = open[one.which % Math.max(1, open.length)]
          if (under === undefined) continue
          const { allowance, calls, used, account, hold } = under
          const call = calls[0]
          if (one.do === 'ask') {
            const taken = await allowance.reserve(amounts(1, one.tokens))
            if (taken.ok) calls.push(taken.value)
          } else if (one.do === 'extend' && call !== undefined)
            allowance.extend(call, amounts(1, call.amount.tokens + one.tokens))
          else if (one.do === 'answer' && call !== undefined) {
            calls.shift()
            const took = amounts(1, Math.floor((call.amount.tokens * one.share) / 100))
            allowance.settle(call, took)
            for (const unit of countedUnits) used[unit] += took[unit]
            use(account, took)
          } else if (one.do === 'end' || one.do === 'call_off' || one.do === 'die') {
            open.splice(open.indexOf(under), 1)
            // Of calls under way nobody knows: they may have used all that they had.
            for (const { amount } of calls) {
              use(account, amount)
              for (const unit of countedUnits) used[unit] += amount[unit]
            }
            if (one.do === 'call_off') chargeInFull(tree, hold)
            allowance.close()
            if (one.do === 'end') settle(tree, hold, used)
            // As usedBeforeItDied has it: what was reserved, or what it used where that is more.
            if (one.do === 'die') {
              const reserved = tree.holds[hold]?.amounts ?? nothing()
              settle(tree, hold, amounts(Math.max(reserved.calls, used.calls), Math.max(reserved.tokens, used.tokens)))
            }
          }
        }
        for (const id of accounts)
          for (const unit of ['calls', 'tokens'] as const) {
            const limit = tree.accounts[id]?.limits[unit] ?? Number.POSITIVE_INFINITY
            const under_way = open
              .filter(({ account }) => account === id || id === 'run' || (id === 's1' && account === 's1.in'))
              .reduce((sum, { calls }) => sum + calls.reduce((all, { amount }) => all + amount[unit], 0), 0)
            const truth = (really.get(id)?.[unit] ?? 0) + under_way
            assert.ok(truth <= limit, `${id}: ${truth} ${unit} of ${limit} after ${one.do}`)
          }
      }
      ledger.seen('r', null)
    }),
    { numRuns: 400 },
  )
})
