/**
 * Whom a failed call speaks against. One total table, so that a new kind of failure has to say.
 *
 *  - `breaker`: `failure` = the agent is not well; `success` = it answered, so it lives, whatever the answer is worth;
 *    `nothing` = the call says nothing about it. The caller's mistakes (4xx) are `nothing`; a wrong key, a missing model
 *    and a missing command are failures, because they meet every caller alike.
 *  - `limiter`: the host is overloaded: fewer calls at once. It feeds the limiter *instead of* the breaker.
 *  - `record`: counts against the agent's track record.
 *  - `before_effect`: the work was certainly not begun (duty A7 of an adapter), so no effect can have happened.
 */
import type { FailureKind } from '../failure.ts'

export type Blame = {
  breaker: 'failure' | 'success' | 'nothing'
  limiter: boolean
  record: boolean
  before_effect: boolean
}

const callersMistake: Blame = { breaker: 'nothing', limiter: false, record: false, before_effect: true }
const notThere: Blame = { breaker: 'failure', limiter: false, record: true, before_effect: true }
const broke: Blame = { breaker: 'failure', limiter: false, record: true, before_effect: false }

export const blame = {
  invalid_input: callersMistake,
  forbidden: callersMistake,
  refused: callersMistake,
  too_large: callersMistake,
  unsupported: callersMistake,
  budget_exhausted: callersMistake,
  not_found: notThere,
  unauthenticated: notThere,
  unavailable: notThere,
  model_missing: notThere,
  /** "Already there" may be the trace of an earlier try of ours. */
  conflict: { ...callersMistake, before_effect: false },
  busy: { breaker: 'nothing', limiter: true, record: false, before_effect: true },
  /** Our own disk and data: they say nothing about the agent. */
  disk_full: { breaker: 'nothing', limiter: false, record: false, before_effect: false },
  data_damaged: { breaker: 'nothing', limiter: false, record: false, before_effect: false },
  timeout: broke,
  no_progress: broke,
  agent_failed: broke,
  internal: broke,
  effect_unknown: broke,
  output_invalid: { breaker: 'success', limiter: false, record: true, before_effect: false },
  limit_exceeded: { breaker: 'nothing', limiter: false, record: true, before_effect: false },
  cancelled: { breaker: 'nothing', limiter: false, record: false, before_effect: false },
} as const satisfies Record<FailureKind, Blame>
