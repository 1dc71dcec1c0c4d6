/**
 * Whom a failed call speaks against: its agent, or the task, which was too hard, too large or wrong. Two total tables, so
 * that a new kind of failure, or of finding, has to say.
 *
 *  - `breaker`: `failure` = the agent is not well; `success` = it answered, so it lives, whatever the answer is worth;
 *    `nothing` = the call says nothing about it. The caller's mistakes (4xx) are `nothing`; a wrong key, a missing model
 *    and a missing command are failures, because they meet every caller alike.
 *  - `limiter`: the host is overloaded: fewer calls at once. It feeds the limiter *instead of* the breaker.
 *  - `record`: counts against the agent's track record.
 *  - `before_effect`: the work was certainly not begun (duty A7 of an adapter), so no effect can have happened.
 */
import type { FailureKind } from '../failure.ts'
import type { Detector } from '../progress/finding.ts'

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

/**
 * What the watch saw of an attempt that it ended, or whose time ran out; `at_work`: it gave signs of life to the end of its
 * time. Who goes in circles, or is not done in time, lives: the task was too hard. Whoever is never done within its own
 * time-out is slow, by which the breaker opens all the same.
 */
export type Seen = Detector | 'at_work'

const seenAs = {
  same_call: 'success',
  alternating: 'success',
  reworded: 'success',
  no_evidence: 'success',
  at_work: 'success',
  slow: 'success',
  silence: 'failure',
  stalled_stream: 'failure',
  crash_loop: 'failure',
  poison: 'nothing',
  lease: 'nothing',
} as const satisfies Record<Seen, Blame['breaker']>

/** Failures by which an attempt was ended: there it counts what was seen of it. */
const endedBy: ReadonlySet<FailureKind> = new Set(['no_progress', 'timeout'])

/** @param seen null: nothing is known but the kind */
export const blameOf = (kind: FailureKind, seen: Seen | null): Blame =>
  seen === null || !endedBy.has(kind) ? blame[kind] : { ...blame[kind], breaker: seenAs[seen] }
