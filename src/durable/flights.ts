/**
 * Calls in flight in this process, by run and address of their step. When the engine dies and comes back it asks for the
 * step again; the second asking joins the first call instead of calling the agent twice.
 *
 * Invariants:
 *  F1. One call at a time for a step, whoever asks.
 *  F2. A cancelled step never starts again, also when the cancel came before the call.
 *  F3. A result is kept until its run has taken it: an asking that comes before gets it too. One that comes later is not
 *      performed, since the log says that the step is not owed any more (open-run.ts).
 */
type Flight = { controller: AbortController; result: Promise<unknown> }
type FlightsOfRun = { steps: Map<string, Flight>; cancelled: Set<string> }

export type Flights = {
  once: <T>(run: string, step: string, work: (signal: AbortSignal) => Promise<T>) => Promise<T>
  /** Aborts the call and all later ones of this step. */
  cancel: (run: string, step: string) => void
  /** The run has taken the result and stored what followed from it. */
  taken: (run: string, step: string) => void
  /** Aborts what is in flight for a run that has ended, and forgets it. */
  end: (run: string) => void
  /** Aborts everything with a reason that makes callers ask again after a restart. */
  close: () => Promise<void>
  size: () => number
}

export class CancelledStep extends Error {}
export class ShuttingDown extends Error {}

export function openFlights(): Flights {
  const runs = new Map<string, FlightsOfRun>()
  let closed = false
  const ofRun = (run: string): FlightsOfRun => {
    const known = runs.get(run)
    if (known !== undefined) return known
    const made = { steps: new Map<string, Flight>(), cancelled: new Set<string>() }
    runs.set(run, made)
    return made
  }
  const drop = (run: string, step: string, flight: Flight | undefined): void => {
    const of = runs.get(run)
    if (of === undefined || flight === undefined || of.steps.get(step) !== flight) return
    of.steps.delete(step)
    if (of.steps.size === 0 && of.cancelled.size === 0) runs.delete(run)
  }

  return {
    once<T>(run: string, step: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
      if (closed) return Promise.reject(new ShuttingDown())
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
    cancel(run, step) {
      const { steps, cancelled } = ofRun(run)
      cancelled.add(step)
      steps.get(step)?.controller.abort(new CancelledStep())
    },
    taken: (run, step) => drop(run, step, runs.get(run)?.steps.get(step)),
    end(run) {
      for (const { controller } of runs.get(run)?.steps.values() ?? []) controller.abort(new CancelledStep())
      runs.delete(run)
    },
    async close() {
      closed = true
      const all = [...runs.values()].flatMap(({ steps }) => [...steps.values()])
      for (const flight of all) flight.controller.abort(new ShuttingDown())
      await Promise.allSettled(all.map((flight) => flight.result))
    },
    size: () => [...runs.values()].reduce((sum, { steps }) => sum + steps.size, 0),
  }
}
