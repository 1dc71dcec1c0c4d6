/**
 * The closed list of what can go wrong. Adapters, operations and the store return failures; only bugs are thrown.
 * Each door (HTTP, command line, engine) translates them once, by a total table over {@link FailureKind}.
 */

export const failureKinds = [
  /** The caller sent something wrong; `field`, `value` and `remedy` say what. */
  'invalid_input',
  'not_found',
  /** The thing exists in a state that forbids this (already ended, same key with another body, name taken). */
  'conflict',
  'unauthenticated',
  'forbidden',
  /** A guard said no: outbound address, foreign origin, effect policy. */
  'refused',
  'too_large',
  /** A bounded queue is full, or a limit of the caller was reached. `retry_after_s` says when to come back. */
  'busy',
  /** A part of Quorate or an outside system cannot be reached just now. */
  'unavailable',
  /** The disk of the data directory has no room; nothing of the request was stored. */
  'disk_full',
  /** What is stored is not what was written; nothing is done with it. */
  'data_damaged',
  'timeout',
  'cancelled',
  /** An adapter cannot do what was asked of it; never a silent no-op. */
  'unsupported',
  /** No model, or not this one, can be had. */
  'model_missing',
  /** The agent answered, and the answer is not what the task's output schema allows. */
  'output_invalid',
  /** The agent system reported an error of its own. */
  'agent_failed',
  /** A command or process went over its limit on output, memory or time. */
  'limit_exceeded',
  /** It was ended because it showed no progress: no sign of life, or the same again and again. */
  'no_progress',
  /** An effect may or may not have happened; only a person (or the destination) can tell. */
  'effect_unknown',
  /** A budget has nothing left for this. */
  'budget_exhausted',
  /** A bug of ours, caught at a door. */
  'internal',
] as const

export type FailureKind = (typeof failureKinds)[number]

export type Failure = {
  kind: FailureKind
  /** One sentence that names the cause. Never contains a secret. */
  message: string
  /** What the reader can do about it. */
  remedy?: string
  /** Path of the offending field (`stages[2].tasks[0].agent`) or name of the setting. */
  field?: string
  /** The offending value, shortened. */
  value?: string
  /** Seconds until it makes sense to try again. */
  retry_after_s?: number
  /** Where in a text the mistake is; 1-based. */
  line?: number
  column?: number
  /** More than one thing wrong: all of them, the first repeated in the fields above. */
  problems?: Failure[]
}

export type Result<T> = { ok: true; value: T } | { ok: false; failure: Failure }

export const ok = <T>(value: T): Result<T> => ({ ok: true, value })

export const fail = (
  kind: FailureKind,
  message: string,
  more: Omit<Failure, 'kind' | 'message'> = {},
): Result<never> => ({
  ok: false,
  failure: { kind, message, ...more },
})

/** Shortens a value for an error message: at most `limit` characters, never multi-line. */
export function excerpt(value: unknown, limit = 120): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  const line = text.replace(/\s+/g, ' ')
  return line.length <= limit ? line : `${line.slice(0, limit - 1)}…`
}
