/** A model server that dies with a request in hand, and one that is not there: what each has used, for agents and for the planner. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { attemptLedger } from '../../src/budget/attempt-ledger.ts'
import { newTree, openAccount, reserve, type Tree } from '../../src/budget/tree.ts'
import { meteredGateway } from '../../src/gateway/metered-gateway.ts'
import { type Gateway, openGateway } from '../../src/models/gateway.ts'
import { json, standIn } from '../../src/models/hosts/stand-in-server.ts'
import { openPlanner } from '../../src/planning/propose-plan.ts'
import { until } from '../e2e/running-product.ts'
import { testConfiguration } from '../test-configuration.ts'

const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const { signal } = new AbortController()

/** A server that lists one model, and breaks off every chat; it `dies` of the first, or when it is told to leave. */
async function lab(t: TestContext, kind: 'ollama' | 'openai_compatible', dies = false) {
  const server = await standIn((request, _body, response) => {
    const found: { [path: string]: object } = {
      '/v1/models': { object: 'list', data: [{ id: 'small' }] },
      '/api/tags': { models: [{ name: 'small', size: 1e9 }] },
    }
    // No connection is left open over which a later request could go out to nobody.
    if (request.method === 'GET') return json(response, 200, found[request.url ?? ''] ?? {}, { connection: 'close' })
    response.destroy()
    if (dies) void leave()
  })
  let listens = true
  const leave = async () => {
    if (listens) await server.close()
    listens = false
  }
  const { cache_dir, models } = testConfiguration('/tmp')
  const host = { name: 'lab', kind, url: server.url, api_key: null, concurrency: 4 }
  const gateway = await openGateway({
    configuration: {
      cache_dir,
      models: { ...models, hosts: [host], default: 'lab/small', local: { ...models.local, enabled: false } },
    },
    logger: quiet,
    fetch,
    guarded_fetch: fetch,
    secret: () => ({ ok: false, failure: { kind: 'not_found', message: 'no secrets here' } }),
  })
  await gateway.ready()
  t.after(async () => {
    await gateway.close()
    await leave()
  })
  return { gateway, leave, asked: () => server.requests.length }
}

/** One call of an agent within a budget: what became of it, and what the run's account was charged. */
async function call(gateway: Gateway) {
  const tree: Tree = newTree()
  openAccount(tree, 'run', { parent: null, limits: { tokens: 5_000, calls: 5 } })
  const amounts = { calls: 1, tokens: 2_000, money: 0 }
  assert.equal(reserve(tree, 'a', 'run', amounts), null)
  const ledger = attemptLedger(async () => null)
  ledger.seen('r', () => tree)
  const budget = { account: 'run', amounts, purpose: 'work' as const, left: {} }
  const allowance = ledger.open({ run: 'r', hold: 'a', budget, outside: null, cost: () => null })
  const metered = meteredGateway(gateway, allowance)
  const messages = [{ role: 'user' as const, content: 'Go on.' }]
  const caller = { run: 'r', task: 't', agent: null, purpose: 'task' as const }
  const result = await metered.complete({ model: null, messages, max_output_tokens: 300, caller }, { signal })
  assert.ok(!result.ok)
  const left = allowance.remaining()
  allowance.close()
  return { kind: result.failure.kind, used: metered.used(), left }
}

const capabilities = { research: 1, writing: 1, analysis: 1 }
const plan = (gateway: Gateway) =>
  openPlanner({ gateway, check: () => [], now: () => 0 }).propose(
    { run: 'r', goal: 'Find out', inputs: [], problems: [], attempt: 1, template: false, capabilities },
    signal,
  )

for (const kind of ['openai_compatible', 'ollama'] as const)
  describe(`a server of kind ${kind}`, () => {
    test('that took the request and died: what it used is not known, and charged in full', async (t) => {
      const { gateway, asked } = await lab(t, kind)
      const { kind: what, used, left } = await call(gateway)
      assert.equal(asked(), 1)
      assert.equal(what, 'agent_failed')
      assert.equal(used?.calls, 1)
      assert.equal(used?.estimated, true)
      const tokens = (used?.input_tokens ?? 0) + (used?.output_tokens ?? 0)
      assert.ok(tokens > 300, `${tokens} tokens: the prompt, and the answer that it might have given`)
      assert.equal(left.tokens, 5_000 - tokens)
      assert.deepEqual((await plan(gateway)).usage, { input_tokens: null, output_tokens: null, calls: 1 })
    })

    test('that is not there has used nothing', async (t) => {
      const { gateway, leave } = await lab(t, kind)
      await leave()
      const { kind: what, used, left } = await call(gateway)
      assert.equal(what, 'unavailable')
      assert.deepEqual([used?.input_tokens, used?.output_tokens, used?.estimated], [0, 0, undefined])
      assert.equal(left.tokens, 5_000)
      assert.deepEqual((await plan(gateway)).usage, { input_tokens: 0, output_tokens: 0, calls: 0 })
    })

    test('that died is looked at again at once, and no model of it is proposed any more', async (t) => {
      const { gateway } = await lab(t, kind, true)
      assert.equal(gateway.other_model(['none']), 'lab/small')
      assert.equal((await call(gateway)).kind, 'agent_failed')
      await until(
        async () => gateway.other_model(['none']),
        (model) => model === null,
      )
    })
  })
