/**
 * A second watch over timers, by elapsed time and by our own clock. The engine fires a timer at a moment of its clock; one
 * that was set while the clock stood a day ahead would come a day late when the clock is put right, and one that was set
 * while it stood behind, too. Here it is known how long it was set for, and for when, so it comes then at the latest. Only for
 * as long as this process lives; firing twice does no harm.
 */
export type ElapsedTimers = {
  /** `ms`: how long from now. */
  set: (run: string, timer: string, due: number, ms: number) => void
  fired: (run: string, timer: string, due: number) => void
  /** Those that should have been fired `grace_ms` ago, by one or the other; each is told once. */
  overdue: (grace_ms: number) => { run: string; timer: string; due: number }[]
  forget: (run: string) => void
}

type Watched = { timer: string; due: number; over: number }

/** @param elapsed milliseconds by a clock that nobody sets @param now by the one by which timers are set */
export function openElapsedTimers(elapsed: () => number, now: () => number): ElapsedTimers {
  const runs = new Map<string, Map<string, Watched>>()
  const keyOf = (timer: string, due: number): string => `${timer} ${due}`
  const drop = (run: string, timer: string, due: number): void => {
    const of = runs.get(run)
    of?.delete(keyOf(timer, due))
    if (of?.size === 0) runs.delete(run)
  }
  return {
    set(run, timer, due, ms) {
      const of = runs.get(run) ?? new Map<string, Watched>()
      runs.set(run, of)
      of.set(keyOf(timer, due), { timer, due, over: elapsed() + ms })
    },
    fired: drop,
    overdue(grace_ms) {
      const [before, due_before] = [elapsed() - grace_ms, now() - grace_ms]
      const found: { run: string; timer: string; due: number }[] = []
      for (const [run, of] of runs)
        for (const { timer, due, over } of of.values())
          if (over < before || due < due_before) found.push({ run, timer, due })
      for (const { run, timer, due } of found) drop(run, timer, due)
      return found
    },
    forget: (run) => void runs.delete(run),
  }
}
