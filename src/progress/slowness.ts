/**
 * Whether an attempt was slow for its agent. Slow is not stuck: nothing is ended for it, it is only said, in the log and in
 * what people see.
 */
import type { Finding } from './finding.ts'
import type { Phase } from './record.ts'

/** Attempts before it that say what is usual. */
const FEWEST_ATTEMPTS = 5
/** This many times as slow as usual, and at least this much in milliseconds. */
const TIMES = 8
const LEAST_MS = 150

/** Attempts that are remembered. */
const REMEMBERED = 50

/** What an attempt took in one phase on average, and what is usual; milliseconds. */
export type Pace = { phase: Phase; mean: number; usual: Usual | null }
/** The median, which a first call over a new connection does not change. */
export type Usual = { median: number; attempts: number }

/** The paces of an agent's attempts, the last ones. */
export function paces(): { add: (mean: number) => void; usual: () => Usual | null } {
  const means: number[] = []
  return {
    add(mean) {
      means.push(mean)
      if (means.length > REMEMBERED) means.shift()
    },
    usual() {
      const sorted = means.toSorted((a, b) => a - b)
      const median = sorted[Math.floor(sorted.length / 2)]
      return median === undefined || sorted.length < FEWEST_ATTEMPTS ? null : { median, attempts: sorted.length }
    },
  }
}

const what: Partial<Record<Phase, string>> = { first_token: 'until the first token', stream: 'between two tokens' }

/** A model that has become slow is so in all that it does: one that takes its time for a single answer is not. */
export function slowness(all: readonly Pace[]): Finding | null {
  const slow: { phase: Phase; mean: number; usual: Usual; said: string }[] = []
  for (const { phase, mean, usual } of all) {
    const said = what[phase]
    if (said === undefined || usual === null) continue
    if (mean < LEAST_MS || mean < TIMES * usual.median) return null
    slow.push({ phase, mean, usual, said })
  }
  const [first] = slow
  if (first === undefined) return null
  const { phase, mean, usual, said } = first
  return {
    detector: 'slow',
    message: `${Math.round(mean)} ms ${said}, where ${Math.round(usual.median)} ms are usual`,
    evidence: { phase, mean_ms: Math.round(mean), usual_ms: Math.round(usual.median), attempts: usual.attempts },
  }
}
