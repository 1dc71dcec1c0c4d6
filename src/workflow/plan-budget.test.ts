/** The planner within the budget that came with a request: it counts before there is a definition, and ends in a template. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PinnedBudget } from './command.ts'
import type { Definition } from './definition.ts'
import type { RunInput, Usage } from './event.ts'
import { feedCourse, newCourse } from './fold.ts'

const definition: Definition = {
  apiVersion: 'quorate/v1',
  name: 'planned',
  stages: [{ id: 's', kind: 'tasks', tasks: [{ id: 't', agent: 'a', instructions: 'x' }] }],
}

/** A run that plans under a budget; each proposal is no plan but the last. Returns whether templates were asked for, and the account. */
function plan(budget: PinnedBudget, usages: Usage[]) {
  const course = newCourse('r')
  const feed = (input: RunInput) => feedCourse(() => definition, course, input)
  feed({
    at: 0,
    type: 'run_started',
    data: { goal: 'g', definition: null, inputs: {}, by: 'test', budget },
  })
  const templates: boolean[] = []
  let opened = null
  for (const [i, usage] of usages.entries()) {
    const [step] = course.owed.values()
    assert.ok(step?.do === 'plan')
    templates.push(step.template)
    const last = i === usages.length - 1
    const { events } = feed({
      at: i,
      type: 'plan_proposed',
      data: {
        attempt: step.attempt,
        source: 'model',
        definition: last ? 'sha256:x' : null,
        name: last ? 'planned' : null,
        problems: ['no'],
        model: null,
        usage,
        analysis: null,
        raw: null,
        duration_ms: 0,
      },
    })
    opened = events.find((event) => event.type === 'budget_opened')?.data ?? opened
  }
  return { templates, opened }
}
const used = (tokens: number): Usage => ({ input_tokens: tokens, output_tokens: 0, calls: 1 })
const died: Usage = { input_tokens: null, output_tokens: null, calls: 1 }

test('a model plans only while the budget holds its call and one of an agent', () => {
  assert.deepEqual(plan({ limits: { calls: 3 } }, [used(9), used(9), used(9)]).templates, [false, false, true])
  assert.deepEqual(plan({ limits: { tokens: 12_500 } }, [used(6_200), used(200), used(9)]).templates, [
    false,
    false,
    true,
  ])
  assert.deepEqual(plan({ limits: { tokens: 6_000 } }, [used(1)]).templates, [true])
  assert.deepEqual(plan({}, [used(9e9), used(9e9)]).templates, [false, false])
})

test('a call of the planner that died is charged as it was reserved, and marked', () => {
  const price = { input: 1, output: 2 }
  const { opened, templates } = plan({ limits: { tokens: 20_000, money: 1e6 }, price }, [died, used(1_000)])
  assert.deepEqual(templates, [false, false])
  assert.deepEqual(opened?.spent, { calls: 2, tokens: 6_200 + 1_000, money: 4_600 + 3_200 })
  assert.deepEqual(opened?.estimated, { calls: 0, tokens: 6_200, money: 4_600 + 3_200 })
})

test('a plan that a limit over all runs denied is named in the log, and a template is taken', () => {
  const course = newCourse('r')
  const feed = (input: RunInput) => feedCourse(() => definition, course, input)
  feed({ at: 0, type: 'run_started', data: { goal: 'g', definition: null, inputs: {}, by: 'test' } })
  const denied = { account: 'total', unit: 'calls' as const, wanted: 1, left: 0, limit: 9 }
  const { events } = feed({
    at: 1,
    type: 'plan_proposed',
    data: {
      attempt: 1,
      source: 'model',
      definition: null,
      name: null,
      problems: [],
      model: null,
      usage: { input_tokens: 0, output_tokens: 0, calls: 0 },
      analysis: null,
      raw: null,
      failure: { kind: 'budget_exhausted', message: 'used up' },
      denied,
      duration_ms: 0,
    },
  })
  assert.deepEqual(events.find(({ type }) => type === 'budget_denied')?.data, { ...denied, by: '' })
  const [step] = course.owed.values()
  assert.ok(step?.do === 'plan' && step.template)
})
