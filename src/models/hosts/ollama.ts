/**
 * Ollama's own API: https://docs.ollama.com/api. Of the vendor's package only the types are used: its client cannot be
 * aborted before the response headers, prints to the console, and skips lines that are not JSON.
 */
import type { ChatRequest, ChatResponse, ListResponse, VersionResponse } from 'ollama'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import {
  ANSWER_LIMIT,
  endedBy,
  type HostAnswer,
  type HostContext,
  type HostModel,
  type HostRequest,
  type ModelHost,
} from '../model-host.ts'
import { boundedFetch } from './bounded-fetch.ts'
import { connectionFailure, httpFailure } from './http-failure.ts'

/** One value for all calls: callers that differ make Ollama reload or forget the model. */
const KEEP_ALIVE = '15m'

/** Longest line of the stream, in characters. */
const LINE_LIMIT = 8 * 1024 * 1024

type OllamaOptions = {
  name: string
  url: string
  /** `num_ctx` of every call. One value, because another one makes Ollama load the model again. */
  context_tokens: number
  fetch: typeof fetch
  api_key?: string | null
}

/** `truncate` and `shift`: refuse a prompt that does not fit instead of cutting it silently; old servers ignore them. */
type StrictChatRequest = ChatRequest & { truncate: boolean; shift: boolean }
type Line = Partial<ChatResponse> & { error?: string }

export function ollamaHost(options: OllamaOptions): ModelHost {
  const { name } = options
  const address = options.url.replace(/\/+$/, '')
  const bounded = boundedFetch(options.fetch)
  const headers: { [name: string]: string } = { 'content-type': 'application/json' }
  if (options.api_key) headers.authorization = `Bearer ${options.api_key}`

  const get = async <T>(path: string, signal: AbortSignal): Promise<Result<T>> => {
    try {
      const response = await bounded(`${address}${path}`, { headers, signal })
      const body = await response.text()
      if (!response.ok) return httpFailure(name, response.status, errorText(body))
      return ok(JSON.parse(body) as T)
    } catch (error) {
      if (signal.aborted) return endedBy(signal)
      if (error instanceof SyntaxError)
        return fail('agent_failed', `${name} at ${address} does not answer as Ollama does.`)
      return connectionFailure(name, address, error)
    }
  }

  const chat = async (request: HostRequest, { signal, progress }: HostContext): Promise<Result<HostAnswer>> => {
    const started = performance.now()
    try {
      const body = JSON.stringify(chatRequest(request, options.context_tokens))
      const response = await bounded(`${address}/api/chat`, { method: 'POST', headers, body, signal })
      if (!response.ok || !response.body) {
        return httpFailure(name, response.status, errorText(await response.text()), response.headers.get('retry-after'))
      }
      let text = ''
      let tokens = 0
      let first_token_ms: number | null = null
      // Leaving this loop in whatever way cancels the body: the socket closes, and the server stops generating.
      for await (const line of jsonLines(response.body)) {
        if (typeof line.error === 'string') {
          return fail('agent_failed', `${name} stopped in mid-answer: ${excerpt(line.error, 300)}`)
        }
        const piece = typeof line.message?.content === 'string' ? line.message.content : ''
        if (piece || line.message?.thinking) {
          first_token_ms ??= performance.now() - started
          tokens += 1
          text += piece
          progress({ kind: 'tokens', tokens, text: piece })
        }
        if (text.length > ANSWER_LIMIT) {
          return fail('limit_exceeded', `${name} sent an answer of more than ${ANSWER_LIMIT} characters.`)
        }
        if (line.done === true) return ok(answerOf(line, request.model, text, first_token_ms))
      }
      return fail('unavailable', `${name} ended its answer before it was finished.`, { retry_after_s: 1 })
    } catch (error) {
      if (signal.aborted) return endedBy(signal)
      if (error instanceof NotOllama) return fail('agent_failed', `${name} at ${address}: ${error.message}`)
      return connectionFailure(name, address, error)
    }
  }

  return {
    name,
    kind: 'ollama',
    address,
    list: async (signal) => {
      const tags = await get<Partial<ListResponse>>('/api/tags', signal)
      if (!tags.ok) return tags
      if (!Array.isArray(tags.value?.models)) {
        return fail('agent_failed', `${name} at ${address} does not answer as Ollama does.`)
      }
      const [version, running] = await Promise.all([
        get<Partial<VersionResponse>>('/api/version', signal),
        get<Partial<ListResponse>>('/api/ps', signal),
      ])
      const loaded = running.ok && Array.isArray(running.value?.models) ? running.value.models : []
      const models = tags.value.models.slice(0, 1000).flatMap((model) => hostModel(model, loaded))
      const known =
        version.ok && typeof version.value?.version === 'string' ? ` ${excerpt(version.value.version, 30)}` : ''
      return ok({ models, detail: `Ollama${known}` })
    },
    complete: (request, context) =>
      context.signal.aborted ? Promise.resolve(endedBy(context.signal)) : chat(request, context),
    close: async () => {},
  }
}

function chatRequest(request: HostRequest, num_ctx: number): StrictChatRequest {
  const options: ChatRequest['options'] = { num_ctx }
  if (request.temperature !== undefined) options.temperature = request.temperature
  if (request.seed !== undefined) options.seed = request.seed
  if (request.max_output_tokens !== undefined) options.num_predict = request.max_output_tokens
  const body: StrictChatRequest = {
    model: request.model,
    messages: request.messages,
    stream: true,
    keep_alive: KEEP_ALIVE,
    truncate: false,
    shift: false,
    options,
  }
  // A grammar and a chain of thought exclude each other; models that do not think accept `false`.
  return request.schema ? { ...body, format: request.schema, think: false } : body
}

function answerOf(line: Line, model: string, text: string, first_token_ms: number | null): HostAnswer {
  return {
    text,
    model: typeof line.model === 'string' ? line.model : model,
    input_tokens: count(line.prompt_eval_count),
    output_tokens: count(line.eval_count),
    finish: line.done_reason === 'length' ? 'length' : line.done_reason === 'stop' ? 'stop' : 'other',
    load_ms: typeof line.load_duration === 'number' ? line.load_duration / 1e6 : null,
    first_token_ms,
  }
}

const count = (value: unknown): number | null =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : null

function hostModel(model: ListResponse['models'][number], loaded: ListResponse['models']): HostModel[] {
  if (typeof model?.name !== 'string' || model.name.length > 200) return []
  const running = loaded.find((other) => other?.name === model.name) as { context_length?: unknown } | undefined
  const family = String(model.details?.family ?? '')
  return [
    {
      model: model.name,
      loaded: running !== undefined,
      size_bytes: count(model.size),
      digest: typeof model.digest === 'string' ? model.digest : null,
      licence: null,
      context_length: count(running?.context_length),
      chats: !/bert/i.test(family) && !/embed/i.test(model.name) && !/[-:]cloud$/i.test(model.name),
    },
  ]
}

function errorText(body: string): string {
  try {
    const { error } = JSON.parse(body) as { error?: unknown }
    return typeof error === 'string' ? error : body
  } catch {
    return body
  }
}

class NotOllama extends Error {}

async function* jsonLines(body: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end)
      rest = rest.slice(end + 1)
      if (line.trim()) yield parse(line)
    }
    if (rest.length > LINE_LIMIT) throw new NotOllama(`a line of more than ${LINE_LIMIT} characters`)
  }
  if (rest.trim()) yield parse(rest)
}

function parse(line: string): Line {
  try {
    const value: unknown = JSON.parse(line)
    if (typeof value === 'object' && value !== null) return value as Line
  } catch {
    // Said below: what came is not the protocol.
  }
  throw new NotOllama(`not a line of JSON: ${excerpt(line)}`)
}
