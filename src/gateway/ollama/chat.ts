/** POST /api/chat: https://docs.ollama.com/api/chat */
import { z } from 'zod'
import { ok, type Result } from '../../failure.ts'
import type { Message, ModelGateway, ToolCall } from '../../models/model-gateway.ts'
import type { Json } from '../../workflow/value.ts'
import { jsonResponse, modelNamed, notOffered, readAs } from '../dialect.ts'
import { type Answered, callModel, type Holder, type Question } from '../metered-call.ts'
import { streamAnswer } from '../stream-answer.ts'
import { errorText, ollamaError } from './errors.ts'
import { doneFields, formatField, formatOf, modelName, noImages, optionsField, optionsOf } from './request-parts.ts'

const anything = z.record(z.string(), z.json() as z.ZodType<Json>)

const body = z.looseObject({
  model: modelName,
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['system', 'user', 'assistant', 'tool']),
        content: z.string().nullish(),
        images: z.array(z.unknown()).nullish(),
        tool_calls: z
          .array(
            z.looseObject({
              id: z.string().optional(),
              function: z.looseObject({ name: z.string(), arguments: anything.nullish() }),
            }),
          )
          .nullish(),
        tool_name: z.string().nullish(),
        tool_call_id: z.string().nullish(),
      }),
    )
    .max(10_000)
    .nullish(),
  tools: z
    .array(
      z.looseObject({
        type: z.string().nullish(),
        function: z.looseObject({
          name: z.string().min(1).max(200),
          description: z.string().nullish(),
          parameters: anything.nullish(),
        }),
      }),
    )
    .max(1_000)
    .nullish(),
  format: formatField,
  options: optionsField,
  stream: z.boolean().nullish(),
})

export function chat(gateway: ModelGateway, now: () => number) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(body, sent)
    if (!read.ok) return ollamaError(read.failure)
    const { model } = read.value
    const head = () => ({ model, created_at: new Date(now()).toISOString() })
    // So clients have a model loaded beforehand; here models are loaded when they are asked.
    if ((read.value.messages ?? []).length === 0)
      return jsonResponse(200, {
        ...head(),
        message: { role: 'assistant', content: '' },
        done: true,
        done_reason: 'load',
      })
    const question = questionOf(read.value)
    if (!question.ok) return ollamaError(question.failure)
    const call = (until: AbortSignal, on_text: (text: string) => void) =>
      callModel(gateway, holder, question.value, { endpoint: '/api/chat', signal: until, on_text })

    if (read.value.stream === false) {
      const answer = await call(signal, () => {})
      if (!answer.ok) return ollamaError(answer.failure)
      const message = { role: 'assistant', content: answer.value.text, ...calledOf(answer.value) }
      return jsonResponse(200, { ...head(), message, ...doneFields(answer.value) })
    }
    const line = (value: object) => `${JSON.stringify({ ...head(), ...value })}\n`
    const said = (content: string, more: object = {}) => ({ message: { role: 'assistant', content, ...more } })
    return streamAnswer(
      call,
      signal,
      {
        type: 'application/x-ndjson',
        begin: () => '',
        piece: (text) => line({ ...said(text), done: false }),
        end: (answer) => {
          const called = answer.tool_calls.length > 0 ? line({ ...said('', calledOf(answer)), done: false }) : ''
          return called + line({ ...said(''), ...doneFields(answer) })
        },
        failed: (failure) => `${JSON.stringify({ error: errorText(failure) })}\n`,
      },
      ollamaError,
    )
  }
}

function questionOf(sent: z.output<typeof body>): Result<Question> {
  const messages: Message[] = []
  /** Calls that no tool has answered yet: Ollama's messages need not say which one they answer. */
  const open: ToolCall[] = []
  for (const [i, { role, content, images, tool_calls, tool_name, tool_call_id }] of (sent.messages ?? []).entries()) {
    if (images != null && images.length > 0) return noImages(`messages[${i}].images`)
    const message: Message = { role, content: content ?? '' }
    if (tool_calls != null && tool_calls.length > 0) {
      message.tool_calls = tool_calls.map(({ id, function: { name, arguments: given } }, k) => ({
        id: id ?? `call_${i}_${k}`,
        name,
        arguments: JSON.stringify(given ?? {}),
      }))
      open.push(...message.tool_calls)
    }
    if (role === 'tool') {
      const named = open.findIndex(({ id, name }) => (tool_call_id != null ? id === tool_call_id : name === tool_name))
      const [answered] = open.splice(Math.max(0, named), 1)
      message.tool_call_id = tool_call_id ?? answered?.id ?? `call_${i}`
    }
    messages.push(message)
  }
  const foreign = (sent.tools ?? []).findIndex(({ type }) => type != null && type !== 'function')
  if (foreign >= 0)
    return notOffered(`tools[${foreign}].type`, 'A tool that is no function', 'Use tools of type function.')
  const tools = (sent.tools ?? []).map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description != null && { description }),
    parameters: parameters ?? { type: 'object', properties: {} },
  }))
  return ok({
    model: modelNamed(sent.model),
    messages,
    ...optionsOf(sent.options),
    ...formatOf(sent.format),
    ...(tools.length > 0 && { tools }),
  })
}

const calledOf = ({ tool_calls }: Answered) =>
  tool_calls.length === 0
    ? {}
    : {
        tool_calls: tool_calls.map(({ id, name, arguments: text }) => ({
          id,
          function: { name, arguments: objectFrom(text) },
        })),
      }

/** Ollama's clients expect an object. What a model wrote that is none is handed over as text under one name. */
function objectFrom(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value
  } catch {
    // Said below.
  }
  return { arguments: text }
}
