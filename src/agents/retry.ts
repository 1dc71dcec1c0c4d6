/**
 * When to try again, and how often in all. Full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter") with
 * dice that are a hash of a seed, so that a run which is replayed waits exactly as long as it did; and a retry budget
 * in the manner of Finagle, so that an outage is not answered by a storm of retries.
 */
import { createHash } from 'node:crypto'

export const BACKOFF_BASE_MS = 500
export const BACKOFF_CAP_MS = 30_000
/** A Retry-After beyond one hour is taken as one hour: a broken clock elsewhere must not park a task for years. */
export const RETRY_AFTER_LIMIT_S = 3_600

/**
 * Uniform in [0, min(cap, base · 2^step)), milliseconds.
 * @param step 0 for the first retry
 * @param dice uniform in [0, 1)
 */
export function fullJitterMs(step: number, dice: number, base_ms = BACKOFF_BASE_MS, cap_ms = BACKOFF_CAP_MS): number {
  return dice * Math.min(cap_ms, base_ms * 2 ** Math.max(0, step))
}

/** Uniform in [0, 1), the same for the same seed: the first 48 bits of its SHA-256. */
export function seededDice(seed: string): number {
  return createHash('sha256').update(seed).digest().readUIntBE(0, 6) / 2 ** 48
}

/**
 * How long to wait before the next attempt, in whole milliseconds.
 * @param attempt the attempt that failed, 1 for the first
 * @param seed says which wait this is (run, task); the attempt is mixed in
 * @param retry_after_s what the other side asked for, in seconds: never less than this, jitter comes on top
 */
export function backoffMs(of: { attempt: number; seed: string; retry_after_s?: number }): number {
  const jitter = fullJitterMs(of.attempt - 1, seededDice(`${of.seed}\n${of.attempt}`))
  const asked = of.retry_after_s ?? 0
  const floor = Number.isFinite(asked) ? Math.min(Math.max(0, asked), RETRY_AFTER_LIMIT_S) * 1_000 : 0
  return Math.round(floor + jitter)
}

/** Finagle's defaults: 20 % of requests plus 10 retries a second, over a window of 10 s. */
export const retryBudgetDefaults = { share: 0.2, reserve_per_s: 10, window_s: 10 } as const
export type RetryBudgetSettings = { share: number; reserve_per_s: number; window_s: number }

export type RetryBudget = {
  /** A first attempt: it pays in `share` of a retry. */
  request: (now: number) => void
  /** True when a retry is allowed; then it is counted. */
  retry: (now: number) => boolean
}

/** Whenever a retry is granted: retries of the window ≤ share · its requests + reserve_per_s · window_s. Counted by the second. */
export function createRetryBudget(settings: RetryBudgetSettings = retryBudgetDefaults): RetryBudget {
  const slots: { second: number; requests: number; retries: number }[] = []
  const slotAt = (now: number) => {
    const second = Math.floor(now / 1_000)
    while (slots[0] !== undefined && slots[0].second <= second - settings.window_s) slots.shift()
    const last = slots.at(-1)
    if (last !== undefined && last.second >= second) return last
    const slot = { second, requests: 0, retries: 0 }
    slots.push(slot)
    return slot
  }
  return {
    request: (now) => {
      slotAt(now).requests++
    },
    retry: (now) => {
      const slot = slotAt(now)
      let requests = 0
      let retries = 0
      for (const each of slots) {
        requests += each.requests
        retries += each.retries
      }
      if (retries + 1 > settings.share * requests + settings.reserve_per_s * settings.window_s) return false
      slot.retries++
      return true
    },
  }
}
