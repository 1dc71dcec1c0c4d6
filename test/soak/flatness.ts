/** Whether something stays as it is over time. Pure. */
import { percentile } from '../proof/report.ts'

export type Sample = { at: number; value: number }

export type Flatness = {
  /** Median of the first and of the last third of the samples. */
  first: number
  last: number
  /** By least squares over the last two thirds, per hour. */
  slope_per_hour: number
}

const HOUR_MS = 3_600_000

/** Null with fewer than 9 samples. `at` in milliseconds. */
export function flatness(samples: readonly Sample[]): Flatness | null {
  if (samples.length < 9) return null
  const third = Math.floor(samples.length / 3)
  const values = samples.map(({ value }) => value)
  return {
    first: percentile(values.slice(0, third), 0.5) as number,
    last: percentile(values.slice(-third), 0.5) as number,
    slope_per_hour: slope(samples.slice(third)) * HOUR_MS,
  }
}

/** Of the least-squares line (NIST Engineering Statistics Handbook, 4.4.3.1), per millisecond. */
function slope(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, each) => sum + of(each), 0) / samples.length
  const [at, value] = [mean((each) => each.at), mean((each) => each.value)]
  let above = 0
  let below = 0
  for (const each of samples) {
    above += (each.at - at) * (each.value - value)
    below += (each.at - at) ** 2
  }
  return below === 0 ? 0 : above / below
}
