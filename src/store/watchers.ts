/** Tells listeners in this process that a run has new events. A hint, not the truth: they read the database. */
export type Watchers = {
  watch: (run: string | '*', listener: (run: string) => void) => () => void
  /** Called after a commit. Listeners hear of each run once, however many commits came in the same turn. */
  stored: (run: string) => void
  close: () => void
}

export function watchers(): Watchers {
  const listeners = new Map<string, Set<(run: string) => void>>()
  const pending = new Set<string>()
  let scheduled: NodeJS.Immediate | null = null

  const tell = (listener: (run: string) => void, run: string) => {
    try {
      listener(run)
    } catch (error) {
      // A listener's bug must neither reach the writer nor the other listeners, and must not be silent.
      process.emitWarning(error instanceof Error ? error : String(error))
    }
  }

  const deliver = () => {
    scheduled = null
    const runs = [...pending]
    pending.clear()
    for (const run of runs) {
      for (const listener of [...(listeners.get(run) ?? []), ...(listeners.get('*') ?? [])]) tell(listener, run)
    }
  }

  return {
    watch(run, listener) {
      // One entry for each call, so that the same function may watch twice and unsubscribe once.
      const entry = (of: string) => listener(of)
      const set = listeners.get(run) ?? new Set()
      listeners.set(run, set.add(entry))
      return () => {
        set.delete(entry)
        if (set.size === 0 && listeners.get(run) === set) listeners.delete(run)
      }
    },
    stored(run) {
      if (listeners.size === 0) return
      pending.add(run)
      scheduled ??= setImmediate(deliver)
    },
    close() {
      if (scheduled) clearImmediate(scheduled)
      scheduled = null
      pending.clear()
      listeners.clear()
    },
  }
}
