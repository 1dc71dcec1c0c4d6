/**
 * Calls in flight in this process, by run and address of their step. When the engine dies and comes back it asks for the
 * step again; the second asking joins the first call instead of calling the agent twice.
 *
 * Invariants:
 *  F1. One call at a time for a step, whoever asks.
 *  F2. A cancelled step never starts again, also when the cancel came before the call.
 *  F3. A result is kept until its run has taken it, and a little longer: an asking that comes late gets it too.
 */
const KEPT_MS = 10_000

type Flight = { controller: AbortController; result: Promise<unknown> }
type FlightsOfRun = { steps: Map<string, Flight>; cancelled: Set<string> }

export type Flights = {
  once: <T>(run: string, step: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>
  /** Aborts the call and all later ones of this step; resolves when the outside work has ended. */
  cancel: (run: string, step: string) => Promise<void>
  /** The run has taken the result and will not ask for it again, unless the engine loses what it acknowledged. */
  taken: (run: string, step: string) => void
  /** Forgets what is known of a run that has ended. */
  forget: (run: string) => void
  /** Aborts everything with a reason that makes callers ask again after a restart. */
  close: () => Promise<void>
  size: () => number
}

export class CancelledStep extends Error {}
export class ShuttingDown extends Error {}

export function openFlights(now: () => number = Date.now): Flights {
  const runs = new Map<string, FlightsOfRun>()
  let closed = false
  const ofRun = (run: string): FlightsOfRun => {
    const known = runs.get(run)
    if (known !== undefined) return known
    const made = { steps: new Map<string, Flight>(), cancelled: new Set<string>() }
    runs.set(run, made)
    return made
  }
  const drop = (run: string, step: string, flight: Flight): void => {
    const of = runs.get(run)
    if (of?.steps.get(step) !== flight) return
    of.steps.delete(step)
    if (of.steps.size === 0 && of.cancelled.size === 0) runs.delete(run)
  }
  /** Results that were taken, in that order; swept as new calls come, now and then, without a timer for each. */
  let taken: { run: string; step: string; flight: Flight; at: number }[] = []
  let swept = 0
  const sweep = (): void => {
    const at = now()
    const before = at - KEPT_MS
    // A clock that was set back must not stop it.
    if (Math.abs(at - swept) < KEPT_MS / 10) return
    swept = at
    if ((taken[0]?.at ?? before) >= before) return
    const kept = taken.findIndex((entry) => entry.at >= before)
    const old = kept === -1 ? taken : taken.slice(0, kept)
    taken = kept === -1 ? [] : taken.slice(kept)
    for (const { run, step, flight } of old) drop(run, step, flight)
  }

  return {
    once<T>(run: string, step: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      if (closed) return Promise.reject(new ShuttingDown())
      sweep()
      const { steps, cancelled } = ofRun(run)
      const running = steps.get(step)
      if (running !== undefined) return running.result as Promise<T>
      const controller = new AbortController()
      if (cancelled.has(step)) controller.abort(new CancelledStep())
      const result = work(controller.signal)
      const flight = { controller, result }
      steps.set(step, flight)
      result.catch(() => drop(run, step, flight))
      return result
    },
    async cancel(run, step) {
      const { steps, cancelled } = ofRun(run)
      cancelled.add(step)
      const flight = steps.get(step)
      if (flight === undefined) return
      flight.controller.abort(new CancelledStep())
      await flight.result.catch(() => undefined)
    },
    taken(run, step) {
      const flight = runs.get(run)?.steps.get(step)
      if (flight !== undefined) taken.push({ run, step, flight, at: now() })
    },
    forget: (run) => void runs.delete(run),
    async close() {
      closed = true
      const all = [...runs.values()].flatMap(({ steps }) => [...steps.values()])
      for (const flight of all) flight.controller.abort(new ShuttingDown())
      await Promise.allSettled(all.map((flight) => flight.result))
    },
    size: () => [...runs.values()].reduce((sum, { steps }) => sum + steps.size, 0),
  }
}
