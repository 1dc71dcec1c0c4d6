/**
 * How many wrong keys came from one address lately. A right key always passes: 256 random bits cannot be guessed, so
 * this bounds noise and log, and must not lock out everybody behind one proxy because of one outdated key there.
 */
import type { Failure } from '../failure.ts'

const WINDOW_MS = 60_000
const MOST_IN_WINDOW = 20
/** Addresses remembered; the oldest go. */
const MOST_ADDRESSES = 10_000

export function failedAttempts(now: () => number) {
  const seen = new Map<string, { since: number; n: number }>()
  return {
    /** Counts one; a failure from the 21st of a minute on. `first`: nobody has been told of this minute yet. */
    count(address: string): { first: boolean; busy: Failure | null } {
      const at = now()
      let entry = seen.get(address)
      // A clock that was set back must not lock anybody out.
      if (entry === undefined || at - entry.since >= WINDOW_MS || at < entry.since) {
        entry = { since: at, n: 0 }
        seen.delete(address)
        seen.set(address, entry)
        const oldest = seen.keys().next().value
        if (seen.size > MOST_ADDRESSES && oldest !== undefined) seen.delete(oldest)
      }
      entry.n += 1
      if (entry.n <= MOST_IN_WINDOW) return { first: entry.n === 1, busy: null }
      return {
        first: false,
        busy: {
          kind: 'busy',
          message: `more than ${MOST_IN_WINDOW} wrong keys came from this address within a minute`,
          field: 'authorization',
          remedy: 'correct the key, then try again',
          retry_after_s: (entry.since + WINDOW_MS - at) / 1_000,
        },
      }
    },
  }
}
