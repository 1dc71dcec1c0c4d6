/** What an agent's own results say of it: an exponential mean that forgets the distant past, and a Wilson interval. */

export type TrackRecord = {
  /** Results counted. */
  n: number
  /** Weighted share of successes, null before the first result. */
  mean: number | null
  /** Sum of the squared weights of the results in `mean`: 1 / weight2 is how many equal results it is worth (Kish). */
  weight2: number
}

export const noRecord: TrackRecord = { n: 0, mean: null, weight2: 1 }

/** Step of the exponential mean; the first 1 / LEARNING_RATE results weigh alike. */
export const LEARNING_RATE = 0.1
/** Results below which no value is given. */
export const MINIMUM_RESULTS = 5
const Z95 = 1.959963984540054

export function withResult(record: TrackRecord, success: boolean): TrackRecord {
  const n = record.n + 1
  const step = Math.max(LEARNING_RATE, 1 / n)
  const before = record.mean ?? 0
  return {
    n,
    mean: before + step * ((success ? 1 : 0) - before),
    weight2: (1 - step) ** 2 * record.weight2 + step ** 2,
  }
}

/** How many equally weighted results the mean is worth: n up to 10, then rising to 19. */
export const effectiveResults = (record: TrackRecord): number => (record.n === 0 ? 0 : 1 / record.weight2)

/**
 * Wilson score interval of a proportion at 95 % (Wilson 1927): within [0, 1] and sensible for few results; [0, 1] for
 * none. `successes` and `n` may be weighted sums.
 */
export function wilson(successes: number, n: number, z = Z95): [number, number] {
  if (n === 0) return [0, 1]
  const p = successes / n
  const z2 = z * z
  const centre = p + z2 / (2 * n)
  const spread = z * Math.sqrt(Math.max(0, (p * (1 - p)) / n) + z2 / (4 * n * n))
  const scale = 1 + z2 / n
  return [Math.max(0, (centre - spread) / scale), Math.min(1, (centre + spread) / scale)]
}

/** The record as shown: recent share of successes in [0, 1] with its interval; null below 5 results. */
export function performance(record: TrackRecord): {
  value: number | null
  n: number
  interval: [number, number] | null
  reason?: string
} {
  const { n, mean } = record
  if (mean === null || n < MINIMUM_RESULTS) {
    return { value: null, n, interval: null, reason: `needs ${MINIMUM_RESULTS} results, has ${n}` }
  }
  const worth = effectiveResults(record)
  return { value: mean, n, interval: wilson(mean * worth, worth) }
}

/**
 * What choice ranks by: the lower end of the Wilson interval, as if four successes and one failure stood before the
 * first result, so that a newcomer is neither shut out nor preferred to an agent that has shown itself.
 */
export function proven(record: TrackRecord): number {
  const worth = effectiveResults(record)
  return wilson((record.mean ?? 0) * worth + 4, worth + 5)[0]
}
