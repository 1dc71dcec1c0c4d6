/**
 * Ollama's own API: https://docs.ollama.com/api. Of the vendor's package only the types are used: its client cannot be
 * aborted before the response headers, prints to the console, and skips lines that are not JSON.
 */
import type { ChatResponse, EmbedResponse, ListResponse, VersionResponse } from 'ollama'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import type { ToolCall } from '../model-gateway.ts'
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
import { chatRequest, toolCallsOf } from './ollama-wire.ts'
import { vectors } from './vectors.ts'

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

type Line = Partial<ChatResponse> & { error?: string }

export function ollamaHost(options: OllamaOptions): ModelHost {
  const { name } = options
  const address = options.url.replace(/\/+$/, '')
  const bounded = boundedFetch(options.fetch)
  const headers: { [name: string]: string } = { 'content-type': 'application/json' }
  if (options.api_key) headers.authorization = `Bearer ${options.api_key}`

  const ask = async <T>(path: string, signal: AbortSignal, sent?: object): Promise<Result<T>> => {
    try {
      const body = sent === undefined ? {} : { method: 'POST', body: JSON.stringify(sent) }
      const response = await bounded(`${address}${path}`, { headers, signal, ...body })
      const text = await response.text()
      if (!response.ok) return httpFailure(name, response.status, errorText(text), response.headers.get('retry-after'))
      return ok(JSON.parse(text) as T)
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
      const tool_calls: ToolCall[] = []
      let tool_characters = 0
      // Leaving this loop in whatever way cancels the body: the socket closes, and the server stops generating.
      for await (const line of jsonLines(response.body)) {
        if (typeof line.error === 'string') {
          return fail('agent_failed', `${name} stopped in mid-answer: ${excerpt(line.error, 300)}`)
        }
        const piece = typeof line.message?.content === 'string' ? line.message.content : ''
        const called = toolCallsOf(line.message?.tool_calls, tool_calls.length)
        tool_calls.push(...called)
        for (const call of called) tool_characters += call.arguments.length
        if (piece || line.message?.thinking || called.length > 0) {
          first_token_ms ??= performance.now() - started
          tokens += 1
          text += piece
          progress({ kind: 'tokens', tokens, text: piece })
        }
        if (text.length + tool_characters > ANSWER_LIMIT) {
          return fail('limit_exceeded', `${name} sent an answer of more than ${ANSWER_LIMIT} characters.`)
        }
        if (line.done === true) return ok(answerOf(line, request.model, text, tool_calls, first_token_ms))
      }
      return fail('agent_failed', `${name} ended its answer before it was finished.`, { retry_after_s: 1 })
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
      const tags = await ask<Partial<ListResponse>>('/api/tags', signal)
      if (!tags.ok) return tags
      if (!Array.isArray(tags.value?.models)) {
        return fail('agent_failed', `${name} at ${address} does not answer as Ollama does.`)
      }
      const [version, running] = await Promise.all([
        ask<Partial<VersionResponse>>('/api/version', signal),
        ask<Partial<ListResponse>>('/api/ps', signal),
      ])
      const loaded = running.ok && Array.isArray(running.value?.models) ? running.value.models : []
      const models = tags.value.models.slice(0, 1000).flatMap((model) => hostModel(model, loaded))
      const known =
        version.ok && typeof version.value?.version === 'string' ? ` ${excerpt(version.value.version, 30)}` : ''
      return ok({ models, detail: `Ollama${known}` })
    },
    complete: (request, context) =>
      context.signal.aborted ? Promise.resolve(endedBy(context.signal)) : chat(request, context),
    embed: async ({ model, input, dimensions }, signal) => {
      if (signal.aborted) return endedBy(signal)
      const sent = { model, input, truncate: false, ...(dimensions !== undefined && { dimensions }) }
      const answer = await ask<Partial<EmbedResponse>>('/api/embed', signal, sent)
      if (!answer.ok) return answer
      const embeddings = vectors(answer.value.embeddings, input.length)
      if (embeddings === null) return fail('agent_failed', `${name} did not answer with one vector for each text.`)
      return ok({ embeddings, input_tokens: count(answer.value.prompt_eval_count) })
    },
    close: async () => {},
  }
}

function answerOf(
  line: Line,
  model: string,
  text: string,
  tool_calls: ToolCall[],
  first_token_ms: number | null,
): HostAnswer {
  const finish = line.done_reason === 'length' ? 'length' : line.done_reason === 'stop' ? 'stop' : 'other'
  return {
    text,
    ...(tool_calls.length > 0 && { tool_calls }),
    model: typeof line.model === 'string' ? line.model : model,
    input_tokens: count(line.prompt_eval_count),
    output_tokens: count(line.eval_count),
    finish: tool_calls.length > 0 && finish === 'stop' ? 'tool_calls' : finish,
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
