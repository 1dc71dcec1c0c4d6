/** Chats as OpenAI writes them: https://platform.openai.com/docs/api-reference/chat */
import type OpenAI from 'openai'
import type { Json } from '../../workflow/value.ts'
import type { Message } from '../model-gateway.ts'
import type { HostRequest } from '../model-host.ts'

export type Body = OpenAI.ChatCompletionCreateParamsStreaming

export function fullBody(request: HostRequest): Body {
  const body: Body = {
    model: request.model,
    messages: messagesOf(request.messages),
    stream: true,
    stream_options: { include_usage: true },
  }
  if (request.temperature !== undefined) body.temperature = request.temperature
  if (request.seed !== undefined) body.seed = request.seed
  if (request.max_output_tokens !== undefined) body.max_tokens = request.max_output_tokens
  if (request.top_p !== undefined) body.top_p = request.top_p
  if (request.frequency_penalty !== undefined) body.frequency_penalty = request.frequency_penalty
  if (request.presence_penalty !== undefined) body.presence_penalty = request.presence_penalty
  if (request.stop !== undefined) body.stop = request.stop
  addTools(body, request)
  if (request.schema) {
    const json_schema = { name: 'answer', schema: request.schema, strict: isStrict(request.schema) }
    body.response_format = { type: 'json_schema', json_schema }
  }
  return body
}

/** Model, messages, tools and length only. The schema cannot be enforced then: it is told in words, and checked afterwards. */
export function leastBody(request: HostRequest): Body {
  const [first, ...others] = request.messages
  const words = `Answer with nothing but JSON that satisfies this JSON Schema: ${JSON.stringify(request.schema)}`
  const told: HostRequest['messages'] =
    first?.role === 'system'
      ? [{ role: 'system', content: `${first.content}\n\n${words}` }, ...others]
      : [{ role: 'system', content: words }, ...request.messages]
  const body: Body = {
    model: request.model,
    messages: messagesOf(request.schema ? told : request.messages),
    stream: true,
  }
  if (request.max_output_tokens !== undefined) body.max_tokens = request.max_output_tokens
  addTools(body, request)
  return body
}

function addTools(body: Body, { tools = [], tool_choice }: HostRequest): void {
  if (tools.length === 0) return
  body.tools = tools.map((tool) => ({ type: 'function', function: tool }))
  if (tool_choice === undefined) return
  body.tool_choice = typeof tool_choice === 'object' ? { type: 'function', function: tool_choice } : tool_choice
}

function messagesOf(messages: Message[]): Body['messages'] {
  return messages.map(({ role, content, tool_calls, tool_call_id = '' }) => {
    if (role === 'tool') return { role, content, tool_call_id }
    if (role !== 'assistant' || tool_calls === undefined) return { role, content }
    const calls = tool_calls.map(({ id, name, arguments: text }) => ({
      id,
      type: 'function' as const,
      function: { name, arguments: text },
    }))
    return { role, content: content === '' ? null : content, tool_calls: calls }
  })
}

/** OpenAI's own service refuses `strict` unless each object is closed and requires all of its properties. */
function isStrict(schema: Json): boolean {
  if (Array.isArray(schema)) return schema.every(isStrict)
  if (typeof schema !== 'object' || schema === null) return true
  if (schema.type === 'object' || schema.properties !== undefined) {
    const keys = Object.keys((schema.properties ?? {}) as object)
    const required = Array.isArray(schema.required) ? schema.required : []
    if (schema.additionalProperties !== false || !keys.every((key) => required.includes(key))) return false
  }
  return Object.values(schema).every(isStrict)
}
