/**
 * The contract of a model host: something that runs models and answers chats. Implementations know their wire and
 * nothing of queues, names, joins or statistics; those are the gateway's.
 */
import { fail, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'
import type { Message, ModelAnswer, ModelInfo, ModelProgress, ModelRequest } from './model-gateway.ts'

export type Logger = { [level in 'debug' | 'info' | 'warn' | 'error']: (fields: object, message: string) => void }

export type HostModel = Omit<ModelInfo, 'id' | 'host' | 'default'> & {
  /** False for what cannot chat (embeddings) or does not run on the person's own machines (Ollama's cloud models). */
  chats: boolean
}

export type HostRequest = {
  model: string
  messages: Message[]
  /** Enforced by the host as far as it can; the gateway checks the answer against the whole schema in any case. */
  schema?: { [key: string]: Json } | undefined
  temperature?: number | undefined
  seed?: number | undefined
  max_output_tokens?: number | undefined
} & Pick<ModelRequest, 'tools' | 'tool_choice' | 'stop' | 'top_p' | 'frequency_penalty' | 'presence_penalty'>

export type HostAnswer = Pick<
  ModelAnswer,
  'text' | 'tool_calls' | 'model' | 'input_tokens' | 'output_tokens' | 'finish' | 'load_ms' | 'first_token_ms'
>

export type HostEmbeddings = { embeddings: number[][]; input_tokens: number | null }

export type HostContext = {
  signal: AbortSignal
  /** `tokens`: `text` is what was added, `tokens` how many were received so far. Called for each piece as it arrives. */
  progress: (progress: ModelProgress) => void
}

export type HostListing = { models: HostModel[] /** One line for people. */; detail: string }

export type ModelHost = {
  readonly name: string
  readonly kind: 'openai_compatible' | 'ollama' | 'local'
  readonly address: string
  /** Whether it answers, and its models. */
  list: (signal: AbortSignal) => Promise<Result<HostListing>>
  /**
   * One chat. When `signal` aborts, the outside work has ended (socket closed, generation stopped) before this resolves,
   * with `timeout` if the reason is a `TimeoutError`, else `cancelled`. Never throws.
   */
  complete: (request: HostRequest, context: HostContext) => Promise<Result<HostAnswer>>
  /** Vectors of texts, with the same duties as `complete`; absent where the host has none. */
  embed?: (
    request: { model: string; input: string[]; dimensions?: number | undefined },
    signal: AbortSignal,
  ) => Promise<Result<HostEmbeddings>>
  /** Ends processes, after the gateway has aborted the calls in flight. Harmless when repeated. */
  close: () => Promise<void>
}

/** Characters of an answer; more is a model that runs away or a hostile server. */
export const ANSWER_LIMIT = 4 * 1024 * 1024

/** The failure for a call that its caller's signal ended. */
export function endedBy(signal: AbortSignal): Result<never> {
  const reason: unknown = signal.reason
  if (reason instanceof Error && reason.name === 'TimeoutError') {
    return fail('timeout', `The model call took too long: ${reason.message}.`, {
      remedy: 'Allow more time, ask for fewer tokens, or use a smaller model.',
    })
  }
  return fail('cancelled', 'The model call was cancelled.')
}
