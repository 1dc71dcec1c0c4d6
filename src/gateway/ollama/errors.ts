/** Failures as Ollama's API and its clients know them: one text, and the kind besides. */
import type { Failure, FailureKind } from '../../failure.ts'
import { jsonResponse, retryAfter } from '../dialect.ts'

const statuses: { [kind in FailureKind]?: number } = {
  invalid_input: 400,
  unsupported: 400,
  not_found: 404,
  model_missing: 404,
  forbidden: 403,
  refused: 403,
  too_large: 400,
  busy: 503,
  budget_exhausted: 429,
  cancelled: 499,
  unavailable: 503,
  timeout: 504,
  // The key of a model server is none of the agent's doing.
  unauthenticated: 502,
  output_invalid: 502,
  agent_failed: 502,
  limit_exceeded: 502,
}

export const errorText = ({ message, remedy }: Failure): string =>
  remedy === undefined ? message : `${message} ${remedy}`

export function ollamaError(failure: Failure, status?: number): Response {
  const usual = failure.kind === 'too_large' && failure.field === 'body' ? 413 : (statuses[failure.kind] ?? 500)
  const body = { error: errorText(failure), code: failure.kind }
  return jsonResponse(status ?? usual, body, retryAfter(failure))
}
