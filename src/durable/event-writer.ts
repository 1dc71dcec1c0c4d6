/**
 * Events of all runs, written together: while one commit is under way, what comes gathers for the next. A run goes on
 * when its events are stored, so the busier the program is, the more of them share a commit.
 *
 * Invariants:
 *  W1. Batches of one run are stored in the order in which they were handed over.
 *  W2. A store that fails (disk full) is asked again until it works or the program ends: no event is dropped, runs wait
 *      meanwhile. What could not be stored by the end is done again by the next start.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { EventBatch, Store } from '../store/store.ts'
import type { Logger } from './logger.ts'

export type EventWriter = {
  /**
   * Resolves when the batch is stored. `false`: refused, because somebody else has taken the run over. Rejects when the
   * program ends before it could be stored.
   */
  store: (batch: EventBatch) => Promise<boolean>
  /** Why writing does not work at the moment, or null. */
  trouble: () => string | null
  pending: () => number
  /** From now on nothing is tried twice. */
  close: () => void
  /** Resolves when nothing is left to be stored. */
  settled: () => Promise<void>
}

type Waiting = { batch: EventBatch; done: (stored: boolean) => void; failed: (error: unknown) => void }

export function openEventWriter(store: Store, logger: Logger): EventWriter {
  let queue: Waiting[] = []
  let writing: Promise<void> | null = null
  let trouble: string | null = null
  const closing = new AbortController()

  const append = async (batches: EventBatch[]): Promise<string[]> => {
    for (let failures = 0; ; failures++) {
      try {
        const { fenced } = await store.events.append(batches)
        trouble = null
        return fenced
      } catch (error) {
        trouble = error instanceof Error ? error.message : String(error)
        if (failures % 20 === 0)
          logger.error({ trouble, events: batches.length }, 'events cannot be stored; runs wait until they can')
        if (closing.signal.aborted) throw error
        const pause = Math.min(2_000, 50 * 2 ** Math.min(failures, 6))
        await wait(pause, undefined, { signal: closing.signal }).catch(() => undefined)
      }
    }
  }

  const write = async (): Promise<void> => {
    // What is handed over in the same turn of the event loop shares the commit.
    await null
    while (queue.length > 0) {
      const taken = queue
      queue = []
      try {
        const fenced = await append(taken.map(({ batch }) => batch))
        for (const { batch, done } of taken) done(fenced.length === 0 || !fenced.includes(batch.run))
      } catch (error) {
        for (const { failed } of taken) failed(error)
      }
    }
    writing = null
  }

  return {
    store: (batch) =>
      new Promise((done, failed) => {
        queue.push({ batch, done, failed })
        writing ??= write()
      }),
    trouble: () => trouble,
    pending: () => queue.length,
    close: () => closing.abort(),
    async settled() {
      while (writing !== null) await writing
    },
  }
}
