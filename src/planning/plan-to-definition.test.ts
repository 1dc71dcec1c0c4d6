import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { diceOf } from '../../test/simulation/dice.ts'
import { simulate } from '../../test/simulation/simulate.ts'
import { checkDefinition } from '../workflow/check-definition/check-definition.ts'
import { type Definition, type Stage, stageKinds } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { planExample } from './plan-example.ts'
import { type Plan, type PlanStage, type PlanVocabulary, planForm, planJsonSchema } from './plan-schema.ts'
import { planToDefinition } from './plan-to-definition.ts'

const vocabulary: PlanVocabulary = {
  capabilities: ['analysis', 'comparison', 'critique', 'research', 'synthesis', 'writing'],
  inputs: ['report', 'files'],
  lists: ['files'],
  definitions: ['creative'],
  divides: true,
}
const context = {
  goal: 'Find the best way',
  inputs: [
    { name: 'report', type: 'text' },
    { name: 'files', type: 'list' },
  ],
}

type Schema = { [key: string]: Json }

/** Any value that a JSON Schema in the keywords of the plan form allows: what a grammar could make a model write. */
function valuesOf(schema: Schema, defs: { [name: string]: Schema }): fc.Arbitrary<Json> {
  if (typeof schema.$ref === 'string') return valuesOf(defs[schema.$ref.slice('#/$defs/'.length)] as Schema, defs)
  if ('const' in schema) return fc.constant(schema.const as Json)
  if (Array.isArray(schema.enum)) return fc.constantFrom(...schema.enum)
  if (Array.isArray(schema.anyOf)) return fc.oneof(...schema.anyOf.map((option) => valuesOf(option as Schema, defs)))
  if (schema.type === 'array')
    return fc.array(valuesOf(schema.items as Schema, defs), {
      minLength: (schema.minItems as number | undefined) ?? 0,
      maxLength: schema.maxItems as number,
    })
  if (schema.type === 'object') {
    const members = Object.entries(schema.properties as { [name: string]: Schema })
    return fc.record(Object.fromEntries(members.map(([name, member]) => [name, valuesOf(member, defs)])))
  }
  const length = { minLength: (schema.minLength as number | undefined) ?? 0, maxLength: schema.maxLength as number }
  return fc.oneof(
    { weight: 3, arbitrary: fc.string({ unit: fc.constantFrom(...'abc xyz"\\=\n'), ...length }) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', ...length }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom(' ', '9', '\u0000', '\ud800').map((character) => character.repeat(length.minLength)),
    },
  )
}

const plansOf = (words: PlanVocabulary): fc.Arbitrary<Plan> => {
  const { $defs, ...root } = planJsonSchema(words)
  return valuesOf(root, $defs as { [name: string]: Schema }) as fc.Arbitrary<unknown> as fc.Arbitrary<Plan>
}

const checked = (definition: Definition) =>
  checkDefinition(definition, { capabilities: vocabulary.capabilities, agents: [] })

/** What the model alone can put right. */
const known = [/^all tasks of start say the same/, /^start repeats the example/]

const planned = (change: Partial<Plan>): Plan => ({
  ...planExample.plan,
  start: [
    { capability: 'research', does: 'Collect the facts' },
    { capability: 'analysis', does: 'Find the causes' },
  ],
  stages: [],
  ...change,
})

const task = { capability: 'writing', does: 'Write it down' }
const one: { [K in PlanStage['kind']]: Extract<PlanStage, { kind: K }> } = {
  tasks: { kind: 'tasks', tasks: [task] },
  vote: { kind: 'vote', question: 'Which one?', options: ['left', 'right'], capability: 'critique', voters: 3 },
  decide: {
    kind: 'decide',
    on: { measure: 'agreement', is: '<', value: 0.5 },
    then: [task],
    otherwise: { do: 'tasks', tasks: [{ capability: 'analysis', does: 'Explain it' }] },
  },
  loop: {
    kind: 'loop',
    make: task,
    review: { capability: 'critique', does: 'Find the faults' },
    until_score: 8,
    max: 3,
  },
  for_each: {
    kind: 'for_each',
    items: { from: 'task', capability: 'analysis', does: 'List the parts' },
    each: task,
    max: 5,
  },
  timer: { kind: 'timer', for: '10s' },
  wait: { kind: 'wait', signal: 'go_ahead', timeout: '1m' },
  approval: { kind: 'approval', question: 'Shall it be sent?', timeout: '1h', default: 'refuse' },
  run: { kind: 'run', definition: 'creative' },
  divide: { kind: 'divide', capability: 'writing', does: 'Write the whole book' },
}

const stage = (definition: Definition, id: string): Stage => {
  const found = definition.stages.find((candidate) => candidate.id === id)
  assert.ok(found, `stage ${id}`)
  return found
}

describe('from a plan to a definition', () => {
  it('makes of every plan that the grammar allows a sound definition, or says what only the model can put right', () => {
    fc.assert(
      fc.property(plansOf(vocabulary), (plan) => {
        assert.equal(planForm(vocabulary).safeParse(plan).error, undefined)
        const { definition, problems } = planToDefinition(plan, context)
        for (const problem of problems)
          assert.ok(
            known.some((pattern) => pattern.test(problem)),
            problem,
          )
        if (problems.length > 0) return
        const verdict = checked(definition)
        assert.ok(verdict.ok, JSON.stringify(verdict.ok ? '' : verdict.problems))
        assert.deepEqual(verdict.warnings, [])
      }),
      { numRuns: 300 },
    )
  })

  it('makes definitions that come to an end, also when agents fail and people meddle', () => {
    fc.assert(
      fc.property(plansOf({ ...vocabulary, inputs: [], lists: [] }), fc.nat(), (plan, seed) => {
        const { definition, problems } = planToDefinition(plan, { goal: 'g', inputs: [] })
        if (problems.length > 0) return
        const { course } = simulate(definition, diceOf(seed), { failing: 0.3, meddling: true })
        assert.ok(['completed', 'partial', 'failed', 'cancelled'].includes(course.state.status), course.state.status)
      }),
      { numRuns: 100 },
    )
  })

  it('costs no more calls than its budget says', () => {
    fc.assert(
      fc.property(plansOf({ ...vocabulary, inputs: [], lists: [] }), fc.nat(), (plan, seed) => {
        const { definition } = planToDefinition(plan, { goal: 'g', inputs: [] })
        const { course } = simulate(definition, diceOf(seed), { failing: 0.6 })
        const reasons = JSON.stringify(course.state)
        assert.ok(course.state.totals.calls <= (definition.budget?.calls ?? 0))
        assert.ok(!reasons.includes('calls is used up'), 'the budget leaves room for every retry')
      }),
      { numRuns: 50 },
    )
  })

  for (const kind of stageKinds)
    it(`can plan a stage of the kind ${kind}`, () => {
      const { definition, problems } = planToDefinition(planned({ stages: [one[kind]] }), context)
      assert.deepEqual(problems, [])
      assert.equal(stage(definition, 'step_2').kind, kind)
      assert.ok(checked(definition).ok)
    })

  it('goes on behind a decision whichever case was taken', () => {
    const { definition } = planToDefinition(planned({}), context)
    const decision = stage(definition, 'decision')
    assert.ok(decision.kind === 'decide')
    assert.deepEqual(decision.cases[0]?.then, ['decision_then', 'finish'])
    assert.equal(decision.otherwise, 'finish')
    assert.deepEqual(stage(definition, 'finish').needs, ['decision', 'decision_then'])
  })

  it('measures agreement on the last stage that has two tasks', () => {
    const decide: Plan['decide'] = {
      on: { measure: 'agreement', is: '>=', value: 0.7 },
      then: [task],
      otherwise: { do: 'end' },
    }
    const { definition } = planToDefinition(planned({ stages: [one.tasks], decide }), context)
    const decision = stage(definition, 'decision')
    assert.ok(decision.kind === 'decide')
    assert.equal(decision.cases[0]?.when, 'start.agreement >= 0.7')
    assert.equal(decision.otherwise, 'end')
  })

  it('decides by a vote that it holds itself, with the option as text and not as code', () => {
    const on = {
      measure: 'vote',
      question: 'Is it so?',
      options: ['say "yes" || true', 'no'],
      capability: 'critique',
      voters: 3,
    } as const
    const decide: Plan['decide'] = {
      on: { ...on, options: [...on.options] },
      then: [task],
      otherwise: { do: 'continue' },
    }
    const { definition } = planToDefinition(planned({ decide }), context)
    const decision = stage(definition, 'decision')
    assert.ok(decision.kind === 'decide')
    assert.equal(decision.cases[0]?.when, 'decision_vote.winner == "say \\"yes\\" || true"')
    assert.ok(checked(definition).ok)
  })

  it('hands the results before a pause to the stage after it', () => {
    const { definition } = planToDefinition(planned({ stages: [one.timer, one.vote] }), context)
    const vote = stage(definition, 'step_3')
    assert.ok(vote.kind === 'vote')
    assert.deepEqual(vote.needs, ['step_2'])
    assert.deepEqual(vote.input, { start: '=start.output' })
  })

  it('lets tasks read the inputs that they name', () => {
    const start = [
      { capability: 'research', does: 'Collect the facts', reads: 'report' },
      { capability: 'analysis', does: 'Find the causes', reads: 'all' },
    ]
    const first = stage(planToDefinition(planned({ start }), context).definition, 'start')
    assert.ok(first.kind === 'tasks')
    assert.deepEqual(first.tasks[0]?.input, { report: '=inputs.report' })
    assert.deepEqual(first.tasks[1]?.input, { report: '=inputs.report', files: '=inputs.files' })
  })

  it('goes through a list among the inputs', () => {
    const stages: PlanStage[] = [{ ...one.for_each, items: { from: 'input', input: 'files' } }]
    const each = stage(planToDefinition(planned({ stages }), context).definition, 'step_2')
    assert.ok(each.kind === 'for_each')
    assert.equal(each.items, '=inputs.files')
  })

  it('drops what is said twice, and says so', () => {
    const again = { capability: 'research', does: '  Collect the facts. ' }
    const plan = planned({ stages: [{ kind: 'tasks', tasks: [again] }, one.loop, one.loop] })
    const { definition, repairs, problems } = planToDefinition(
      { ...plan, start: [...plan.start, again] },
      { goal: 'g', inputs: [] },
    )
    assert.deepEqual(problems, [])
    assert.deepEqual(
      definition.stages.map(({ id }) => id),
      ['start', 'step_2_draft', 'step_2', 'decision_score', 'decision', 'decision_then', 'finish'],
    )
    assert.equal(repairs.length, 3)
  })

  it('wants parallel work that differs', () => {
    const same = { capability: 'research', does: 'Collect the facts' }
    const { problems } = planToDefinition(planned({ start: [same, same, same] }), context)
    assert.deepEqual(problems, ['all tasks of start say the same: give each of the parallel tasks different work'])
  })

  it('refuses the example of the prompt as a plan', () => {
    const { problems } = planToDefinition(planExample.plan, context)
    assert.deepEqual(problems, ['start repeats the example: write what has to be done for this goal'])
  })

  it('puts text without words right by rule', () => {
    const start = [
      { capability: 'research', does: '1.0.0.0.0' },
      { capability: 'analysis', does: '\u0000\u0000 \ud800 ........' },
    ]
    const stages: PlanStage[] = [{ ...one.vote, options: ['??', '??'] }]
    const { definition, repairs } = planToDefinition(planned({ start, stages }), { goal: 'g', inputs: [] })
    const first = stage(definition, 'start')
    assert.ok(first.kind === 'tasks')
    assert.deepEqual(
      first.tasks.map(({ instructions }) => instructions),
      ['Do the research that the goal needs.', 'Do the analysis that the goal needs.'],
    )
    const vote = stage(definition, 'step_2')
    assert.ok(vote.kind === 'vote')
    assert.deepEqual(vote.options, ['yes', 'no'])
    assert.equal(repairs.length, 3)
  })

  it('takes a goal of any length and script', () => {
    for (const goal of ['为一家小型茶叶店设计一个网站', 'x'.repeat(20_000), '"; DROP', '=1+1', '\u202e\u0000'])
      assert.ok(checked(planToDefinition(planned({}), { goal, inputs: [] }).definition).ok, goal.slice(0, 20))
  })
})
