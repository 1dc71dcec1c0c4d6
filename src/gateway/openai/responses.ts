/**
 * POST /v1/responses: https://platform.openai.com/docs/api-reference/responses/create
 * Nothing is kept between requests: `store` is taken as false, and `previous_response_id` and `conversation` are refused.
 */
import type { z } from 'zod'
import { fail, ok, type Result } from '../../failure.ts'
import type { Message, ModelGateway } from '../../models/model-gateway.ts'
import { jsonResponse, modelNamed, notOffered, readAs } from '../dialect.ts'
import { callModel, type Holder, type Question } from '../metered-call.ts'
import { samplingOf } from '../sampling.ts'
import { streamAnswer } from '../stream-answer.ts'
import { openAiError } from './errors.ts'
import { textOf, toolFunction, toolOf } from './request-parts.ts'
import { newHead, responseEvents, responseObject } from './response-object.ts'
import { type ResponsesBody, type responseItem, responsesBody } from './responses-request.ts'

export function responses(gateway: ModelGateway, now: () => number) {
  return async (sent: unknown, signal: AbortSignal, holder: Holder): Promise<Response> => {
    const read = readAs(responsesBody, sent)
    if (!read.ok) return openAiError(read.failure)
    const question = questionOf(read.value)
    if (!question.ok) return openAiError(question.failure)
    const head = newHead(read.value, now())
    const call = (until: AbortSignal, on_text: (piece: string) => void) =>
      callModel(gateway, holder, question.value, { endpoint: '/v1/responses', signal: until, on_text })
    if (read.value.stream === true) return streamAnswer(call, signal, responseEvents(head), openAiError)
    const answer = await call(signal, () => {})
    return answer.ok ? jsonResponse(200, responseObject(head, answer.value)) : openAiError(answer.failure)
  }
}

function questionOf(sent: ResponsesBody): Result<Question> {
  for (const field of ['previous_response_id', 'conversation'] as const)
    if (sent[field] != null) return notOffered(field, 'A conversation that is kept', 'Send all of it as input.')
  if (sent.background === true) return notOffered('background', 'An answer to be fetched later', 'Wait, or stream it.')
  const messages: Message[] = sent.instructions ? [{ role: 'system', content: sent.instructions }] : []
  if (typeof sent.input === 'string') messages.push({ role: 'user', content: sent.input })
  else {
    for (const [i, one] of sent.input.entries()) {
      const added = addItem(messages, one, `input[${i}]`)
      if (!added.ok) return added
    }
  }
  const tools: NonNullable<Question['tools']> = []
  for (const [i, tool] of (sent.tools ?? []).entries()) {
    if (tool.type !== 'function')
      return notOffered(`tools[${i}].type`, `The tool ${tool.type.slice(0, 40)}`, 'Use functions.')
    const read = readAs(toolFunction, tool)
    if (!read.ok)
      return fail('invalid_input', read.failure.message, { field: `tools[${i}].${read.failure.field ?? ''}` })
    tools.push(toolOf(read.value))
  }
  const choice = sent.tool_choice
  const format = sent.text?.format
  return ok({
    model: modelNamed(sent.model),
    messages,
    ...samplingOf(sent),
    ...(tools.length > 0 && { tools }),
    ...(choice != null && { tool_choice: typeof choice === 'string' ? choice : { name: choice.name } }),
    ...(format?.type === 'json_schema' && { schema: format.schema }),
    ...(format?.type === 'json_object' && { schema: { type: 'object' } }),
    ...(sent.max_output_tokens != null && { max_output_tokens: sent.max_output_tokens }),
  })
}

/** Calls that stand one after the other were made by one message. */
function addItem(messages: Message[], one: z.output<typeof responseItem>, field: string): Result<null> {
  const { type = 'message', call_id, name } = one
  if (type === 'message') {
    if (one.role === undefined) return fail('invalid_input', `${field}.role: is needed`, { field: `${field}.role` })
    const content = textOf(one.content, `${field}.content`)
    if (!content.ok) return content
    messages.push({ role: one.role === 'developer' ? 'system' : one.role, content: content.value })
    return ok(null)
  }
  // What a model thought is not told to the next one.
  if (type === 'reasoning') return ok(null)
  if (type === 'function_call' && call_id !== undefined && name !== undefined) {
    const call = { id: call_id, name, arguments: one.arguments ?? '{}' }
    const last = messages.at(-1)
    if (last?.role === 'assistant') last.tool_calls = [...(last.tool_calls ?? []), call]
    else messages.push({ role: 'assistant', content: '', tool_calls: [call] })
    return ok(null)
  }
  if (type === 'function_call_output' && call_id !== undefined) {
    const output = textOf(one.output, `${field}.output`)
    if (!output.ok) return output
    messages.push({ role: 'tool', content: output.value, tool_call_id: call_id })
    return ok(null)
  }
  if (type === 'function_call' || type === 'function_call_output')
    return fail('invalid_input', `${field}: a call needs call_id and name, its output call_id`, { field })
  return notOffered(
    `${field}.type`,
    `An item of type ${type.slice(0, 40)}`,
    'Send messages, function calls and their outputs.',
  )
}
