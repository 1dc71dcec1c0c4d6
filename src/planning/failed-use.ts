/** What a model call of the planner that failed has used. */
import type { FailureKind } from '../failure.ts'
import type { Usage } from '../workflow/event.ts'

/** Failures after which no model had begun (model-gateway.ts). */
const notBegun: ReadonlySet<FailureKind> = new Set([
  'invalid_input',
  'unsupported',
  'forbidden',
  'unauthenticated',
  'model_missing',
  'busy',
  'unavailable',
  'too_large',
])

/** Of what broke in the middle nobody knows: it is charged as it was reserved. */
export const failedUse = (kind: FailureKind): Usage =>
  notBegun.has(kind)
    ? { input_tokens: 0, output_tokens: 0, calls: 0 }
    : { input_tokens: null, output_tokens: null, calls: 1 }
