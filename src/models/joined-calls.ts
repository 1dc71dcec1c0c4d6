import type { Result } from '../failure.ts'
import type { ModelAnswer, ModelProgress } from './model-gateway.ts'
import { endedBy } from './model-host.ts'

type Work = (signal: AbortSignal, progress: (progress: ModelProgress) => void) => Promise<Result<ModelAnswer>>

type Flight = {
  answer: Promise<Result<ModelAnswer>>
  ends: AbortController
  listeners: Set<(progress: ModelProgress) => void>
}

export type JoinedCalls = {
  run: (
    key: string,
    signal: AbortSignal,
    progress: (progress: ModelProgress) => void,
    work: Work,
  ) => Promise<Result<ModelAnswer>>
}

/**
 * Identical deterministic calls that overlap in time become one. A caller who leaves ends the work only if nobody else
 * waits for it. Who joins late sees progress from then on, and the whole answer.
 */
export function joinedCalls(): JoinedCalls {
  const flights = new Map<string, Flight>()

  const depart = (key: string, work: Work): Flight => {
    const ends = new AbortController()
    const listeners: Flight['listeners'] = new Set()
    const tell = (progress: ModelProgress) => {
      for (const listener of listeners) listener(progress)
    }
    // A moment later, so that the one who starts it is listening when it tells that it waits.
    const answer = Promise.resolve()
      .then(() => work(ends.signal, tell))
      .finally(() => {
        if (flights.get(key) === flight) flights.delete(key)
      })
    const flight: Flight = { answer, ends, listeners }
    flights.set(key, flight)
    return flight
  }

  return {
    run: (key, signal, progress, work) => {
      if (signal.aborted) return Promise.resolve(endedBy(signal))
      const flight = flights.get(key) ?? depart(key, work)
      // An own function for each caller: two callers may pass the same one.
      const listener = (value: ModelProgress) => progress(value)
      flight.listeners.add(listener)
      return new Promise((resolve, reject) => {
        const leave = () => {
          flight.listeners.delete(listener)
          if (flight.listeners.size > 0) return resolve(endedBy(signal))
          // The last one out: nobody may join what is being ended, and the outside work has to be over before we say so.
          if (flights.get(key) === flight) flights.delete(key)
          flight.ends.abort(signal.reason)
          flight.answer.then(resolve, reject)
        }
        signal.addEventListener('abort', leave, { once: true })
        flight.answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
      })
    },
  }
}
