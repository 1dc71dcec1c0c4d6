/**
 * Live streams (Server-Sent Events, https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * Invariants:
 *  E1. What is sent was read from the database by sequence number; the watcher only says when to look again. So
 *      nothing is lost or doubled at the seam between history and live, nor after a reconnect with Last-Event-ID.
 *  E2. Nothing is read before the client has taken what was sent (the stream is pulled), so a slow client costs one
 *      page of memory.
 *  E3. A client that goes away frees its watcher, its timer and its place.
 */
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import { hasEnded } from '../workflow/run-state.ts'

/** Streams at once; each costs a socket and a watcher. */
export const MOST_STREAMS = 200
const PAGE = 100

export type Streams = {
  /** Open streams now. */
  count: () => number
  run: (run: string, after: number, options: StreamOptions) => Result<Response>
  all: (options: StreamOptions) => Result<Response>
  close: () => void
}

export type StreamOptions = { signal: AbortSignal; headers: Record<string, string> }

/** `heartbeat_ms`: a comment is sent after so long without an event, so that proxies keep the connection. */
export function streams({
  store,
  heartbeat_ms,
  most = MOST_STREAMS,
}: {
  store: Store
  heartbeat_ms: number
  most?: number
}): Streams {
  const open = new Set<() => void>()

  /** `watched`: run or `*`. `next` gives what there is to send now, '' for nothing yet, null for the end. */
  const start = (
    watched: string,
    next: (dirty: Set<string>) => Promise<string | null>,
    { signal, headers }: StreamOptions,
  ): Result<Response> => {
    if (open.size >= most) return { ok: false, failure: tooMany(most) }
    const encoder = new TextEncoder()
    const dirty = new Set<string>()
    let wake: (() => void) | null = null
    let closed = false
    const woken = () => {
      wake?.()
      wake = null
    }
    const unwatch = store.events.watch(watched, (run) => {
      dirty.add(run)
      woken()
    })
    const close = () => {
      closed = true
      unwatch()
      open.delete(close)
      signal.removeEventListener('abort', close)
      woken()
    }
    open.add(close)
    signal.addEventListener('abort', close, { once: true })
    if (signal.aborted) close()

    const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      while (!closed) {
        // Asked before reading: what is stored while we read wakes the next wait at once.
        const stored = new Promise<'stored'>((resolve) => {
          wake = () => resolve('stored')
        })
        const text = await next(dirty)
        if (closed) break
        if (text === null) {
          close()
          break
        }
        if (text !== '') return controller.enqueue(encoder.encode(text))
        let timer: NodeJS.Timeout | undefined
        const silence = new Promise<'silence'>((resolve) => {
          timer = setTimeout(() => resolve('silence'), heartbeat_ms)
        })
        const why = await Promise.race([stored, silence])
        clearTimeout(timer)
        if (why === 'silence' && !closed) return controller.enqueue(encoder.encode(': still here\n\n'))
      }
      try {
        controller.close()
      } catch {
        // The client went away first and the stream is closed already.
      }
    }
    const pulled = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
      try {
        await pull(controller)
      } catch (error) {
        close()
        throw error
      }
    }
    const body = new ReadableStream<Uint8Array>({ pull: pulled, cancel: close }, { highWaterMark: 1 })
    return ok(
      new Response(body, {
        headers: {
          ...headers,
          'content-type': 'text/event-stream; charset=utf-8',
          'cache-control': 'no-store',
          'x-accel-buffering': 'no',
        },
      }),
    )
  }

  return {
    count: () => open.size,

    run(run, after, options) {
      let seq = after
      let first = true
      let ended = false
      return start(
        run,
        async () => {
          if (ended) return null
          const head = first ? 'retry: 2000\n\n' : ''
          first = false
          const events = await store.events.read(run, seq, PAGE)
          seq = events.at(-1)?.seq ?? seq
          const text = head + events.map((event) => frame(event.type, JSON.stringify(event), event.seq)).join('')
          const last = events.at(-1)
          if (events.length === PAGE && last?.type !== 'run_finished') return text
          // `run_finished` is the last event of a run; one that resumes behind it has nothing to wait for either.
          if (last?.type !== 'run_finished' && (last !== undefined || !(await isOver(run, seq)))) return text
          ended = true
          const row = await store.runs.get(run)
          return text + frame('end', JSON.stringify({ run, status: row?.status ?? null, reason: row?.reason ?? null }))
        },
        options,
      )
    },

    all(options) {
      let first = true
      return start(
        '*',
        async (dirty) => {
          let text = first ? 'retry: 2000\n\n' : ''
          first = false
          for (const run of [...dirty].slice(0, PAGE)) {
            dirty.delete(run)
            const row = await store.runs.get(run)
            if (row === null) continue
            const { epoch: _epoch, mail: _mail, ...shown } = row
            text += frame('run', JSON.stringify(shown))
          }
          return text
        },
        options,
      )
    },

    close() {
      for (const end of [...open]) end()
    },
  }

  async function isOver(run: string, seq: number): Promise<boolean> {
    const row = await store.runs.get(run)
    return row === null || (hasEnded(row.status) && row.seq <= seq)
  }
}

/** JSON has no raw line breaks, so one `data:` line carries it. */
const frame = (event: string, data: string, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`

const tooMany = (most: number): Failure => ({
  kind: 'busy',
  message: `${most} event streams are open, and no more are allowed`,
  remedy: 'close one, or read the events page by page',
  retry_after_s: 5,
})

/** Where a stream begins: `Last-Event-ID` of a client that reconnects, else `after` of the query, else the start. */
export function startOfStream(request: Request): Result<{ after: number; reconnects: boolean }> {
  const reconnects = request.headers.get('last-event-id')
  const given = reconnects ?? new URL(request.url).searchParams.get('after') ?? '0'
  if (/^\d{1,15}$/.test(given)) return ok({ after: Number(given), reconnects: reconnects !== null })
  const field = reconnects === null ? 'after' : 'last-event-id'
  return fail('invalid_input', `${field} is not the number of an event`, {
    field,
    value: given.slice(0, 60),
    remedy: 'give the number of the last event seen, or leave it out',
  })
}

export const wantsStream = (request: Request): boolean =>
  (request.headers.get('accept') ?? '').includes('text/event-stream') ||
  new URL(request.url).searchParams.get('stream') === '1'
