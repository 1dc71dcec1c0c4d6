/**
 * How a task can be done in parts, by a model. There is no template for it: without a model the answer is that it cannot
 * be divided. Who counts the tries, and refuses a plan that is no smaller than its task, is `workflow/decomposition/decompose.ts`.
 */
import type { Failure } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import { MOST_PLAN_TOKENS } from '../workflow/decomposition/steps.ts'
import { type Definition, identifier } from '../workflow/definition.ts'
import type { Usage } from '../workflow/event.ts'
import { type Division, type DivisionVocabulary, divisionForm, divisionJsonSchema } from './division-form.ts'
import { divisionMessages, exampleParts } from './division-prompt.ts'
import { divisionToDefinition, partsOf } from './division-to-definition.ts'
import { failedUse } from './failed-use.ts'
import { isSmall, type KnownModel } from './plan-prompt.ts'
import type { DivisionProposal, DivisionRequest } from './planner.ts'

type Proposal = Omit<DivisionProposal, 'duration_ms'>

const noUsage: Usage = { input_tokens: 0, output_tokens: 0, calls: 0 }
const nothingSaid: Pick<Proposal, 'logic' | 'parts' | 'definition' | 'analysis' | 'model' | 'raw'> = {
  logic: null,
  parts: [],
  definition: null,
  analysis: null,
  model: null,
  raw: null,
}

/** Low first; a repair has to get away from what was wrong. Small models begin higher (propose-plan.ts). */
const temperatures = { usual: [0.3, 0.6, 0.9], small: [0.7, 0.8, 0.9] }

export async function proposeDivision(
  parts: { gateway: ModelGateway; check: (definition: Definition) => Failure[] },
  model: KnownModel,
  asked: DivisionRequest,
  signal: AbortSignal,
): Promise<Proposal> {
  // `goal` is what the run of the parts is for; what an expression cannot name no stage can read.
  const inputs = asked.inputs.filter(({ name }) => name !== 'goal' && identifier.safeParse(name).success)
  const request = { ...asked, inputs }
  const vocabulary: DivisionVocabulary = {
    capabilities: Object.entries(request.capabilities)
      .flatMap(([capability, agents]) => (agents > 0 ? [capability] : []))
      .sort(),
    inputs: inputs.map(({ name }) => name),
  }
  const gone = (failure: Failure, usage = noUsage): Proposal => ({
    ...nothingSaid,
    usage,
    problems: [failure.message],
    failure,
  })
  if (vocabulary.capabilities.length === 0)
    return gone({ kind: 'unavailable', message: 'no agent offers a capability, so no part could be given to any' })
  const warmth = isSmall(model) ? temperatures.small : temperatures.usual
  const attempt = Math.max(1, Math.trunc(request.attempt))
  const answer = await parts.gateway.complete(
    {
      model: null,
      messages: divisionMessages(request, vocabulary, model),
      schema: divisionJsonSchema(vocabulary, request.breadth),
      temperature: warmth[Math.min(attempt, warmth.length) - 1] as number,
      seed: attempt,
      max_output_tokens: Math.min(MOST_PLAN_TOKENS, request.max_output_tokens ?? MOST_PLAN_TOKENS),
      caller: { run: request.run, task: request.task, agent: null, purpose: 'plan' },
    },
    { signal },
  )
  if (!answer.ok) return gone(answer.failure, failedUse(answer.failure.kind))
  const { value } = answer
  const said: Proposal = {
    ...nothingSaid,
    model: value.model.startsWith(`${value.host}/`) ? value.model : `${value.host}/${value.model}`,
    usage: { input_tokens: value.input_tokens, output_tokens: value.output_tokens, calls: 1 },
    raw: value.json ?? value.text,
    problems: [],
  }
  if (value.finish === 'length')
    return { ...said, problems: ['the answer was cut off at its length limit: use fewer parts and shorter sentences'] }
  const form = divisionForm(vocabulary, null).safeParse(value.json ?? null)
  if (!form.success)
    return {
      ...said,
      problems: form.error.issues.map((issue) => `${issue.path.join('.') || 'the answer'}: ${issue.message}`),
    }
  const division = form.data as Division
  const divided = partsOf(division)
  const told = { ...said, logic: division.logic, analysis: division.analysis, parts: divided.map(named) }
  if (divided.some(({ does }) => exampleParts.includes(does)))
    return { ...told, problems: ['a part repeats the example: say what has to be done for this task'] }
  // Too many, or too few, is for the run to refuse: it knows the caps. Nothing is stored then.
  if (divided.length < 2 || divided.length > request.breadth) return told
  const definition = divisionToDefinition(division, divided, request)
  const wrong = parts.check(definition)
  return wrong.length === 0
    ? { ...told, definition }
    : { ...told, problems: wrong.map(({ field, message }) => (field === undefined ? message : `${field}: ${message}`)) }
}

const named = ({ capability, does }: { capability: string; does: string }): { capability: string; does: string } => ({
  capability,
  does,
})
