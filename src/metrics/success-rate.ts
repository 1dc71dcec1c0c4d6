/** A share of successes as it may be shown: with its sample and interval, or with what it still needs. */
import { wilson } from '../agents/track-record.ts'

export type SuccessRate = {
  /** In [0, 1]; null below `needs`. */
  value: number | null
  n: number
  needs: number
  /** Wilson score interval at 95 %; null where the value is. */
  interval: [number, number] | null
  reason: string | null
}

/** Results below which a share over a whole range is not told. */
export const LEAST_RESULTS = 30

export function successRate(successes: number, n: number, needs: number = LEAST_RESULTS): SuccessRate {
  return n < Math.max(1, needs)
    ? { value: null, n, needs, interval: null, reason: `not enough data: needs ${needs} results, has ${n}` }
    : { value: successes / n, n, needs, interval: wilson(successes, n), reason: null }
}
