/**
 * How many calls a host bears at once, learned from its refusals: additive increase, multiplicative decrease, as in
 * Netflix' concurrency-limits (AIMDLimit).
 */
export type AimdSettings = {
  min: number
  max: number
  /** A call that took longer counts as a refusal, in ms; null = only refusals count (long answers are not congestion). */
  timeout_ms: number | null
  /** Factor on a refusal, in (0, 1). */
  backoff: number
}

export const netflixAimd: AimdSettings = { min: 20, max: 200, timeout_ms: 5_000, backoff: 0.9 }

/** A host of ours: down to one call at a time, never above what it was declared to bear. */
export const hostAimd = (max: number): AimdSettings => ({ min: 1, max, timeout_ms: null, backoff: 0.9 })

/** The limit after one call: ⌊backoff · limit⌋ when it was refused, limit + 1 when at least half of the places are in use. */
export function aimd(
  limit: number,
  sample: { dropped: boolean; rtt_ms: number; in_flight: number },
  settings: AimdSettings,
): number {
  const overloaded = sample.dropped || (settings.timeout_ms !== null && sample.rtt_ms > settings.timeout_ms)
  const next = overloaded ? Math.floor(settings.backoff * limit) : 2 * sample.in_flight >= limit ? limit + 1 : limit
  return Math.min(settings.max, Math.max(settings.min, next))
}
