import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { ModelAnswer, ModelGateway, ModelInfo, ModelRequest } from '../models/model-gateway.ts'
import { checkDefinition } from '../workflow/check-definition/check-definition.ts'
import type { Definition } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { planExample } from './plan-example.ts'
import type { PlanRequest } from './planner.ts'
import { openPlanner } from './propose-plan.ts'

const offered = { analysis: 1, comparison: 1, critique: 2, research: 1, synthesis: 1, writing: 1, retired: 0 }
const sound = {
  ...planExample.plan,
  start: [
    { capability: 'research', does: 'Collect what is known.' },
    { capability: 'analysis', does: 'Find the causes.' },
  ],
}
const request: PlanRequest = {
  run: 'run_1',
  goal: 'Find the best way',
  inputs: [],
  problems: [],
  attempt: 1,
  template: false,
  capabilities: offered,
}
const info: ModelInfo = {
  id: 'there/model',
  host: 'there',
  model: 'model',
  default: true,
  loaded: true,
  size_bytes: null,
  digest: null,
  licence: null,
  context_length: null,
}

/** Stands in for the models: says what it is told to say, and keeps what it was asked. */
function gatewayThat(says: Result<Json>, more: { finish?: 'stop' | 'length'; model?: Partial<ModelInfo> } = {}) {
  const asked: ModelRequest[] = []
  const gateway: ModelGateway = {
    async complete(question) {
      asked.push(question)
      if (!says.ok) return says
      const answer: ModelAnswer = {
        text: JSON.stringify(says.value),
        json: says.value,
        model: 'model',
        host: 'there',
        input_tokens: 600,
        output_tokens: 200,
        finish: more.finish ?? 'stop',
        queued_ms: 0,
        load_ms: null,
        first_token_ms: 1,
        duration_ms: 2,
      }
      return ok(answer)
    },
    async hosts() {
      const models = [{ ...info, ...more.model }]
      return [{ name: 'there', kind: 'ollama', address: '', ok: true, detail: '', models, in_flight: 0, queued: 0 }]
    },
    default_model: () => ({ id: info.id }),
    async close() {},
  }
  return { gateway, asked }
}

const check = (definition: Definition): Failure[] => {
  const capabilities = Object.keys(offered).filter((name) => name !== 'retired')
  const checked = checkDefinition(definition, { capabilities })
  return checked.ok ? [] : checked.problems
}

function propose(says: Result<Json>, change: Partial<PlanRequest> = {}, more: Parameters<typeof gatewayThat>[1] = {}) {
  const { gateway, asked } = gatewayThat(says, more)
  let clock = 0
  const planner = openPlanner({ gateway, check, now: () => (clock += 5), definitions: () => ['creative'] })
  return planner
    .propose({ ...request, ...change }, AbortSignal.timeout(10_000))
    .then((proposal) => ({ proposal, asked }))
}

describe('proposing a plan', () => {
  it('makes a checked definition of a sound plan, and says what it cost', async () => {
    const { proposal, asked } = await propose(ok(sound))
    assert.equal(proposal.definition?.goal, request.goal)
    assert.deepEqual(proposal.problems, [])
    assert.equal(proposal.source, 'model')
    assert.equal(proposal.model, 'there/model')
    assert.deepEqual(proposal.usage, { input_tokens: 600, output_tokens: 200, calls: 1 })
    assert.equal(proposal.duration_ms, 5)
    assert.deepEqual(proposal.raw, sound)
    assert.equal(asked[0]?.caller.purpose, 'plan')
  })

  it('asks under the grammar, with only the capabilities that somebody offers', async () => {
    const { asked } = await propose(ok(sound))
    const told = JSON.stringify(asked[0])
    assert.ok(
      JSON.stringify(asked[0]?.schema).includes(
        '"enum":["analysis","comparison","critique","research","synthesis","writing"]',
      ),
    )
    assert.ok(!told.includes('retired'))
  })

  it('tells the model what was wrong, at another temperature', async () => {
    const first = await propose(ok(sound))
    const second = await propose(ok(sound), { attempt: 2, problems: ['step_2: no agent can do that'] })
    assert.match(second.asked[0]?.messages.at(-1)?.content ?? '', /no agent can do that/)
    assert.ok((second.asked[0]?.temperature ?? 0) > (first.asked[0]?.temperature ?? 1))
  })

  it('describes the capabilities to a model that can use the words, and only names them to a small one', async () => {
    const large = await propose(ok(sound))
    const small = await propose(ok(sound), {}, { model: { size_bytes: 100_000_000 } })
    const prompt = ({ asked }: typeof large) => asked[0]?.messages[0]?.content ?? ''
    assert.match(prompt(large), /- critique: \w+/)
    assert.match(prompt(small), /analysis, comparison, critique/)
  })

  it('offers a large model to mark a task as too large; it is divided without being tried', async () => {
    const plan = { ...sound, stages: [{ kind: 'divide', capability: 'writing', does: 'Write the whole book' }] }
    const large = await propose(ok(plan))
    const [, stage] = large.proposal.definition?.stages ?? []
    assert.ok(stage?.kind === 'tasks')
    assert.deepEqual(stage.tasks[0]?.decompose, { too_large: true })
    const small = await propose(ok(plan), {}, { model: { size_bytes: 100_000_000 } })
    assert.equal(small.proposal.definition, null)
    assert.ok(!JSON.stringify(small.asked[0]).includes('divide'))
  })

  it('cuts the middle of a goal that the context cannot hold', async () => {
    const goal = `begin ${'x'.repeat(15_000)} end`
    const { asked, proposal } = await propose(ok(sound), { goal }, { model: { context_length: 4096 } })
    const shown = asked[0]?.messages.at(-1)?.content ?? ''
    assert.ok(shown.length < 10_000)
    assert.match(shown, /begin x+ \[…\] x+ end/)
    assert.ok(proposal.definition?.goal === goal, 'the definition keeps all of it')
  })

  it('names what is wrong with a plan outside the form', async () => {
    const { proposal } = await propose(ok({ ...sound, start: sound.start.slice(0, 1) }))
    assert.equal(proposal.definition, null)
    assert.equal(proposal.failure, undefined)
    assert.match(proposal.problems[0] ?? '', /^start: /)
  })

  it('takes a cut-off or unreadable answer as a plan to be repaired, not as a failure', async () => {
    const cut = await propose(ok(sound), {}, { finish: 'length' })
    assert.match(cut.proposal.problems[0] ?? '', /cut off/)
    const broken = await propose(fail('output_invalid', 'The answer is not JSON.'))
    assert.deepEqual(broken.proposal.problems, ['The answer is not JSON.'])
    for (const { proposal } of [cut, broken]) {
      assert.equal(proposal.failure, undefined)
      assert.equal(proposal.definition, null)
      assert.equal(proposal.usage.calls, 1)
    }
  })

  it('hands on the failure when no model can be had', async () => {
    for (const kind of ['model_missing', 'unavailable', 'timeout', 'cancelled'] as const) {
      const { proposal } = await propose(fail(kind, 'no model'))
      assert.equal(proposal.failure?.kind, kind)
      assert.equal(proposal.definition, null)
      // Of one that broke in the middle nobody knows what it used.
      const begun = kind === 'timeout' || kind === 'cancelled'
      assert.deepEqual([proposal.usage.calls, proposal.usage.input_tokens], begun ? [1, null] : [0, 0])
    }
  })

  it('says so when nobody offers anything', async () => {
    const { proposal, asked } = await propose(ok(sound), { capabilities: {} })
    assert.equal(proposal.failure?.kind, 'unavailable')
    assert.equal(asked.length, 0)
  })

  it('leaves out inputs that no expression could name', async () => {
    const start = sound.start.map((task) => ({ ...task, reads: 'all' }))
    const inputs = ['report', 'my-file', 'goal'].map((name) => ({ name, type: 'text', bytes: 3 }))
    const { proposal } = await propose(ok({ ...sound, start }), { inputs })
    assert.deepEqual(Object.keys(proposal.definition?.inputs ?? {}), ['report'])
  })

  it('takes a template when it is told to, without asking a model, and says why', async () => {
    const { proposal, asked } = await propose(fail('unavailable', 'never asked'), {
      template: true,
      problems: ['no model'],
    })
    assert.equal(asked.length, 0)
    assert.equal(proposal.source, 'template')
    assert.equal(proposal.definition?.name, 'parallel_research_then_write')
    assert.equal(proposal.problems[0], 'no model')
    assert.match(proposal.problems[1] ?? '', /template parallel_research_then_write/)
    assert.deepEqual(proposal.usage, { input_tokens: 0, output_tokens: 0, calls: 0 })
  })
})
