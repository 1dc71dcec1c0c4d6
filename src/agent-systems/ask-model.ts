/** One task, one answer of a model, by way of the gateway. What the three model adapters have in common. */
import { z } from 'zod'
import { honourSchema } from '../agents/honour-schema.ts'
import { fail, ok, type Result } from '../failure.ts'
import type { ModelGateway, ModelProgress } from '../models/model-gateway.ts'
import type { AgentTask, Health, PerformContext, Performed, Progress } from './agent-system.ts'
import { interrupted } from './interrupted.ts'
import { promptOf } from './prompt.ts'

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

/** @param model `host/model`, or null for the manager's own model. */
export async function askModel(
  gateway: ModelGateway,
  model: string | null,
  sampling: Sampling,
  task: AgentTask,
  context: PerformContext,
): Promise<Result<Performed>> {
  if (context.signal.aborted) return interrupted(context.signal)
  const messages = promptOf(task)
  const answered = await gateway.complete(
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
  const { text, json, host, model: name, input_tokens, output_tokens, finish } = answered.value
  if (task.output_schema !== null && json === undefined) {
    const why = finish === 'length' ? 'it reached its limit of output tokens' : 'it answered with text'
    return fail('output_invalid', `${name} gave no JSON: ${why}`, {
      remedy: 'raise max_output_tokens, or use a larger model',
    })
  }
  const output = task.output_schema === null ? ok(text) : honourSchema(task.output_schema, json ?? null)
  if (!output.ok) return output
  return ok({
    output: output.value,
    usage: { input_tokens, output_tokens, calls: 1 },
    model: `${host}/${name}`,
    prompt: messages,
  })
}

const progressOf = ({ kind, tokens, text }: ModelProgress): Progress =>
  kind === 'queued'
    ? { kind: 'note', text: text ?? 'waits for a place at the model' }
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
