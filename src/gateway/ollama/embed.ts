/** POST /api/embed, and /api/embeddings of old clients: https://docs.ollama.com/api/embed */
import { z } from 'zod'
import type { ModelGateway } from '../../models/model-gateway.ts'
import { jsonResponse, modelNamed, readAs } from '../dialect.ts'
import { callEmbedding, type Holder } from '../metered-call.ts'
import { ollamaError } from './errors.ts'
import { modelName } from './request-parts.ts'

const many = z.looseObject({
  model: modelName,
  input: z.union([z.string(), z.array(z.string()).max(2_048)]),
  dimensions: z.int().min(1).max(100_000).nullish(),
})

const one = z.looseObject({ model: modelName, prompt: z.string() })

export function embed(gateway: ModelGateway) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(many, sent)
    if (!read.ok) return ollamaError(read.failure)
    const { model, input, dimensions } = read.value
    const texts = typeof input === 'string' ? [input] : input
    if (texts.length === 0) return jsonResponse(200, { model, embeddings: [] })
    const question = { model: modelNamed(model), input: texts, ...(dimensions != null && { dimensions }) }
    const answer = await callEmbedding(gateway, holder, question, { endpoint: '/api/embed', signal })
    if (!answer.ok) return ollamaError(answer.failure)
    const { embeddings: vectors, input_tokens, estimated, duration_ms } = answer.value
    return jsonResponse(200, {
      model,
      embeddings: vectors,
      total_duration: Math.round(duration_ms * 1e6),
      load_duration: 0,
      prompt_eval_count: input_tokens,
      ...(estimated && { estimated }),
    })
  }
}

export function embeddings(gateway: ModelGateway) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(one, sent)
    if (!read.ok) return ollamaError(read.failure)
    const question = { model: modelNamed(read.value.model), input: [read.value.prompt] }
    const answer = await callEmbedding(gateway, holder, question, { endpoint: '/api/embeddings', signal })
    if (!answer.ok) return ollamaError(answer.failure)
    return jsonResponse(200, { embedding: answer.value.embeddings[0] ?? [] })
  }
}
