import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { diceOf } from '../../test/simulation/dice.ts'
import { simulate } from '../../test/simulation/simulate.ts'
import { defaultAgents } from '../agents/default-agents.ts'
import { checkDefinition, checkDefinitionText } from '../workflow/check-definition/check-definition.ts'
import type { Definition, Stage } from '../workflow/definition.ts'
import { instantiate, templateFor, templates, templateText } from './templates.ts'

const capabilities = [...new Set(defaultAgents.flatMap((agent) => agent.capabilities))]
const offered = Object.fromEntries(capabilities.map((capability) => [capability, 1]))
const checkWith = (known: string[]) => (definition: Definition) => {
  const checked = checkDefinition(definition, { capabilities: known })
  return checked.ok ? [] : checked.problems
}
const everyKind = (stages: Stage[]): Stage[] =>
  stages.flatMap((stage) => ('stages' in stage ? [stage, ...everyKind(stage.stages)] : [stage]))

/** Named in MISSION M6 and M12, or in the user's own files: others rely on these names. */
const promised = [
  'autonomous_research',
  'code_generation',
  'code_review_with_tests',
  'collective_intelligence',
  'consensus_decision',
  'creative',
  'distributed_reasoning',
  'document_work',
  'draft_review_revise',
  'parallel_research_then_write',
  'recursive_improvement',
  'security_review',
  'vote_then_act',
]

describe('templates', () => {
  it('has those that were promised, each with a title, a description and the goal as an input', () => {
    assert.deepEqual(
      templates().map(({ name }) => name),
      promised,
    )
    for (const { name, title, description, inputs } of templates()) {
      assert.match(title, /^[A-Z][a-z ]+$/, name)
      assert.ok(description.length > 50, name)
      assert.equal(inputs.goal?.type, 'text', name)
    }
  })

  for (const name of promised) {
    it(`${name} passes the checker with the agents that come along, without a warning`, () => {
      const checked = checkDefinitionText(templateText(name) ?? '', { capabilities })
      assert.ok(checked.ok, JSON.stringify(checked.ok ? '' : checked.problems, null, 1))
      assert.deepEqual(checked.warnings, [])
    })

    it(`${name} names capabilities and never agents`, () => {
      assert.doesNotMatch(templateText(name) ?? '', /^\s*agent:/m)
    })

    it(`${name} comes to an end, whatever its agents do`, () => {
      const made = instantiate(name, { goal: 'g', inputs: name === 'document_work' ? { documents: ['a', 'b'] } : {} })
      assert.ok(made.ok)
      for (let seed = 0; seed < 40; seed++) {
        const { course } = simulate(made.value, diceOf(seed), { failing: seed % 2 === 0 ? 0.3 : 0 })
        const { status } = course.state
        assert.ok(['completed', 'partial', 'failed'].includes(status), `${status} with seed ${seed}`)
      }
    })
  }

  it('decide somewhere: all but the loop of drafts have a decision, and that one has its loop', () => {
    for (const name of promised) {
      const made = instantiate(name, { goal: 'g', inputs: name === 'document_work' ? { documents: [] } : {} })
      assert.ok(made.ok)
      const kinds = everyKind(made.value.stages).map(({ kind }) => kind)
      assert.ok(kinds.includes(name === 'draft_review_revise' ? 'loop' : 'decide'), name)
    }
  })
})

describe('instantiating a template', () => {
  it('puts the goal where its stages read it', () => {
    const made = instantiate('vote_then_act', { goal: 'Choose a bicycle', inputs: {} })
    assert.ok(made.ok)
    assert.equal(made.value.goal, 'Choose a bicycle')
    assert.equal(made.value.inputs?.goal?.default, 'Choose a bicycle')
    assert.deepEqual(checkWith(capabilities)(made.value), [])
  })

  it('takes inputs of their type', () => {
    const made = instantiate('document_work', { goal: 'g', inputs: { documents: ['one', 'two'] } })
    assert.ok(made.ok)
    assert.deepEqual(made.value.inputs?.documents?.default, ['one', 'two'])
  })

  it('refuses what does not fit, by name', () => {
    const refusal = (name: string, goal: string, inputs: Parameters<typeof instantiate>[1]['inputs']) => {
      const made = instantiate(name, { goal, inputs })
      return made.ok ? 'accepted' : `${made.failure.kind} ${made.failure.field}`
    }
    assert.equal(refusal('no_such', 'g', {}), 'not_found template')
    assert.equal(refusal('../../failure', 'g', {}), 'not_found template')
    assert.equal(refusal('creative', '  ', {}), 'invalid_input goal')
    assert.equal(refusal('creative', 'g', { colour: 'red' }), 'invalid_input inputs.colour')
    assert.equal(refusal('creative', 'g', { toString: 'red' }), 'invalid_input inputs.toString')
    assert.equal(refusal('document_work', 'g', {}), 'invalid_input inputs.documents')
    assert.equal(refusal('document_work', 'g', { documents: 'one text' }), 'invalid_input inputs.documents')
  })

  it('never changes the template itself', () => {
    const before = JSON.stringify(templates())
    instantiate('document_work', { goal: 'g', inputs: { documents: ['x'] } })
    templateFor({ goal: 'g', inputs: [{ name: 'files', type: 'list', bytes: 1 }], capabilities: { work: 1 } }, () => [])
    assert.equal(JSON.stringify(templates()), before)
    assert.ok(!templateText('document_work')?.includes('capability: work'))
  })
})

describe('choosing a template', () => {
  const chosen = (request: Parameters<typeof templateFor>[0], check = checkWith(Object.keys(request.capabilities))) => {
    const result = templateFor(request, check)
    assert.ok(result.ok, result.ok ? '' : result.failure.message)
    return result.value
  }

  it('takes the first general one whose capabilities are all there', () => {
    assert.equal(chosen({ goal: 'g', inputs: [], capabilities: offered }).name, 'parallel_research_then_write')
    const { research: _, ...others } = offered
    assert.equal(chosen({ goal: 'g', inputs: [], capabilities: others }).name, 'draft_review_revise')
  })

  it('does not look at the words of the goal', () => {
    const names = ['Vote on it!', 'write code', 'review', '为'].map(
      (goal) => chosen({ goal, inputs: [], capabilities: offered }).name,
    )
    assert.deepEqual([...new Set(names)], ['parallel_research_then_write'])
  })

  it('takes the one for documents when a list is handed in, and reads that list', () => {
    const { name, definition, why } = chosen({
      goal: 'g',
      inputs: [
        { name: 'contracts', type: 'list', bytes: 900 },
        { name: 'rules', type: 'text', bytes: 90 },
      ],
      capabilities: offered,
    })
    assert.equal(name, 'document_work')
    assert.match(why, /contracts is a list/)
    const [first] = definition.stages
    assert.ok(first?.kind === 'for_each')
    assert.equal(first.items, '=inputs.contracts')
    const [inner] = first.stages
    assert.ok(inner?.kind === 'tasks')
    assert.deepEqual(inner.tasks[0]?.input, { document: '=item', rules: '=inputs.rules' })
  })

  it('hands every other input to the tasks that begin', () => {
    const { definition } = chosen({
      goal: 'g',
      inputs: [{ name: 'report', type: 'text', bytes: 9 }],
      capabilities: offered,
    })
    const [first] = definition.stages
    assert.ok(first?.kind === 'tasks')
    for (const task of first.tasks) assert.equal(task.input?.report, '=inputs.report')
  })

  it('works with whatever single capability there is, and says who stands in', () => {
    const { name, definition, why } = chosen({ goal: 'g', inputs: [], capabilities: { zebra: 1, work: 3 } })
    assert.equal(name, 'parallel_research_then_write')
    assert.match(why, /nobody offers research, analysis, critique, writing: work does that work/)
    assert.deepEqual(checkWith(['work'])(definition), [])
  })

  it('says so when nothing can run', () => {
    const none = templateFor({ goal: 'g', inputs: [], capabilities: { research: 0 } }, () => [])
    assert.ok(!none.ok)
    assert.equal(none.failure.kind, 'unavailable')
    const refused = templateFor({ goal: 'g', inputs: [], capabilities: offered }, () => [
      { kind: 'invalid_input', message: 'no' },
    ])
    assert.ok(!refused.ok)
    assert.match(refused.failure.message, /no template passes the check/)
  })
})
