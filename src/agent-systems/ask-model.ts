/** One task, one answer of a model, by way of the gateway. What the three model adapters have in common. */
import { z } from 'zod'
import { honourSchema } from '../agents/honour-schema.ts'
import { fail, ok, type Result } from '../failure.ts'
import type { ModelGateway, ModelProgress } from '../models/model-gateway.ts'
import type { AgentTask, Health, PerformContext, Performed, Progress } from './agent-system.ts'
import { interrupted } from './interrupted.ts'
import { defaultPromptLimits, type PromptLimits, promptOf } from './prompt.ts'

/** Settings of every agent that is a model. */
export const samplingSettings = {
  temperature: z
    .number()
    .min(0)
    .max(2)
    .optional()
    .meta({ description: '0 = always the likeliest token; the host decides when absent' }),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .optional(),
}
export type Sampling = { temperature?: number | undefined; seed?: number | undefined }

/** Output tokens to leave room for when nobody says how many. */
const USUAL_OUTPUT = 1_024
/** Role, rules, marks and the template of a chat. */
const FRAME_TOKENS = 400
/** Characters of a token, on the low side: a prompt that is cut a little too short works, one that is too long does not. */
const CHARACTERS_PER_TOKEN = 2.8

/** What fits the context of a model; the usual limits where a host does not say how long it is. */
function limitsFor(context_tokens: number | null, max_output_tokens: number | null): PromptLimits {
  if (context_tokens === null) return defaultPromptLimits
  const left = context_tokens - Math.min(max_output_tokens ?? USUAL_OUTPUT, context_tokens / 2) - FRAME_TOKENS
  const characters = Math.max(1_000, Math.floor(left * CHARACTERS_PER_TOKEN))
  return {
    // Goal, task and standing instructions may take a quarter; most are far shorter.
    input: Math.min(defaultPromptLimits.input, Math.floor(characters * 0.75)),
    instructions: Math.min(defaultPromptLimits.instructions, Math.floor(characters * 0.25)),
  }
}

async function contextOf(gateway: ModelGateway, model: string | null): Promise<number | null> {
  const wanted = model ?? gateway.default_model().id
  if (wanted === null) return null
  for (const host of await gateway.hosts())
    for (const one of host.models) if (one.id === wanted || one.model === wanted) return one.context_length
  return null
}

async function digestOf(gateway: ModelGateway, id: string): Promise<string | null> {
  for (const host of await gateway.hosts()) for (const one of host.models) if (one.id === id) return one.digest
  return null
}

/** @param model `host/model`, or null for the manager's own model. */
export async function askModel(
  gateway: ModelGateway,
  model: string | null,
  sampling: Sampling,
  task: AgentTask,
  context: PerformContext,
): Promise<Result<Performed>> {
  if (context.signal.aborted) return interrupted(context.signal)
  const messages = promptOf(task, limitsFor(await contextOf(gateway, model), task.max_output_tokens))
  const complete = context.complete ?? gateway.complete
  const answered = await complete(
    {
      model,
      messages,
      schema: task.output_schema ?? undefined,
      ...(sampling.temperature !== undefined && { temperature: sampling.temperature }),
      ...(sampling.seed !== undefined && { seed: sampling.seed }),
      max_output_tokens: task.max_output_tokens ?? undefined,
      caller: { run: task.run, task: task.task, agent: null, purpose: 'task' },
    },
    { signal: context.signal, progress: (progress) => context.progress(progressOf(progress)) },
  )
  // The gateway says `cancelled` for every abort; whether it was a time limit is written in the signal.
  if (context.signal.aborted) return interrupted(context.signal)
  if (!answered.ok) return answered
  const { text, json, host, model: name, input_tokens, output_tokens, finish, queued_ms, load_ms } = answered.value
  if (task.output_schema !== null && json === undefined) {
    const why = finish === 'length' ? 'it reached its limit of output tokens' : 'it answered with text'
    return fail('output_invalid', `${name} gave no JSON: ${why}`, {
      remedy: 'raise max_output_tokens, or use a larger model',
    })
  }
  const digest = await digestOf(gateway, `${host}/${name}`)
  // Small models like to repeat the marks around the data; they are ours and belong to no answer.
  const output =
    task.output_schema === null
      ? ok(text.replaceAll(/<\/?data-[0-9a-f]{8}(?: name="[^"\n]*")?>\n?/g, '').trim())
      : honourSchema(task.output_schema, json ?? null)
  if (!output.ok) return output
  return ok({
    output: output.value,
    usage: { input_tokens, output_tokens, calls: 1 },
    model: `${host}/${name}`,
    ...(digest !== null && { model_digest: digest }),
    prompt: messages,
    model_queued_ms: Math.round(queued_ms),
    ...(load_ms !== null && { load_ms: Math.round(load_ms) }),
  })
}

const progressOf = ({ kind, tokens, text }: ModelProgress): Progress =>
  kind === 'queued'
    ? { kind, text: text ?? 'waits for a place at the model' }
    : { kind, ...(tokens !== undefined && { tokens }), ...(text !== undefined && { text }) }

/**
 * Whether a host answers and has the model.
 * @param host null = any host will do.  @param model Name on the host or `host/model`; null = any model will do.
 */
export async function checkModel(
  gateway: ModelGateway,
  host: string | null,
  model: string | null,
  signal: AbortSignal,
): Promise<Health> {
  const known = await gateway.hosts({ refresh: true, signal })
  const eligible = known.filter(({ name }) => host === null || name === host)
  if (eligible.length === 0) {
    return {
      ok: false,
      detail: `no model host ${host ?? ''} is known; known: ${known.map((h) => h.name).join(', ') || 'none'}`,
    }
  }
  const answering = eligible.filter((h) => h.ok)
  const [first] = answering
  if (!first) return { ok: false, detail: eligible.map((h) => `${h.name}: ${h.detail}`).join('; ') }
  const models = answering.flatMap((h) => h.models)
  const names = models.map((info) => info.model)
  if (models.length === 0) return { ok: false, detail: `${first.name} has no models` }
  if (model !== null && !models.some((info) => info.id === model || info.model === model)) {
    return { ok: false, detail: `${answering.map((h) => h.name).join(', ')}: no model ${model}`, models: names }
  }
  return { ok: true, detail: first.detail, models: names }
}
