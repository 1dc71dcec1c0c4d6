/**
 * Calls in flight in this process, by the address of their step. When the engine dies and comes back it asks for the
 * step again; the second asking joins the first call instead of calling the agent twice.
 *
 * Invariants:
 *  F1. One call at a time for a key, whoever asks.
 *  F2. A cancelled key never starts again, also when the cancel came before the call.
 *  F3. A result is kept for a short time, for an asking that was under way when the call settled.
 */
const KEPT_MS = 30_000

type Flight = { controller: AbortController; result: Promise<unknown> }

export type Flights = {
  once: <T>(key: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>
  /** Aborts the call and all later ones of this key; resolves when the outside work has ended. */
  cancel: (key: string) => Promise<void>
  /** Forgets what is known of keys with this prefix (a run that has ended). */
  forget: (prefix: string) => void
  /** Aborts everything with a reason that makes callers ask again after a restart. */
  close: () => Promise<void>
  size: () => number
}

export class CancelledStep extends Error {}
export class ShuttingDown extends Error {}

export function openFlights(): Flights {
  const flights = new Map<string, Flight>()
  const cancelled = new Set<string>()
  let closed = false
  /** Calls that have settled, in the order in which they did; swept as new ones come, without a timer for each. */
  const settled: { key: string; flight: Flight; at: number }[] = []
  const sweep = (): void => {
    const before = Date.now() - KEPT_MS
    let old = 0
    for (; old < settled.length; old++) {
      const entry = settled[old]
      if (entry === undefined || entry.at > before) break
      if (flights.get(entry.key) === entry.flight) flights.delete(entry.key)
    }
    if (old > 0) settled.splice(0, old)
  }

  return {
    once<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      if (closed) return Promise.reject(new ShuttingDown())
      const running = flights.get(key)
      if (running !== undefined) return running.result as Promise<T>
      const controller = new AbortController()
      if (cancelled.has(key)) controller.abort(new CancelledStep())
      const result = work(controller.signal)
      const flight = { controller, result }
      flights.set(key, flight)
      result.then(
        () => settled.push({ key, flight, at: Date.now() }),
        () => flights.get(key) === flight && flights.delete(key),
      )
      sweep()
      return result
    },
    async cancel(key) {
      cancelled.add(key)
      const flight = flights.get(key)
      if (flight === undefined) return
      flight.controller.abort(new CancelledStep())
      await flight.result.catch(() => undefined)
    },
    forget(prefix) {
      for (const key of flights.keys()) if (key.startsWith(prefix)) flights.delete(key)
      for (const key of cancelled) if (key.startsWith(prefix)) cancelled.delete(key)
    },
    async close() {
      closed = true
      const all = [...flights.values()]
      for (const flight of all) flight.controller.abort(new ShuttingDown())
      await Promise.allSettled(all.map((flight) => flight.result))
    },
    size: () => flights.size,
  }
}
