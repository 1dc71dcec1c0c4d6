/**
 * From a goal to a definition by a model, or by a template when the caller asks for one.
 *
 * Who counts the tries is the reducer in `workflow/`; a call here is one try. The model fills in the plan form under
 * its grammar, the program expands it, the checker judges; what it finds goes back to the model with the next try.
 */
import type { Failure } from '../failure.ts'
import type { ModelGateway, ModelInfo } from '../models/model-gateway.ts'
import { type Definition, identifier } from '../workflow/definition.ts'
import type { Usage } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'
import { failedUse } from './failed-use.ts'
import { isSmall, planMessages } from './plan-prompt.ts'
import { type PlanVocabulary, planForm, planJsonSchema } from './plan-schema.ts'
import { planToDefinition } from './plan-to-definition.ts'
import type { Planner, PlanProposal, PlanRequest } from './planner.ts'
import { proposeDivision } from './propose-division.ts'
import { templateFor } from './templates.ts'

export type PlannerParts = {
  gateway: ModelGateway
  /** The definition checker with the fleet's agents and capabilities already given; an empty list is a pass. */
  check: (definition: Definition) => Failure[]
  /** Milliseconds; only differences are used. */
  now: () => number
  /** Names of stored definitions that a `run` stage may start; the grammar offers exactly these. */
  definitions?: () => string[]
}

/** Longest plan under the form's bounds, in the wordiest way the grammar allows white space. */
const MAX_PLAN_TOKENS = 1_600
/**
 * Low first; a repair has to get away from what was wrong. Small models begin higher: at 0.4 SmolLM2-135M wrote the same
 * task again and again (3 of 9 plans valid at once), at 0.7 it did not (9 of 9).
 */
const temperatures = { usual: [0.3, 0.6, 0.9], small: [0.7, 0.8, 0.9] }

export function openPlanner(parts: PlannerParts): Planner {
  return {
    propose: async (asked, signal) => {
      const started = parts.now()
      // What an expression cannot name no stage can read; the goal reaches every task anyway.
      const inputs = asked.inputs.filter(({ name }) => name !== 'goal' && identifier.safeParse(name).success)
      const request = { ...asked, inputs }
      const proposal = request.template ? fromTemplate(parts, request) : await fromModel(parts, request, signal)
      return { ...proposal, duration_ms: Math.max(0, parts.now() - started) }
    },
    divide: async (request, signal) => {
      const started = parts.now()
      const proposal = await proposeDivision(parts, await defaultModel(parts.gateway, signal), request, signal)
      return { ...proposal, duration_ms: Math.max(0, parts.now() - started) }
    },
  }
}

type Proposal = Omit<PlanProposal, 'duration_ms'>

const noUsage: Usage = { input_tokens: 0, output_tokens: 0, calls: 0 }

function fromTemplate(parts: PlannerParts, request: PlanRequest): Proposal {
  const chosen = templateFor(request, parts.check)
  const base = { source: 'template', analysis: null, model: null, usage: noUsage, raw: null } as const
  if (!chosen.ok)
    return {
      ...base,
      definition: null,
      problems: [...request.problems, chosen.failure.message],
      failure: chosen.failure,
    }
  const { definition, why, name } = chosen.value
  return { ...base, definition, problems: [...request.problems, why], raw: { template: name } }
}

async function fromModel(parts: PlannerParts, request: PlanRequest, signal: AbortSignal): Promise<Proposal> {
  const model = await defaultModel(parts.gateway, signal)
  const vocabulary = vocabularyOf(parts, request, model)
  const unasked = { source: 'model', definition: null, analysis: null, model: null, usage: noUsage, raw: null } as const
  const gone = (failure: Failure): Proposal => ({ ...unasked, problems: [failure.message], failure })
  if (vocabulary.capabilities.length === 0)
    return gone({
      kind: 'unavailable',
      message: 'no agent offers a capability, so nothing can be planned',
      remedy: 'Add an agent with at least one capability.',
    })

  const warmth = isSmall(model) ? temperatures.small : temperatures.usual
  const attempt = Math.max(1, Math.trunc(request.attempt))
  const answer = await parts.gateway.complete(
    {
      model: null,
      messages: planMessages(request, vocabulary, model),
      schema: planJsonSchema(vocabulary),
      temperature: warmth[Math.min(attempt, warmth.length) - 1] as number,
      seed: attempt,
      max_output_tokens: MAX_PLAN_TOKENS,
      caller: { run: request.run, task: null, agent: null, purpose: 'plan' },
    },
    { signal },
  )
  if (!answer.ok) {
    // A model that answered outside the form is a plan to be repaired; one that cannot be reached is a failure.
    if (answer.failure.kind !== 'output_invalid')
      return { ...gone(answer.failure), usage: failedUse(answer.failure.kind) }
    return {
      ...unasked,
      model: model?.id ?? null,
      usage: { input_tokens: null, output_tokens: null, calls: 1 },
      problems: [answer.failure.message],
    }
  }
  const { value } = answer
  const asked: Proposal = {
    ...unasked,
    model: value.model.startsWith(`${value.host}/`) ? value.model : `${value.host}/${value.model}`,
    usage: { input_tokens: value.input_tokens, output_tokens: value.output_tokens, calls: 1 },
    raw: value.json ?? value.text,
    problems: [],
  }
  if (value.finish === 'length')
    return { ...asked, problems: ['the plan was cut off at its length limit: use fewer stages and shorter sentences'] }
  return { ...asked, ...judged(parts, request, vocabulary, value.json ?? null) }
}

function judged(
  parts: PlannerParts,
  request: PlanRequest,
  vocabulary: PlanVocabulary,
  said: Json,
): Pick<Proposal, 'definition' | 'problems' | 'analysis'> {
  const form = planForm(vocabulary).safeParse(said)
  if (!form.success) {
    const problems = form.error.issues.map((issue) => `${issue.path.join('.') || 'the plan'}: ${issue.message}`)
    return { definition: null, analysis: null, problems }
  }
  const plan = form.data
  const { definition, repairs, problems } = planToDefinition(plan, { goal: request.goal, inputs: request.inputs })
  const analysis = definition.description ?? null
  const wrong = [...problems, ...(problems.length === 0 ? parts.check(definition).map(told) : [])]
  return wrong.length > 0
    ? { definition: null, analysis, problems: wrong }
    : { definition, analysis, problems: repairs }
}

const told = ({ field, message }: Failure): string => (field === undefined ? message : `${field}: ${message}`)

function vocabularyOf(parts: PlannerParts, request: PlanRequest, model: ModelInfo | null): PlanVocabulary {
  const capabilities = Object.entries(request.capabilities)
  return {
    capabilities: capabilities.flatMap(([capability, agents]) => (agents > 0 ? [capability] : [])).sort(),
    inputs: request.inputs.map(({ name }) => name),
    lists: request.inputs.flatMap(({ name, type }) => (type === 'list' ? [name] : [])),
    definitions: parts.definitions?.() ?? [],
    // A small model takes every kind that it is shown, fit or not; this one costs a plan of its own.
    divides: !isSmall(model),
  }
}

/** What is known of the model that will plan; null when nobody knows. Before the first call, hosts have to be asked. */
async function defaultModel(gateway: ModelGateway, signal: AbortSignal): Promise<ModelInfo | null> {
  const refresh = gateway.default_model().id === null
  const known = (await gateway.hosts({ refresh, signal })).flatMap(({ models }) => models)
  const { id } = gateway.default_model()
  return known.find((model) => model.id === id) ?? null
}
