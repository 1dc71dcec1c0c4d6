/** What an HTTP answer or a broken connection of a model server means. */
import { causesOf, wasSent } from '../../agents/was-sent.ts'
import { excerpt, type Failure, type FailureKind, fail, type Result } from '../../failure.ts'
import { AnswerTooLarge } from './bounded-fetch.ts'

/** Words by which servers say that the prompt does not fit: Ollama, llama.cpp, vLLM, LM Studio, OpenAI. */
const CONTEXT_EXCEEDED =
  /context.{0,20}(length|size|window|limit)|exceeds? .{0,30}context|too many tokens|prompt is too long/i

function kindOf(status: number, message: string): FailureKind {
  if (status === 401) return 'unauthenticated'
  if (status === 403) return 'forbidden'
  if (status === 404) return 'model_missing'
  if (status === 413 || ((status === 400 || status === 422) && CONTEXT_EXCEEDED.test(message))) return 'too_large'
  if (status === 408 || status === 504) return 'timeout'
  if (status === 429 || status === 503) return 'busy'
  if (status >= 500) return 'unavailable'
  return 'agent_failed'
}

const remedies: { [kind in FailureKind]?: string } = {
  unauthenticated: 'Set api_key of this model host to `env:NAME` or `file:PATH` of a valid key.',
  forbidden: 'Check what the key of this model host may do, and OLLAMA_ORIGINS if it is Ollama.',
  model_missing: 'Name a model that the host has (`quorate models` lists them), or install it there.',
  too_large: 'Send a shorter prompt, or use a model or setting with a larger context.',
}

export function httpFailure(
  host: string,
  status: number,
  body: string,
  retry_after: string | null = null,
): Result<never> {
  const kind = kindOf(status, body)
  const more: Omit<Failure, 'kind' | 'message'> = {}
  const remedy = remedies[kind]
  if (remedy) more.remedy = remedy
  if (kind === 'busy') more.retry_after_s = seconds(retry_after)
  return fail(kind, `${host} answered ${status}${body ? `: ${excerpt(body, 300)}` : ''}`, more)
}

/** `Retry-After` in its form of seconds; 1 to 3600, 5 when absent or unreadable. */
function seconds(retry_after: string | null): number {
  const value = Number(retry_after ?? Number.NaN)
  return Number.isFinite(value) ? Math.min(3600, Math.max(1, Math.ceil(value))) : 5
}

/**
 * The connection could not be made (`unavailable`: nothing was begun), or broke after the request had gone out
 * (`agent_failed`: nobody knows what the server has done and counted), or what came was not the protocol.
 */
export function connectionFailure(host: string, address: string, error: unknown): Result<never> {
  const causes = causesOf(error)
  if (causes.some((cause) => cause instanceof AnswerTooLarge)) {
    return fail('limit_exceeded', `${host} sent an answer without end.`, { remedy: 'Ask for fewer output tokens.' })
  }
  // undici hides the cause (ECONNREFUSED, "other side closed") behind "fetch failed" and "terminated".
  const code = causes.map((cause) => (Object(cause) as { code?: unknown }).code).findLast((c) => typeof c === 'string')
  const last = causes.at(-1)
  const why = excerpt(code ?? (last instanceof Error ? last.message : String(error)))
  if (wasSent(error))
    return fail('agent_failed', `The connection to ${host} at ${address} broke: ${why}`, {
      retry_after_s: 1,
      remedy: 'See in the log of the model server why it ended.',
    })
  return fail('unavailable', `${host} at ${address} cannot be reached: ${why}`, {
    retry_after_s: 15,
    remedy: 'Start the model server, or correct its address.',
  })
}
