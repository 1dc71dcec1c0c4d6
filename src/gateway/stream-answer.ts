/** Answers that are sent while they are made. */
import type { Failure, Result } from '../failure.ts'
import type { Answered } from './metered-call.ts'

/** How a dialect writes an answer in pieces; each function returns what goes over the wire. */
export type Frames = {
  type: 'text/event-stream; charset=utf-8' | 'application/x-ndjson'
  /** Written before whatever is the first. */
  begin: () => string
  piece: (text: string) => string
  end: (answer: Answered) => string
  failed: (failure: Failure) => string
}

/**
 * Makes the call and answers with its stream. What fails before the first piece is a plain refusal with its own status;
 * the stream begins with the first piece. A client that leaves ends the call.
 */
export async function streamAnswer(
  call: (signal: AbortSignal, on_text: (text: string) => void) => Promise<Result<Answered>>,
  signal: AbortSignal,
  frames: Frames,
  refuse: (failure: Failure) => Response,
): Promise<Response> {
  const left = new AbortController()
  const encoder = new TextEncoder()
  const first = Promise.withResolvers<void>()
  let early = ''
  let begun = false
  let sink: ReadableStreamDefaultController<Uint8Array> | null = null
  const send = (frame: () => string): void => {
    const opening = begun ? '' : frames.begin()
    begun = true
    const text = opening + frame()
    if (text === '') return
    if (sink === null) early += text
    else if (!left.signal.aborted) sink.enqueue(encoder.encode(text))
  }
  const done = call(AbortSignal.any([signal, left.signal]), (text) => {
    send(() => frames.piece(text))
    first.resolve()
  })
  const failed_early = await Promise.race([first.promise.then(() => null), done])
  if (failed_early !== null && !failed_early.ok) return refuse(failed_early.failure)

  const stream = new ReadableStream<Uint8Array>({
    start: (controller) => {
      sink = controller
      if (early !== '') controller.enqueue(encoder.encode(early))
      void done.then((result) => {
        if (left.signal.aborted) return
        send(() => (result.ok ? frames.end(result.value) : frames.failed(result.failure)))
        controller.close()
      })
    },
    cancel: () => left.abort(),
  })
  return new Response(stream, {
    status: 200,
    headers: { 'content-type': frames.type, 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
