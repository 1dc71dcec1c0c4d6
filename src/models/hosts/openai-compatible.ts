/**
 * Any server with OpenAI's chat completions: vLLM, llama.cpp, LM Studio, LocalAI, `transformers serve`, a cloud.
 * https://platform.openai.com/docs/api-reference/chat
 */
import OpenAI from 'openai'
import { excerpt, fail, ok, type Result } from '../../failure.ts'
import type { Json } from '../../workflow/value.ts'
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

type Body = OpenAI.ChatCompletionCreateParamsStreaming

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
      if (piece || Object.keys(choice.delta ?? {}).some((key) => key.startsWith('reasoning'))) {
        answer.first_token_ms ??= performance.now() - started
        tokens += 1
        answer.text += piece
        progress({ kind: 'tokens', tokens, text: piece })
      }
      if (answer.text.length > ANSWER_LIMIT) {
        stream.controller.abort()
        return fail('limit_exceeded', `${name} sent an answer of more than ${ANSWER_LIMIT} characters.`)
      }
    }
    // The SDK ends the loop quietly when it is aborted.
    if (signal.aborted) return endedBy(signal)
    if (chunks === 0) return fail('agent_failed', `${name} at ${address} sent no stream of chat completions.`)
    return ok(answer)
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
    close: async () => {},
  }
}

/** People write the address with or without `/v1`. */
function baseUrl(url: string): string {
  const trimmed = url.replace(/\/+$/, '')
  return new URL(trimmed).pathname === '/' ? `${trimmed}/v1` : trimmed
}

function fullBody(request: HostRequest): Body {
  const body: Body = {
    model: request.model,
    messages: request.messages,
    stream: true,
    stream_options: { include_usage: true },
  }
  if (request.temperature !== undefined) body.temperature = request.temperature
  if (request.seed !== undefined) body.seed = request.seed
  if (request.max_output_tokens !== undefined) body.max_tokens = request.max_output_tokens
  if (request.schema) {
    const json_schema = { name: 'answer', schema: request.schema, strict: isStrict(request.schema) }
    body.response_format = { type: 'json_schema', json_schema }
  }
  return body
}

/** Model, messages and length only. The schema cannot be enforced then: it is told in words, and checked afterwards. */
function leastBody(request: HostRequest): Body {
  const [first, ...others] = request.messages
  const words = `Answer with nothing but JSON that satisfies this JSON Schema: ${JSON.stringify(request.schema)}`
  const told: HostRequest['messages'] =
    first?.role === 'system'
      ? [{ role: 'system', content: `${first.content}\n\n${words}` }, ...others]
      : [{ role: 'system', content: words }, ...request.messages]
  const body: Body = { model: request.model, messages: request.schema ? told : request.messages, stream: true }
  if (request.max_output_tokens !== undefined) body.max_tokens = request.max_output_tokens
  return body
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

function finishOf(reason: string): HostAnswer['finish'] {
  return reason === 'length' ? 'length' : reason === 'stop' ? 'stop' : 'other'
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
