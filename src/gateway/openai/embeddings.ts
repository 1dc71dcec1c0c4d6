/** POST /v1/embeddings: https://platform.openai.com/docs/api-reference/embeddings/create */
import { z } from 'zod'
import type { ModelGateway } from '../../models/model-gateway.ts'
import { jsonResponse, modelNamed, readAs } from '../dialect.ts'
import { callEmbedding, type Holder } from '../metered-call.ts'
import { openAiError } from './errors.ts'
import { modelName } from './request-parts.ts'

const body = z.looseObject({
  model: modelName,
  input: z.union([z.string(), z.array(z.string()).min(1).max(2_048)], {
    error: 'a text, or a list of 1 to 2048 texts; lists of tokens are not understood',
  }),
  dimensions: z.int().min(1).max(100_000).nullish(),
  encoding_format: z.enum(['float', 'base64']).nullish(),
})

export function embeddings(gateway: ModelGateway) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(body, sent)
    if (!read.ok) return openAiError(read.failure)
    const { model, input, dimensions, encoding_format } = read.value
    const answer = await callEmbedding(
      gateway,
      holder,
      {
        model: modelNamed(model),
        input: typeof input === 'string' ? [input] : input,
        ...(dimensions != null && { dimensions }),
      },
      { endpoint: '/v1/embeddings', signal },
    )
    if (!answer.ok) return openAiError(answer.failure)
    const { input_tokens, estimated } = answer.value
    const written = (vector: number[]) =>
      encoding_format === 'base64' ? Buffer.from(new Float32Array(vector).buffer).toString('base64') : vector
    return jsonResponse(200, {
      object: 'list',
      model: answer.value.model,
      data: answer.value.embeddings.map((vector, index) => ({
        object: 'embedding',
        index,
        embedding: written(vector),
      })),
      usage: { prompt_tokens: input_tokens, total_tokens: input_tokens, ...(estimated && { estimated }) },
    })
  }
}
