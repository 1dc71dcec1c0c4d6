/**
 * One connection to the server's stream of changes. Where the stream cannot be had, changes are asked for; where nothing
 * answers, that shows at once, and it heals by itself. The stream tells what changed, never what it changed to, so a
 * gap costs nothing: whatever was missed is read again when it is back.
 */
export type ConnectionState = 'connecting' | 'live' | 'polling' | 'lost'
export type Connection = {
  state: () => ConnectionState
  subscribe: (listener: () => void) => () => void
  /** Begins anew, after {@link close} too. */
  again: () => void
  close: () => void
}

const RETRY_MS = [400, 1_000, 2_000, 3_000]
/** Three streams in a row that could not be opened although the server answers: a proxy holds them up. */
const FAILED_STREAMS = 3
const POLL_MS = 3_000
/** A server that hangs keeps its sockets open; it is asked from time to time. */
const HEARTBEAT_MS = 5_000
const PATIENCE_MS = 4_000

export function openConnection(changed: (run: string) => void, everything: () => void): Connection {
  let state: ConnectionState = 'connecting'
  let source: EventSource | null = null
  let timer = 0
  let attempt = 0
  let failedStreams = 0
  let seenBefore = false
  const listeners = new Set<() => void>()
  const become = (next: ConnectionState) => {
    if (next === state) return
    state = next
    for (const listener of listeners) listener()
  }
  const after = (ms: number, then: () => unknown) => {
    window.clearTimeout(timer)
    timer = window.setTimeout(then, ms)
  }
  const answers = () =>
    fetch('/healthz', { signal: AbortSignal.timeout(PATIENCE_MS) }).then(
      (response) => response.ok,
      () => false,
    )
  const drop = () => {
    source?.close()
    source = null
  }
  const watch = (): void =>
    after(HEARTBEAT_MS, async () => {
      if (document.visibilityState === 'hidden' || (await answers())) {
        if (source !== null) watch()
        return
      }
      drop()
      become('lost')
      retry()
    })
  const retry = () => after(RETRY_MS[Math.min(attempt++, RETRY_MS.length - 1)] ?? POLL_MS, connect)
  const connect = async () => {
    if (state !== 'live' && seenBefore && !(await answers())) {
      become('lost')
      return retry()
    }
    if (failedStreams >= FAILED_STREAMS) {
      become('polling')
      everything()
      // The stream is tried again now and then.
      if (attempt++ % 10 !== 0) return after(POLL_MS, connect)
    }
    drop()
    const opened = new EventSource('/events')
    source = opened
    opened.addEventListener('open', () => {
      attempt = 0
      failedStreams = 0
      if (seenBefore) everything()
      seenBefore = true
      become('live')
      watch()
    })
    opened.addEventListener('run', (message) => changed((JSON.parse(message.data as string) as { id: string }).id))
    opened.addEventListener('error', async () => {
      if (source !== opened) return
      drop()
      seenBefore = true
      if (await answers()) failedStreams += 1
      else become('lost')
      retry()
    })
  }
  void connect()
  return {
    state: () => state,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    again() {
      window.clearTimeout(timer)
      failedStreams = 0
      attempt = 0
      void connect()
    },
    close() {
      window.clearTimeout(timer)
      drop()
    },
  }
}
