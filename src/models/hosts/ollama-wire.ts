/** Chats as Ollama writes them: https://docs.ollama.com/api/chat */
import type { ChatRequest, Message as OllamaMessage, ToolCall as OllamaToolCall } from 'ollama'
import type { Message, ToolCall } from '../model-gateway.ts'
import type { HostRequest } from '../model-host.ts'

/** One value for all calls: callers that differ make Ollama reload or forget the model. */
const KEEP_ALIVE = '15m'

/** `truncate` and `shift`: refuse a prompt that does not fit instead of cutting it silently; old servers ignore them. */
type StrictChatRequest = ChatRequest & { truncate: boolean; shift: boolean }

export function chatRequest(request: HostRequest, num_ctx: number): StrictChatRequest {
  const options: NonNullable<ChatRequest['options']> = { num_ctx }
  if (request.temperature !== undefined) options.temperature = request.temperature
  if (request.seed !== undefined) options.seed = request.seed
  if (request.max_output_tokens !== undefined) options.num_predict = request.max_output_tokens
  if (request.top_p !== undefined) options.top_p = request.top_p
  if (request.stop !== undefined) options.stop = request.stop
  if (request.frequency_penalty !== undefined) options.frequency_penalty = request.frequency_penalty
  if (request.presence_penalty !== undefined) options.presence_penalty = request.presence_penalty
  const body: StrictChatRequest = {
    model: request.model,
    messages: messagesOf(request.messages),
    stream: true,
    keep_alive: KEEP_ALIVE,
    truncate: false,
    shift: false,
    options,
  }
  const tools = toolsOf(request)
  if (tools.length > 0) {
    body.tools = tools.map(({ name, description = '', parameters }) => ({
      type: 'function',
      function: { name, description, parameters },
    }))
  }
  // A grammar and a chain of thought exclude each other; models that do not think accept `false`.
  return request.schema ? { ...body, format: request.schema, think: false } : body
}

/** Ollama cannot be told to call a tool; it can be left with only the one that is wanted. */
function toolsOf({ tools = [], tool_choice }: HostRequest): NonNullable<HostRequest['tools']> {
  if (tool_choice === 'none') return []
  return typeof tool_choice === 'object' ? tools.filter(({ name }) => name === tool_choice.name) : tools
}

/** Ollama has no ids: what a tool says is told apart by the tool's name. */
function messagesOf(messages: Message[]): OllamaMessage[] {
  const names = new Map<string, string>()
  return messages.map(({ role, content, tool_calls, tool_call_id }) => {
    for (const { id, name } of tool_calls ?? []) names.set(id, name)
    const message: OllamaMessage = { role, content }
    if (tool_calls)
      message.tool_calls = tool_calls.map((call) => ({ function: { name: call.name, arguments: asObject(call) } }))
    const name = tool_call_id === undefined ? undefined : names.get(tool_call_id)
    if (name !== undefined) message.tool_name = name
    return message
  })
}

function asObject(call: ToolCall): { [key: string]: unknown } {
  try {
    const value: unknown = JSON.parse(call.arguments)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
  } catch {
    return {}
  }
}

/** @param before How many calls came earlier in the same answer: ids are numbered through. */
export function toolCallsOf(calls: unknown, before: number): ToolCall[] {
  if (!Array.isArray(calls)) return []
  return (calls as Partial<OllamaToolCall>[]).slice(0, 100).flatMap((call, i): ToolCall[] => {
    const name = call?.function?.name
    if (typeof name !== 'string') return []
    return [{ id: `call_${before + i}`, name, arguments: JSON.stringify(call.function?.arguments ?? {}) }]
  })
}
