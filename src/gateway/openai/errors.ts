/** Failures as OpenAI's API and its clients know them: https://platform.openai.com/docs/guides/error-codes */
import type { Failure, FailureKind } from '../../failure.ts'
import { jsonResponse, retryAfter } from '../dialect.ts'

type Kind = { status: number; type: string; code: string | null }

const invalid = (status: number, code: string | null = null): Kind => ({ status, type: 'invalid_request_error', code })
const server = (status: number, code: string): Kind => ({ status, type: 'server_error', code })

/** What is wrong with a model server's own key is none of the agent's doing: 502, not 401. */
const kinds: { [kind in FailureKind]?: Kind } = {
  invalid_input: invalid(400),
  unsupported: invalid(400, 'unsupported'),
  not_found: invalid(404, 'not_found'),
  model_missing: invalid(404, 'model_not_found'),
  forbidden: invalid(403, 'forbidden'),
  refused: invalid(403, 'forbidden'),
  too_large: invalid(400, 'context_length_exceeded'),
  busy: { status: 429, type: 'rate_limit_error', code: 'rate_limit_exceeded' },
  budget_exhausted: { status: 429, type: 'insufficient_quota', code: 'insufficient_quota' },
  cancelled: { status: 499, type: 'server_error', code: 'cancelled' },
  unavailable: server(503, 'unavailable'),
  timeout: server(504, 'timeout'),
  unauthenticated: server(502, 'model_host_refused'),
  output_invalid: server(502, 'output_invalid'),
  agent_failed: server(502, 'model_host_failed'),
  limit_exceeded: server(502, 'limit_exceeded'),
}

const kindOf = ({ kind }: Failure): Kind => kinds[kind] ?? server(500, kind)

export function errorBody(failure: Failure, status?: number) {
  const { type, code } = status === 401 ? invalid(401, 'invalid_api_key') : kindOf(failure)
  const message = failure.remedy === undefined ? failure.message : `${failure.message} ${failure.remedy}`
  return { error: { message, type, param: failure.field ?? null, code } }
}

/** @param status Where HTTP has a better word than the table: 401 for the key itself, 404, 405, 413. */
export function openAiError(failure: Failure, status = statusOf(failure)): Response {
  // What a second try cannot change: OpenAI's clients repeat 409, 429 and 5xx by themselves unless they are told so.
  const final = failure.kind === 'budget_exhausted' || failure.kind === 'output_invalid' || status === 499
  const headers = { ...retryAfter(failure), ...(final && { 'x-should-retry': 'false' }) }
  return jsonResponse(status, errorBody(failure, status), headers)
}

const statusOf = (failure: Failure): number =>
  failure.kind === 'too_large' && failure.field === 'body' ? 413 : kindOf(failure).status
