/**
 * Any server with OpenAI's chat completions: vLLM, llama.cpp, LM Studio, LocalAI, `transformers serve`, a cloud.
 * https://platform.openai.com/docs/api-reference/chat
 */
import OpenAI from 'openai'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import type { ToolCall } from '../model-gateway.ts'
import {
  ANSWER_LIMIT,
  endedBy,
  type HostAnswer,
  type HostContext,
  type HostModel,
  type ModelHost,
} from '../model-host.ts'
import { boundedFetch } from './bounded-fetch.ts'
import { connectionFailure, httpFailure } from './http-failure.ts'
import { type Body, fullBody, leastBody } from './openai-wire.ts'
import { vectors } from './vectors.ts'

/** Tool calls in one answer. */
const TOOL_CALLS = 100

type OpenAiCompatibleOptions = { name: string; url: string; api_key: string | null; fetch: typeof fetch }

export function openAiCompatibleHost(options: OpenAiCompatibleOptions): ModelHost {
  const { name } = options
  const address = baseUrl(options.url)
  const client = new OpenAI({
    baseURL: address,
    // Named one by one, so that the SDK does not take them from its own environment variables and send them anywhere.
    apiKey: options.api_key ?? 'none',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    defaultHeaders: options.api_key ? {} : { authorization: null },
    fetch: boundedFetch(options.fetch),
    maxRetries: 0,
    // The caller's signal is the time limit; this is the longest timer there is.
    timeout: 2 ** 31 - 1,
    logLevel: 'off',
  })
  /** `transformers serve` refuses fields that it does not know with 422; after the first time it is sent only the least. */
  let strict_about_fields = false

  const failureOf = (error: unknown, signal: AbortSignal): Result<never> => {
    if (signal.aborted) return endedBy(signal)
    if (error instanceof OpenAI.APIConnectionError) return connectionFailure(name, address, error)
    if (error instanceof OpenAI.APIError) {
      const message = typeof error.message === 'string' ? error.message.replace(/^\d{3} /, '') : ''
      if (typeof error.status === 'number') {
        return httpFailure(name, error.status, message, error.headers?.get('retry-after') ?? null)
      }
      return fail('agent_failed', `${name} stopped in mid-answer: ${excerpt(message, 300)}`)
    }
    if (error instanceof SyntaxError) return fail('agent_failed', `${name} at ${address} sent what is not JSON.`)
    return connectionFailure(name, address, error)
  }

  const attempt = async (body: Body, { signal, progress }: HostContext): Promise<Result<HostAnswer>> => {
    const started = performance.now()
    const answer: HostAnswer = {
      text: '',
      model: body.model,
      input_tokens: null,
      output_tokens: null,
      finish: 'other',
      load_ms: null,
      first_token_ms: null,
    }
    let chunks = 0
    let tokens = 0
    let tool_characters = 0
    const tool_calls: ToolCall[] = []
    const stream = await client.chat.completions.create(body, { signal })
    for await (const chunk of stream) {
      chunks += 1
      if (typeof chunk.model === 'string') answer.model = chunk.model
      if (chunk.usage) {
        answer.input_tokens = chunk.usage.prompt_tokens ?? null
        answer.output_tokens = chunk.usage.completion_tokens ?? null
      }
      const choice = chunk.choices?.[0]
      if (!choice) continue
      if (choice.finish_reason) answer.finish = finishOf(choice.finish_reason)
      // Any delta counts as life, also the chain of thought that some servers stream beside the content.
      const piece = typeof choice.delta?.content === 'string' ? choice.delta.content : ''
      const called = choice.delta?.tool_calls
      if (Array.isArray(called)) for (const part of called) tool_characters += addToolCall(tool_calls, part)
      if (piece || called || Object.keys(choice.delta ?? {}).some((key) => key.startsWith('reasoning'))) {
        answer.first_token_ms ??= performance.now() - started
        tokens += 1
        answer.text += piece
        progress({ kind: 'tokens', tokens, text: piece })
      }
      if (answer.text.length + tool_characters > ANSWER_LIMIT) {
        stream.controller.abort()
        return fail('limit_exceeded', `${name} sent an answer of more than ${ANSWER_LIMIT} characters.`)
      }
    }
    // The SDK ends the loop quietly when it is aborted.
    if (signal.aborted) return endedBy(signal)
    if (chunks === 0) return fail('agent_failed', `${name} at ${address} sent no stream of chat completions.`)
    if (tool_calls.length === 0) return ok(answer)
    // Some servers say `stop` although they call.
    return ok({ ...answer, tool_calls, finish: answer.finish === 'stop' ? 'tool_calls' : answer.finish })
  }

  return {
    name,
    kind: 'openai_compatible',
    address,
    list: async (signal) => {
      try {
        const page = await client.models.list({ signal })
        if (!Array.isArray(page.data)) {
          return fail('agent_failed', `${name} at ${address} does not answer as an OpenAI-compatible server does.`)
        }
        return ok({ models: page.data.slice(0, 1000).flatMap(hostModel), detail: 'OpenAI-compatible' })
      } catch (error) {
        return failureOf(error, signal)
      }
    },
    complete: async (request, context) => {
      const { signal } = context
      if (signal.aborted) return endedBy(signal)
      try {
        if (strict_about_fields) return await attempt(leastBody(request), context)
        return await attempt(fullBody(request), context)
      } catch (error) {
        const refused = error instanceof OpenAI.APIError && error.status === 422
        if (signal.aborted || strict_about_fields || !refused) return failureOf(error, signal)
      }
      try {
        const answer = await attempt(leastBody(request), context)
        strict_about_fields = answer.ok
        return answer
      } catch (error) {
        return failureOf(error, signal)
      }
    },
    embed: async ({ model, input, dimensions }, signal) => {
      if (signal.aborted) return endedBy(signal)
      try {
        const body = {
          model,
          input,
          encoding_format: 'float' as const,
          ...(dimensions !== undefined && { dimensions }),
        }
        const page = await client.embeddings.create(body, { signal })
        const sent: unknown = Array.isArray(page.data)
          ? page.data.toSorted((a, b) => a.index - b.index).map(({ embedding }) => embedding)
          : null
        const embeddings = vectors(sent, input.length)
        if (embeddings === null) return fail('agent_failed', `${name} did not answer with one vector for each text.`)
        return ok({ embeddings, input_tokens: page.usage?.prompt_tokens ?? null })
      } catch (error) {
        return failureOf(error, signal)
      }
    },
    close: async () => {},
  }
}

/** People write the address with or without `/v1`. */
function baseUrl(url: string): string {
  const trimmed = url.replace(/\/+$/, '')
  return new URL(trimmed).pathname === '/' ? `${trimmed}/v1` : trimmed
}

function finishOf(reason: string): HostAnswer['finish'] {
  return reason === 'length' || reason === 'stop' || reason === 'tool_calls' ? reason : 'other'
}

/** Calls come in parts, told apart by their index. Returns how many characters were added. */
function addToolCall(calls: ToolCall[], part: OpenAI.ChatCompletionChunk.Choice.Delta.ToolCall): number {
  const index = Number.isInteger(part?.index) ? part.index : 0
  if (index < 0 || index > calls.length || index >= TOOL_CALLS) return 0
  const call = calls[index] ?? { id: `call_${index}`, name: '', arguments: '' }
  calls[index] = call
  if (typeof part.id === 'string' && part.id !== '') call.id = part.id
  if (typeof part.function?.name === 'string') call.name += part.function.name
  const more = typeof part.function?.arguments === 'string' ? part.function.arguments : ''
  call.arguments += more
  return more.length
}

function hostModel(model: unknown): HostModel[] {
  const { id, max_model_len } = (model ?? {}) as { id?: unknown; max_model_len?: unknown }
  if (typeof id !== 'string' || id.length > 200) return []
  return [
    {
      model: id,
      loaded: null,
      size_bytes: null,
      digest: null,
      licence: null,
      // vLLM's extension; the standard list says nothing on it.
      context_length: typeof max_model_len === 'number' ? max_model_len : null,
      chats: !/embed|whisper|tts|rerank/i.test(id),
    },
  ]
}
