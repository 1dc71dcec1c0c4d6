/** Failures as HTTP answers: one total table, one shape (RFC 9457, application/problem+json). */
import type { Failure, FailureKind } from '../failure.ts'

export const statusOfFailure: Record<FailureKind, number> = {
  invalid_input: 400,
  not_found: 404,
  conflict: 409,
  unauthenticated: 401,
  forbidden: 403,
  refused: 403,
  too_large: 413,
  busy: 429,
  unavailable: 503,
  disk_full: 507,
  data_damaged: 500,
  timeout: 504,
  cancelled: 409,
  unsupported: 422,
  model_missing: 503,
  output_invalid: 502,
  agent_failed: 502,
  limit_exceeded: 422,
  no_progress: 504,
  effect_unknown: 409,
  budget_exhausted: 422,
  internal: 500,
}

const titles: Record<FailureKind, string> = {
  invalid_input: 'Invalid input',
  not_found: 'Not found',
  conflict: 'Conflict',
  unauthenticated: 'Not authenticated',
  forbidden: 'Not allowed',
  refused: 'Refused',
  too_large: 'Too large',
  busy: 'Busy',
  unavailable: 'Not available',
  disk_full: 'Disk full',
  data_damaged: 'Stored data are damaged',
  timeout: 'Took too long',
  cancelled: 'Cancelled',
  unsupported: 'Not supported',
  model_missing: 'No model',
  output_invalid: 'Invalid answer of an agent',
  agent_failed: 'Agent failed',
  limit_exceeded: 'Limit exceeded',
  no_progress: 'No progress',
  effect_unknown: 'Effect unknown',
  budget_exhausted: 'Budget exhausted',
  internal: 'Internal error',
}

export type Problem = Omit<Failure, 'kind' | 'message' | 'problems'> & {
  /** `urn:quorate:failure:<kind>`: stable, to be told apart by programs. */
  type: string
  title: string
  status: number
  detail: string
  problems?: Omit<Problem, 'type' | 'title' | 'status'>[]
}

/** `status` where HTTP has a better word than the table: 405, 415 … */
export function problemOf(failure: Failure, status = statusOfFailure[failure.kind]): Problem {
  const { kind, message, problems, ...more } = failure
  return {
    type: `urn:quorate:failure:${kind}`,
    title: titles[kind],
    status,
    detail: message,
    ...more,
    ...(problems !== undefined && {
      problems: problems.map(({ kind: _, message: detail, problems: __, ...rest }) => ({ detail, ...rest })),
    }),
  }
}

export function failureResponse(
  failure: Failure,
  options: { status?: number; headers?: Record<string, string> } = {},
): Response {
  const problem = problemOf(failure, options.status)
  return new Response(JSON.stringify(problem), {
    status: problem.status,
    headers: {
      'content-type': 'application/problem+json; charset=utf-8',
      ...(failure.retry_after_s !== undefined && {
        'retry-after': String(Math.max(1, Math.ceil(failure.retry_after_s))),
      }),
      ...options.headers,
    },
  })
}
