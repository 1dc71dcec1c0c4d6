/** A response of /v1/responses, as an object and as the events of its stream. */
import { randomUUID } from 'node:crypto'
import type { Failure } from '../../failure.ts'
import type { Answered } from '../metered-call.ts'
import type { Frames } from '../stream-answer.ts'
import { errorBody } from './errors.ts'
import type { ResponsesBody } from './responses-request.ts'

type Head = { id: string; message: string; created_at: number; sent: ResponsesBody }

/** @param now Milliseconds since 1970. */
export const newHead = (sent: ResponsesBody, now: number): Head => ({
  id: `resp_${hex()}`,
  message: `msg_${hex()}`,
  created_at: Math.floor(now / 1000),
  sent,
})

const hex = (): string => randomUUID().replaceAll('-', '')

type Said = { status: string; model?: string; output?: object[]; usage?: object; more?: object }

function bare({ id, created_at, sent }: Head, { status, model = sent.model, output = [], usage, more }: Said) {
  return {
    id,
    object: 'response',
    created_at,
    status,
    error: null,
    incomplete_details: null,
    instructions: sent.instructions ?? null,
    max_output_tokens: sent.max_output_tokens ?? null,
    model,
    output,
    parallel_tool_calls: true,
    previous_response_id: null,
    reasoning: { effort: null, summary: null },
    store: false,
    temperature: sent.temperature ?? null,
    text: { format: sent.text?.format ?? { type: 'text' } },
    tool_choice: sent.tool_choice ?? 'auto',
    tools: sent.tools ?? [],
    top_p: sent.top_p ?? null,
    truncation: 'disabled',
    usage: usage ?? null,
    metadata: {},
    ...more,
  }
}

const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] })

const messageItem = (head: Head, status: string, content: object[]) => ({
  type: 'message',
  id: head.message,
  status,
  role: 'assistant',
  content,
})

const callItems = ({ tool_calls }: Answered, status: string) =>
  tool_calls.map(({ id, name, arguments: text }) => ({
    type: 'function_call',
    id: `fc_${hex()}`,
    call_id: id,
    name,
    arguments: text,
    status,
  }))

const statusOf = ({ finish }: Answered): string => (finish === 'length' ? 'incomplete' : 'completed')

function finished(head: Head, answer: Answered, output: object[]) {
  const { input_tokens, output_tokens, estimated, budget } = answer
  const usage = {
    input_tokens,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: input_tokens + output_tokens,
    ...(estimated && { estimated }),
  }
  const status = statusOf(answer)
  const more = {
    ...(status === 'incomplete' && { incomplete_details: { reason: 'max_output_tokens' } }),
    ...(budget !== null && { budget: { exhausted: true, message: budget } }),
  }
  return bare(head, { status, model: answer.model, output, usage, more })
}

export function responseObject(head: Head, answer: Answered) {
  const status = statusOf(answer)
  const message =
    answer.text === '' && answer.tool_calls.length > 0 ? [] : [messageItem(head, status, [part(answer.text)])]
  return finished(head, answer, [...message, ...callItems(answer, status)])
}

/** https://platform.openai.com/docs/api-reference/responses-streaming */
export function responseEvents(head: Head): Frames {
  let sequence_number = 0
  let text = ''
  let opened = false
  const event = (type: string, data: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, sequence_number: sequence_number++, ...data })}\n\n`
  const at = { item_id: head.message, output_index: 0, content_index: 0 }
  const open = (): string => {
    if (opened) return ''
    opened = true
    return (
      event('response.output_item.added', { output_index: 0, item: messageItem(head, 'in_progress', []) }) +
      event('response.content_part.added', { ...at, part: part('') })
    )
  }

  return {
    type: 'text/event-stream; charset=utf-8',
    begin: () => {
      const response = bare(head, { status: 'in_progress' })
      return event('response.created', { response }) + event('response.in_progress', { response })
    },
    piece: (piece) => {
      // First, so that its events have the smaller numbers.
      const before = open()
      text += piece
      return before + event('response.output_text.delta', { ...at, delta: piece, logprobs: [] })
    },
    end: (answer) => {
      const status = statusOf(answer)
      const output: object[] = []
      let out = ''
      if (opened || answer.tool_calls.length === 0) {
        const item = messageItem(head, status, [part(text)])
        out += open()
        out += event('response.output_text.done', { ...at, text, logprobs: [] })
        out += event('response.content_part.done', { ...at, part: part(text) })
        out += event('response.output_item.done', { output_index: 0, item })
        output.push(item)
      }
      for (const item of callItems(answer, status)) {
        const output_index = output.length
        const { id: item_id, name, arguments: given } = item
        const added = { ...item, arguments: '', status: 'in_progress' }
        out += event('response.output_item.added', { output_index, item: added })
        out += event('response.function_call_arguments.delta', { item_id, output_index, delta: given })
        out += event('response.function_call_arguments.done', { item_id, output_index, name, arguments: given })
        out += event('response.output_item.done', { output_index, item })
        output.push(item)
      }
      const response = finished(head, answer, output)
      return out + event(status === 'incomplete' ? 'response.incomplete' : 'response.completed', { response })
    },
    failed: (failure: Failure) => {
      const { code, message } = errorBody(failure).error
      const response = bare(head, { status: 'failed', more: { error: { code: code ?? 'server_error', message } } })
      return event('response.failed', { response })
    },
  }
}
