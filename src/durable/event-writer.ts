/**
 * Events of all runs, written together: one commit for what came within some milliseconds, or sooner when a segment
 * waits for its events to be stored. Fewer commits are faster for everybody: each holds up the engine's own on one disk.
 *
 * Invariants:
 *  W1. Batches of one run are stored in the order in which they were pushed.
 *  W2. A store that fails (disk full) is asked again until it works: no event is dropped, segments wait meanwhile.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { EventBatch, Store } from '../store/store.ts'
import type { Logger } from './logger.ts'

const GATHER_MS = 10

export type EventWriter = {
  push: (batch: EventBatch) => void
  /** Resolves when everything pushed for the run is stored. `false`: refused, because a newer segment has taken over. */
  stored: (run: string) => Promise<boolean>
  /** Why writing does not work at the moment, or null. */
  trouble: () => string | null
  pending: () => number
  flush: () => Promise<void>
}

export function openEventWriter(store: Store, logger: Logger): EventWriter {
  let queue: EventBatch[] = []
  let writing: Promise<void> | null = null
  let trouble: string | null = null
  const fenced = new Set<string>()
  /** Ends the gathering at once. */
  let hurry = (): void => undefined
  const someoneWaits = (): boolean => queue.some((batch) => (unstored.get(batch.run)?.waiting.length ?? 0) > 0)
  /** Batches not stored yet, by run, and who waits for the last of them. */
  const unstored = new Map<string, { left: number; waiting: (() => void)[] }>()

  const write = async (): Promise<void> => {
    while (queue.length > 0) {
      await new Promise<void>((resolve) => {
        hurry = resolve
        setTimeout(resolve, someoneWaits() ? 0 : GATHER_MS)
      })
      const batches = queue
      queue = []
      for (let failures = 0; ; failures++) {
        try {
          for (const run of (await store.events.append(batches)).fenced) fenced.add(run)
          trouble = null
          break
        } catch (error) {
          trouble = error instanceof Error ? error.message : String(error)
          if (failures % 20 === 0)
            logger.error({ trouble, events: batches.length }, 'events cannot be stored; runs wait until they can')
          await wait(Math.min(2_000, 50 * 2 ** Math.min(failures, 6)))
        }
      }
      for (const batch of batches) {
        const open = unstored.get(batch.run)
        if (open === undefined || --open.left > 0) continue
        unstored.delete(batch.run)
        for (const resolve of open.waiting) resolve()
      }
    }
    writing = null
  }

  return {
    push(batch) {
      queue.push(batch)
      const open = unstored.get(batch.run)
      if (open === undefined) unstored.set(batch.run, { left: 1, waiting: [] })
      else open.left++
      writing ??= write()
    },
    async stored(run) {
      const open = unstored.get(run)
      if (open !== undefined)
        await new Promise<void>((resolve) => {
          open.waiting.push(resolve)
          hurry()
        })
      return !fenced.delete(run)
    },
    trouble: () => trouble,
    pending: () => queue.length,
    async flush() {
      hurry()
      while (writing !== null) await writing
    },
  }
}
