/** Server-sent events, read from a response (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). */
export type ServerSentEvent = { event: string; data: string; id: string | null }

/** A single event longer than this is not one of ours. */
const LONGEST_EVENT = 16_000_000

/** Ends when the stream ends; throws what the connection throws. */
export async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerSentEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let event = ''
  let data: string[] = []
  let id: string | null = null
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true })
    if (rest.length > LONGEST_EVENT) throw new Error('an event of the stream is too long')
    const lines = rest.split(/\r\n|\n|\r(?!$)/)
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { event: event || 'message', data: data.join('\n'), id }
        event = ''
        data = []
        continue
      }
      const colon = line.indexOf(':')
      const name = colon < 0 ? line : line.slice(0, colon)
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
      if (name === 'event') event = value
      else if (name === 'data') data.push(value)
      else if (name === 'id' && !value.includes('\0')) id = value
    }
  }
}
