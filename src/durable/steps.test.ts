import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Denied } from '../budget/tree.ts'
import type { OutsideBudgets } from '../fleet/fleet.ts'
import { performStep, type StepContext } from './steps.ts'

test('a plan that a budget denies is not asked for, and the run is told which account said no', async () => {
  const denied: Denied = { account: 'total', unit: 'calls', wanted: 1, left: 0, limit: 9 }
  const budgets = { reserve: async () => ({ denied }) } as unknown as OutsideBudgets
  const planner = { propose: () => assert.fail('it was asked'), divide: () => assert.fail('it was asked') }
  const context = { planner, budgets, now: () => 7 } as unknown as StepContext
  const step = { do: 'plan' as const, attempt: 1, goal: 'g', inputs: {}, problems: [], template: false }
  const input = await performStep(context, 'r', step, new AbortController().signal)
  assert.ok(input?.type === 'plan_proposed')
  const { failure, usage, definition, denied: by } = input.data
  assert.deepEqual([by, failure?.kind, usage.calls, definition], [denied, 'budget_exhausted', 0, null])
})
