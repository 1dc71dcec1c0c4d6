/** Models as an agent within this process may use them: ended in mid-stream, and paid by what came. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Amounts } from '../budget/amounts.ts'
import { attemptLedger } from '../budget/attempt-ledger.ts'
import { costOf } from '../budget/prices.ts'
import { newTree, openAccount, raise, reserve, type Tree } from '../budget/tree.ts'
import { fail, ok } from '../failure.ts'
import type { ModelAnswer, ModelGateway, ModelRequest } from '../models/model-gateway.ts'
import { meteredGateway } from './metered-gateway.ts'

const PRICE = { input: 1, output: 10 }

/**
 * Stands in for the models: streams so many tokens, whatever limit it is told, and then counts what it likes.
 * @param each Called before each token.
 */
function models(tokens: number, more: Partial<ModelAnswer> = {}, each: (sent: number) => void = () => {}) {
  const asked: ModelRequest[] = []
  const seen = { sent: 0 }
  const complete: ModelGateway['complete'] = async (request, { signal, progress = () => {} }) => {
    asked.push(request)
    for (let i = 1; i <= tokens; i++) {
      each(i)
      progress({ kind: 'tokens', tokens: i, text: 'on ' })
      seen.sent = i
      if (signal.aborted) return fail('cancelled', 'The model call was cancelled.')
    }
    return ok({
      text: 'on '.repeat(tokens),
      model: 'small',
      host: 'lab',
      input_tokens: 10,
      output_tokens: tokens,
      finish: 'stop',
      queued_ms: 0,
      load_ms: null,
      first_token_ms: null,
      duration_ms: 1,
      ...more,
    })
  }
  const gateway = { complete, default_model: () => ({ id: 'lab/small' }) } as ModelGateway
  return { gateway, asked, seen }
}

function attempt(limits: Partial<Amounts>, reserved: Amounts) {
  const tree: Tree = newTree()
  openAccount(tree, 'run', { parent: null, limits })
  assert.equal(reserve(tree, 'a', 'run', reserved), null)
  const ledger = attemptLedger(async () => null)
  ledger.seen('r', () => tree)
  const allowance = ledger.open({
    run: 'r',
    hold: 'a',
    budget: { account: 'run', amounts: reserved, purpose: 'work', left: {} },
    outside: null,
    cost: (_, input, output) => costOf(PRICE, input, output),
  })
  return { tree, allowance }
}
const request = (more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: null,
  messages: [{ role: 'user', content: 'Go on.' }],
  caller: { run: 'r', task: 't', agent: null, purpose: 'task' },
  ...more,
})
const signal = new AbortController().signal
const amounts = (calls: number, tokens: number, money = 0): Amounts => ({ calls, tokens, money })

describe('a model within an attempt', () => {
  test('is ended when its tokens are used up, and pays what it streamed', async () => {
    const { gateway, seen } = models(5_000)
    const { allowance } = attempt({ tokens: 700 }, amounts(1, 700))
    const metered = meteredGateway(gateway, allowance)
    const result = await metered.complete(request(), { signal })
    assert.ok(!result.ok && result.failure.kind === 'budget_exhausted')
    assert.equal(allowance.denied()?.unit, 'tokens')
    assert.ok(seen.sent <= 701, String(seen.sent))
    const used = metered.used()
    assert.ok(used !== null && used.estimated === true && used.calls === 1)
    assert.ok((used.input_tokens ?? 0) + (used.output_tokens ?? 0) <= 700)
    assert.ok((used.output_tokens ?? 0) >= seen.sent - 1)
    assert.equal(allowance.remaining().tokens, 700 - (used.input_tokens ?? 0) - (used.output_tokens ?? 0))
  })

  test('and when its money is: what came is paid for, not what was reserved', async () => {
    const { gateway } = models(5_000)
    const { allowance } = attempt({ money: 3_000 }, amounts(1, 0, 3_000))
    const metered = meteredGateway(gateway, allowance)
    const result = await metered.complete(request(), { signal })
    assert.ok(!result.ok && result.failure.kind === 'budget_exhausted')
    const used = metered.used()
    assert.ok((used?.money ?? 0) <= 3_000 && (used?.money ?? 0) > 2_900, String(used?.money))
    assert.equal(used?.money, costOf(PRICE, used?.input_tokens ?? 0, used?.output_tokens ?? 0))
  })

  test('and its calls: the next one is not begun', async () => {
    const { gateway, asked } = models(3)
    const { allowance } = attempt({ calls: 2 }, amounts(1, 0))
    const { complete } = meteredGateway(gateway, allowance)
    const results = await Promise.all([1, 2, 3].map(() => complete(request(), { signal })))
    assert.deepEqual(
      results.map((one) => one.ok),
      [true, true, false],
    )
    assert.equal(asked.length, 2)
  })

  test('goes on in the same answer when its budget is raised meanwhile', async () => {
    const { allowance, tree } = attempt({ tokens: 500 }, amounts(1, 500))
    const { gateway } = models(2_000, {}, (sent) => {
      if (sent === 300) raise(tree, 'run', 'tokens', 5_000)
    })
    assert.ok((await meteredGateway(gateway, allowance).complete(request(), { signal })).ok)
  })

  test('is told what room there is, and pays by the host when it ends there', async () => {
    const { gateway, asked } = models(100, { finish: 'length', output_tokens: 101 })
    const { allowance } = attempt({ tokens: 120 }, amounts(1, 120))
    const metered = meteredGateway(gateway, allowance)
    const result = await metered.complete(request({ max_output_tokens: 4_000 }), { signal })
    assert.ok(!result.ok && result.failure.kind === 'budget_exhausted')
    assert.ok((asked[0]?.max_output_tokens ?? 0) < 120)
    assert.deepEqual(metered.used(), { calls: 1, input_tokens: 10, output_tokens: 101, money: costOf(PRICE, 10, 101) })
    // Its own limit is no matter of the budget.
    const wide = attempt({ tokens: 9_000 }, amounts(1, 9_000))
    const short = await meteredGateway(gateway, wide.allowance).complete(request({ max_output_tokens: 100 }), {
      signal,
    })
    assert.ok(short.ok && short.value.finish === 'length')
  })

  test('that broke is charged as it was reserved, one that was refused not at all, one called off by what came', async () => {
    const failing = (kind: 'agent_failed' | 'model_missing' | 'cancelled', sent: number) => {
      const { allowance } = attempt({ tokens: 9_000 }, amounts(1, 9_000))
      const complete: ModelGateway['complete'] = async (_, { progress = () => {} }) => {
        for (let i = 1; i <= sent; i++) progress({ kind: 'tokens', tokens: i, text: 'x' })
        return fail(kind, 'so it is')
      }
      return meteredGateway({ complete, default_model: () => ({ id: null, reason: '' }) } as ModelGateway, allowance)
    }
    const tokens = async (kind: Parameters<typeof failing>[0], sent: number) => {
      const metered = failing(kind, sent)
      await metered.complete(request({ max_output_tokens: 300 }), { signal })
      const used = metered.used()
      return [used?.calls, (used?.input_tokens ?? 0) + (used?.output_tokens ?? 0)]
    }
    const [, whole = 0] = await tokens('agent_failed', 5)
    assert.ok(whole >= 300 && whole < 340)
    assert.deepEqual(await tokens('model_missing', 0), [1, 0])
    const [, came = 0] = await tokens('cancelled', 5)
    assert.equal(came, whole - 295)
  })

  test('without a budget everything passes and is counted', async () => {
    const { gateway } = models(9)
    const metered = meteredGateway(gateway)
    assert.ok((await metered.complete(request(), { signal })).ok)
    assert.deepEqual(metered.used(), { calls: 1, input_tokens: 10, output_tokens: 9 })
  })
})
