/**
 * Which runs execute. At most `limit` runs are begun at once, in the order in which they were accepted; a run that is
 * parked or waits holds no place, and one that is woken goes on at once, so that an answer is never queued behind new work.
 */
export type Dispatcher = {
  /** Queues a run that is in the store. Whether the queue has room is asked before a run is accepted. */
  begin: (run: string) => void
  /** Has a segment of the run invoked soon, whatever the limit: something came for it. */
  wake: (run: string) => void
  segmentBegan: (run: string) => void
  segmentEnded: (run: string) => void
  /** Sends again what could not be sent; called when the engine is back. */
  engineIsBack: () => void
  status: () => { executing: number; queued: number; limit: number }
  close: () => void
}

const RETRY_MS = 500

export function openDispatcher(limit: number, send: (run: string) => Promise<void>): Dispatcher {
  const queue: string[] = []
  /** Sent, but no segment has begun yet. */
  const sent = new Set<string>()
  const active = new Set<string>()
  const unsent = new Set<string>()
  let timer: NodeJS.Timeout | null = null
  let closed = false

  const executing = (): number => {
    let n = active.size
    for (const run of sent) if (!active.has(run)) n++
    return n
  }

  const dispatch = (run: string): void => {
    if (closed || sent.has(run)) return
    sent.add(run)
    send(run).catch(() => {
      // The engine is away. The run is safe in the store; it is sent again when the engine is back.
      if (!sent.delete(run)) return
      unsent.add(run)
      timer ??= setTimeout(again, RETRY_MS)
    })
  }
  const again = (): void => {
    timer = null
    const runs = [...unsent]
    unsent.clear()
    for (const run of runs) dispatch(run)
  }
  const pump = (): void => {
    while (queue.length > 0 && executing() + unsent.size < limit) dispatch(queue.shift() as string)
  }

  return {
    begin(run) {
      queue.push(run)
      pump()
    },
    wake: dispatch,
    segmentBegan(run) {
      sent.delete(run)
      active.add(run)
    },
    segmentEnded(run) {
      active.delete(run)
      pump()
    },
    engineIsBack() {
      // What was sent to an engine that died before it stored it would be waited for in vain: sending again is harmless.
      for (const run of sent) if (!active.has(run)) unsent.add(run)
      for (const run of unsent) sent.delete(run)
      again()
    },
    status: () => ({ executing: executing(), queued: queue.length, limit }),
    close() {
      closed = true
      if (timer !== null) clearTimeout(timer)
    },
  }
}
