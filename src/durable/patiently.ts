/**
 * Keeps what was dear to get. When an agent has answered and its answer cannot be stored just now (the disk is full or
 * read-only), storing is tried again: failing the step would have the engine ask the agent again, every second.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { StoreFailure } from '../store/store-failure.ts'

const LONGEST_PAUSE_MS = 2_000

/** Rejects with the reason of `signal` when it aborts, and at once with what waiting does not mend. */
export async function patiently<T>(signal: AbortSignal, store: () => Promise<T>): Promise<T> {
  for (let pause = 50; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
    try {
      return await store()
    } catch (error) {
      const mends =
        error instanceof StoreFailure && (error.failure.kind === 'disk_full' || error.failure.kind === 'unavailable')
      if (!mends) throw error
    }
    await wait(pause, undefined, { signal }).catch(() => undefined)
    signal.throwIfAborted()
  }
}
