/**
 * Phi accrual failure detection (Hayashibara et al. 2004) as in Akka's PhiAccrualFailureDetector: how unlikely it is that
 * a sign of life still comes, on a scale where 8 means once in 10⁸.
 */

/** Akka's default threshold for members of a cluster. */
export const PHI_THRESHOLD = 8
/** Samples of a window. Akka keeps 1,000; an agent gives fewer, and changes faster. */
const WINDOW = 200
/** Below this many samples nothing is said. */
export const FEWEST_SAMPLES = 8
/** Smallest standard deviation, milliseconds. */
const LEAST_SD_MS = 100
/** Intervals of agents are skewed, those of heartbeats are not: no spread below this share of the mean is believed. */
const LEAST_SPREAD = 0.25
/** Where the approximation below reaches phi = 8, in standard deviations above the mean. */
const SD_AT_THRESHOLD = 5.2283

export type Intervals = {
  /** Milliseconds. */
  add: (interval: number) => void
  /** Null below {@link FEWEST_SAMPLES}. */
  summary: () => Summary | null
}
export type Summary = { mean: number; sd: number; n: number }

export function intervals(): Intervals {
  const window: number[] = []
  let sum = 0
  let squares = 0
  let n = 0
  return {
    add(interval) {
      const before = window[n % WINDOW] ?? 0
      sum += interval - before
      squares += interval ** 2 - before ** 2
      window[n % WINDOW] = interval
      n++
    },
    summary() {
      if (n < FEWEST_SAMPLES) return null
      const count = window.length
      const mean = sum / count
      const sd = Math.sqrt(Math.max(0, squares / count - mean ** 2))
      return { mean, sd: Math.max(sd, LEAST_SD_MS, LEAST_SPREAD * mean), n }
    },
  }
}

/**
 * Phi after `t` ms without a sign of life, by the logistic approximation of the normal distribution that Akka uses. The
 * exponent is bounded: a time far below the mean must not overflow.
 */
export function phi(t: number, mean: number, sd: number): number {
  const y = (t - mean) / sd
  const e = Math.exp(Math.min(700, -y * (1.5976 + 0.070566 * y * y)))
  return Math.max(0, t > mean ? -Math.log10(e / (1 + e)) : -Math.log10(1 - 1 / (1 + e)))
}

/** Milliseconds without a sign of life at which phi reaches its threshold. */
export const phiLimit = ({ mean, sd }: Pick<Summary, 'mean' | 'sd'>): number => mean + SD_AT_THRESHOLD * sd
