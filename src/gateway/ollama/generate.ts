/** POST /api/generate: https://docs.ollama.com/api/generate. Asked as a chat of one message. */
import { z } from 'zod'
import type { Message, ModelGateway } from '../../models/model-gateway.ts'
import { jsonResponse, modelNamed, notOffered, readAs } from '../dialect.ts'
import { callModel, type Holder, type Question } from '../metered-call.ts'
import { streamAnswer } from '../stream-answer.ts'
import { errorText, ollamaError } from './errors.ts'
import { doneFields, formatField, formatOf, modelName, noImages, optionsField, optionsOf } from './request-parts.ts'

const body = z.looseObject({
  model: modelName,
  prompt: z.string().nullish(),
  system: z.string().nullish(),
  suffix: z.string().nullish(),
  template: z.string().nullish(),
  raw: z.boolean().nullish(),
  context: z.array(z.unknown()).nullish(),
  images: z.array(z.unknown()).nullish(),
  format: formatField,
  options: optionsField,
  stream: z.boolean().nullish(),
})

export function generate(gateway: ModelGateway, now: () => number) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(body, sent)
    if (!read.ok) return ollamaError(read.failure)
    const { model, prompt, system, images, options, format, stream } = read.value
    const head = () => ({ model, created_at: new Date(now()).toISOString() })
    if (images != null && images.length > 0) return refuse(noImages('images'))
    for (const field of ['suffix', 'template'] as const) {
      if (read.value[field]) return refuse(notOffered(field, 'A template of one’s own', 'Send prompt and system only.'))
    }
    if (read.value.raw === true) return refuse(notOffered('raw', 'A prompt without template', 'Leave it out.'))
    if ((read.value.context ?? []).length > 0)
      return refuse(notOffered('context', 'A context that goes on', 'Use /api/chat with all messages.'))
    if (!prompt) return jsonResponse(200, { ...head(), response: '', done: true, done_reason: 'load' })
    const messages: Message[] = [
      ...(system ? [{ role: 'system' as const, content: system }] : []),
      { role: 'user', content: prompt },
    ]
    const question: Question = { model: modelNamed(model), messages, ...optionsOf(options), ...formatOf(format) }
    const call = (until: AbortSignal, on_text: (text: string) => void) =>
      callModel(gateway, holder, question, { endpoint: '/api/generate', signal: until, on_text })

    if (stream === false) {
      const answer = await call(signal, () => {})
      if (!answer.ok) return ollamaError(answer.failure)
      return jsonResponse(200, { ...head(), response: answer.value.text, ...doneFields(answer.value) })
    }
    const line = (value: object) => `${JSON.stringify({ ...head(), ...value })}\n`
    return streamAnswer(
      call,
      signal,
      {
        type: 'application/x-ndjson',
        begin: () => '',
        piece: (text) => line({ response: text, done: false }),
        end: (answer) => line({ response: '', ...doneFields(answer) }),
        failed: (failure) => `${JSON.stringify({ error: errorText(failure) })}\n`,
      },
      ollamaError,
    )
  }
}

const refuse = (refusal: ReturnType<typeof notOffered>): Response =>
  refusal.ok ? ollamaError({ kind: 'internal', message: 'a refusal without a reason' }) : ollamaError(refusal.failure)
