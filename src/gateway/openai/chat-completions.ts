/** POST /v1/chat/completions: https://platform.openai.com/docs/api-reference/chat/create */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { ok, type Result } from '../../failure.ts'
import type { Message, ModelGateway } from '../../models/model-gateway.ts'
import { jsonResponse, modelNamed, notOffered, readAs } from '../dialect.ts'
import { type Answered, callModel, type Holder, type Question } from '../metered-call.ts'
import { samplingOf } from '../sampling.ts'
import { streamAnswer } from '../stream-answer.ts'
import { errorBody, openAiError } from './errors.ts'
import {
  contentField,
  modelName,
  outputLimit,
  samplingFields,
  schemaObject,
  textOf,
  toolFunction,
  toolOf,
} from './request-parts.ts'

const toolCall = z.looseObject({
  id: z.string().min(1).max(200),
  function: z.looseObject({ name: z.string().min(1).max(200), arguments: z.string() }),
})

const body = z.looseObject({
  model: modelName,
  messages: z
    .array(
      z.looseObject({
        role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
        content: contentField,
        tool_calls: z.array(toolCall).max(200).nullish(),
        tool_call_id: z.string().max(200).nullish(),
      }),
    )
    .min(1)
    .max(10_000),
  ...samplingFields,
  max_tokens: outputLimit,
  max_completion_tokens: outputLimit,
  n: z.int().min(1).max(128).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  tools: z
    .array(z.looseObject({ type: z.string(), function: toolFunction.optional() }))
    .max(1_000)
    .nullish(),
  tool_choice: z
    .union([
      z.enum(['auto', 'none', 'required']),
      z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string() }) }),
    ])
    .nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object') }),
      z.looseObject({ type: z.literal('json_schema'), json_schema: z.looseObject({ schema: schemaObject }) }),
    ])
    .nullish(),
  logprobs: z.boolean().nullish(),
})
type Body = z.output<typeof body>

export function chatCompletions(gateway: ModelGateway, now: () => number) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(body, sent)
    if (!read.ok) return openAiError(read.failure)
    const question = questionOf(read.value)
    if (!question.ok) return openAiError(question.failure)
    const head = { id: `chatcmpl-${randomUUID()}`, created: Math.floor(now() / 1000) }
    const call = (until: AbortSignal, on_text: (text: string) => void) =>
      callModel(gateway, holder, question.value, { endpoint: '/v1/chat/completions', signal: until, on_text })

    if (read.value.stream === true) {
      const with_usage = read.value.stream_options?.include_usage === true
      const asked = read.value.model
      return streamAnswer(call, signal, chunks({ ...head, model: asked }, with_usage), openAiError)
    }
    const answer = await call(signal, () => {})
    return answer.ok ? jsonResponse(200, completion(head, answer.value)) : openAiError(answer.failure)
  }
}

function questionOf(sent: Body): Result<Question> {
  if (sent.n != null && sent.n !== 1) return notOffered('n', 'More than one answer', 'Ask once for each.')
  if (sent.logprobs === true) return notOffered('logprobs', 'The probability of tokens', 'Leave it out.')
  const messages: Message[] = []
  for (const [i, { role, content, tool_calls, tool_call_id }] of sent.messages.entries()) {
    const text = textOf(content, `messages[${i}].content`)
    if (!text.ok) return text
    messages.push({
      role: role === 'developer' ? 'system' : role,
      content: text.value,
      ...(tool_calls != null &&
        tool_calls.length > 0 && {
          tool_calls: tool_calls.map(({ id, function: { name, arguments: given } }) => ({
            id,
            name,
            arguments: given,
          })),
        }),
      ...(tool_call_id != null && { tool_call_id }),
    })
  }
  const foreign = (sent.tools ?? []).findIndex(({ type, function: it }) => type !== 'function' || it === undefined)
  if (foreign >= 0)
    return notOffered(`tools[${foreign}].type`, 'A tool that is no function', 'Use tools of type function.')
  const tools = (sent.tools ?? []).flatMap((tool) => (tool.function === undefined ? [] : [toolOf(tool.function)]))
  const choice = sent.tool_choice
  const format = sent.response_format
  const max = sent.max_completion_tokens ?? sent.max_tokens
  return ok({
    model: modelNamed(sent.model),
    messages,
    ...samplingOf(sent),
    ...(tools.length > 0 && { tools }),
    ...(choice != null && { tool_choice: typeof choice === 'string' ? choice : { name: choice.function.name } }),
    ...(format?.type === 'json_schema' && { schema: format.json_schema.schema }),
    ...(format?.type === 'json_object' && { schema: { type: 'object' } }),
    ...(max != null && { max_output_tokens: max }),
  })
}

type Head = { id: string; created: number }

const usageOf = ({ input_tokens, output_tokens, estimated }: Answered) => ({
  prompt_tokens: input_tokens,
  completion_tokens: output_tokens,
  total_tokens: input_tokens + output_tokens,
  ...(estimated && { estimated }),
})

/** Said in a field of its own, so that clients take the answer as one that reached its length. */
const budgetOf = ({ budget }: Answered) => (budget === null ? {} : { budget: { exhausted: true, message: budget } })

const finishOf = ({ finish }: Answered) => (finish === 'other' ? 'stop' : finish)

const toolCallsOf = ({ tool_calls }: Answered) =>
  tool_calls.map(({ id, name, arguments: text }) => ({
    id,
    type: 'function' as const,
    function: { name, arguments: text },
  }))

function completion(head: Head, answer: Answered) {
  const tool_calls = toolCallsOf(answer)
  return {
    ...head,
    object: 'chat.completion',
    model: answer.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: tool_calls.length > 0 && answer.text === '' ? null : answer.text,
          refusal: null,
          ...(tool_calls.length > 0 && { tool_calls }),
        },
        logprobs: null,
        finish_reason: finishOf(answer),
      },
    ],
    usage: usageOf(answer),
    ...budgetOf(answer),
  }
}

/** Server-sent events of `chat.completion.chunk`s. Tool calls come whole, in one chunk: clients put parts together anyway. */
function chunks(head: Head & { model: string }, with_usage: boolean) {
  const line = (value: object) => `data: ${JSON.stringify(value)}\n\n`
  const chunk = (delta: object, finish_reason: string | null = null, more: object = {}) =>
    line({
      ...head,
      object: 'chat.completion.chunk',
      choices: [{ index: 0, delta, logprobs: null, finish_reason }],
      ...(with_usage && { usage: null }),
      ...more,
    })
  return {
    type: 'text/event-stream; charset=utf-8' as const,
    begin: () => chunk({ role: 'assistant', content: '', refusal: null }),
    piece: (content: string) => chunk({ content }),
    end: (answer: Answered) => {
      const calls = toolCallsOf(answer).map((call, index) => ({ index, ...call }))
      const called = calls.length > 0 ? chunk({ tool_calls: calls }) : ''
      const usage = with_usage
        ? line({ ...head, object: 'chat.completion.chunk', choices: [], usage: usageOf(answer) })
        : ''
      return `${called}${chunk({}, finishOf(answer), budgetOf(answer))}${usage}data: [DONE]\n\n`
    },
    failed: (failure: Parameters<typeof errorBody>[0]) => line(errorBody(failure)),
  }
}
