/** Plans without a run draw on the limits over all runs: reserved before, settled after, charged in full when they died. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Used } from '../budget/tree.ts'
import type { PlanProposal, PlanRequest } from '../planning/planner.ts'
import { budgetedPlanner } from './budgeted-planner.ts'
import type { OutsideBudgets, OutsideCall } from './fleet.ts'

const request: PlanRequest = {
  run: 'plan',
  goal: 'g',
  inputs: [],
  problems: [],
  attempt: 1,
  template: false,
  capabilities: {},
}
const proposal = (usage: PlanProposal['usage']): PlanProposal => ({
  source: 'model',
  definition: null,
  problems: [],
  analysis: null,
  model: 'lab/small',
  usage,
  raw: null,
  duration_ms: 1,
})
const signal = new AbortController().signal

/** What it asks of budgets is kept; how they answer is tested with them. */
function opened(propose: () => Promise<PlanProposal>, left: boolean) {
  const asked: OutsideCall[] = []
  const settled: Used[] = []
  const budgets = {
    async reserve(call: OutsideCall) {
      asked.push(call)
      const denied = left ? null : { account: 'total', unit: 'calls', wanted: 1, left: 0, limit: 5 }
      return { denied, amounts: { calls: 1, tokens: 9, money: 0 } }
    },
    async settle(key: string, used: Used) {
      assert.equal(key, asked.at(-1)?.key)
      settled.push(used)
    },
    moneyFor: () => ({ money: 7 }),
  } as unknown as OutsideBudgets
  const planner = budgetedPlanner({ propose, divide: () => assert.fail('nothing is divided') }, budgets)
  return { planner, asked, settled }
}

test('is reserved before and settled after', async () => {
  const { planner, asked, settled } = opened(
    async () => proposal({ input_tokens: 5, output_tokens: 6, calls: 1 }),
    true,
  )
  await planner.propose(request, signal)
  await planner.propose(request, signal)
  assert.notEqual(asked[0]?.key, asked[1]?.key)
  assert.ok((asked[0]?.text().length ?? 0) / 3 >= 4_600)
  assert.deepEqual(settled[0], { calls: 1, tokens: 11, money: 7 })
})

test('is charged in full when it died, and not made when nothing is left; a template costs nothing', async () => {
  const dead = opened(() => Promise.reject(new Error('gone')), true)
  await assert.rejects(dead.planner.propose(request, signal))
  assert.deepEqual(dead.settled, [{ calls: null, tokens: null, money: null }])
  const denied = opened(() => assert.fail('no model is asked'), false)
  const { failure, usage } = await denied.planner.propose(request, signal)
  assert.equal(failure?.kind, 'budget_exhausted')
  assert.deepEqual([usage.calls, denied.settled.length], [0, 0])
  const template = opened(async () => proposal({ input_tokens: 0, output_tokens: 0, calls: 0 }), false)
  assert.equal((await template.planner.propose({ ...request, template: true }, signal)).failure, undefined)
  assert.equal(template.asked.length, 0)
})
