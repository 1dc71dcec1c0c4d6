import { fail, ok, type Result } from '../failure.ts'
import { endedBy } from './model-host.ts'

/** Calls that may wait for one host; Ollama's own bound (OLLAMA_MAX_QUEUE). */
export const WAITING_LIMIT = 512

export type PlaceQueue = {
  /** Waits for a place in order of arrival; the value gives it back (once; repeats are ignored). */
  take: (signal: AbortSignal) => Promise<Result<() => void>>
  in_flight: () => number
  queued: () => number
}

/** Bounded concurrency for one host: `places` at once, then first in, first out, then `busy`. */
export function placeQueue(places: number, waiting_limit = WAITING_LIMIT): PlaceQueue {
  const waiting: ((release: () => void) => void)[] = []
  let taken = 0
  /** Exponential mean of how long a place is held; only for `retry_after_s`. */
  let mean_held_ms = 1000

  const grant = (): (() => void) => {
    const since = performance.now()
    let released = false
    return () => {
      if (released) return
      released = true
      mean_held_ms += 0.2 * (performance.now() - since - mean_held_ms)
      const next = waiting.shift()
      if (next) next(grant())
      else taken -= 1
    }
  }

  return {
    in_flight: () => taken,
    queued: () => waiting.length,
    take: (signal) => {
      if (signal.aborted) return Promise.resolve(endedBy(signal))
      if (taken < places) {
        taken += 1
        return Promise.resolve(ok(grant()))
      }
      if (waiting.length >= waiting_limit) {
        const retry_after_s = Math.min(300, Math.max(1, Math.ceil((mean_held_ms * waiting.length) / places / 1000)))
        return Promise.resolve(
          fail('busy', `${waiting.length} calls already wait for this model host.`, {
            retry_after_s,
            remedy: 'Try again later, or add a model host.',
          }),
        )
      }
      return new Promise((resolve) => {
        const leave = () => {
          waiting.splice(waiting.indexOf(enter), 1)
          resolve(endedBy(signal))
        }
        const enter = (release: () => void) => {
          signal.removeEventListener('abort', leave)
          resolve(ok(release))
        }
        waiting.push(enter)
        signal.addEventListener('abort', leave, { once: true })
      })
    },
  }
}
