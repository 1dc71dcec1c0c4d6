/** Bytes of one answer on the wire: each token comes wrapped in some 150 bytes of JSON. */
export const WIRE_LIMIT = 64 * 1024 * 1024

export class AnswerTooLarge extends Error {
  constructor(limit: number) {
    super(`The answer is longer than ${limit} bytes`)
  }
}

/** A `fetch` whose bodies end with {@link AnswerTooLarge} after `limit` bytes, however they are read. */
export function boundedFetch(inner: typeof fetch, limit = WIRE_LIMIT): typeof fetch {
  return async (input, init) => {
    const response = await inner(input, init)
    if (!response.body) return response
    let received = 0
    const counted = response.body.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          received += chunk.byteLength
          if (received > limit) controller.error(new AnswerTooLarge(limit))
          else controller.enqueue(chunk)
        },
      }),
    )
    return new Response(counted, {
      status: response.status,
      statusText: response.statusText,
      headers: response.headers,
    })
  }
}
