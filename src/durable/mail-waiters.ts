/** Wakes segments of this process when mail for their run has been stored. The inbox is the truth; this is only the poke. */
import type { Store } from '../store/store.ts'
import type { RunInput } from '../workflow/event.ts'

/** A wait is ended and begun again this often, so that no engine time-out ever applies to it. */
const LONGEST_WAIT_MS = 60_000
export const MAIL_AT_ONCE = 500

export type MailWaiters = {
  /**
   * Mail with number > after; waits for some to come. Aborting `enough` ends the wait, which then answers with what is
   * in the inbox; also when it was aborted before the wait began, as the engine begins work when it comes to it.
   */
  wait: (run: string, after: number, enough: AbortSignal) => Promise<RunInput[]>
  /** True when somebody was waiting and will read what was just stored. */
  arrived: (run: string) => boolean
}

export function openMailWaiters(store: Store): MailWaiters {
  const waiting = new Map<string, Set<() => void>>()
  const wake = (run: string): boolean => {
    const waiters = waiting.get(run)
    if (waiters === undefined) return false
    waiting.delete(run)
    for (const resolve of waiters) resolve()
    return true
  }
  return {
    async wait(run, after, enough) {
      // Registered before the first look, so that nothing can come in between.
      let resolve = (): void => undefined
      const poked = new Promise<void>((done) => {
        resolve = done
      })
      const waiters = waiting.get(run) ?? new Set()
      waiters.add(resolve)
      waiting.set(run, waiters)
      const timer = setTimeout(resolve, LONGEST_WAIT_MS)
      timer.unref()
      enough.addEventListener('abort', resolve)
      if (enough.aborted) resolve()
      try {
        const there = await store.inbox.read(run, after, MAIL_AT_ONCE)
        if (there.length > 0) return there
        await poked
        return await store.inbox.read(run, after, MAIL_AT_ONCE)
      } finally {
        clearTimeout(timer)
        enough.removeEventListener('abort', resolve)
        waiters.delete(resolve)
        if (waiters.size === 0 && waiting.get(run) === waiters) waiting.delete(run)
      }
    },
    arrived: wake,
  }
}
