import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type ServerSentEvent, serverSentEvents } from './event-stream.ts'

async function read(bytes: Uint8Array, cuts: number[] = []): Promise<ServerSentEvent[]> {
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 1; i < edges.length; i++) controller.enqueue(bytes.slice(edges[i - 1], edges[i]))
      controller.close()
    },
  })
  const events: ServerSentEvent[] = []
  for await (const event of serverSentEvents(body)) events.push(event)
  return events
}

const text =
  'retry: 2000\n\n: comment\nid: 1\nevent: a\ndata: {"x":\ndata: "é👍"}\n\r\ndata:no blank\r\n\r\nid: 3\n\nevent: end\ndata: {}\n\ndata: cut off'
const expected = [
  { event: 'a', data: '{"x":\n"é👍"}', id: '1' },
  { event: 'message', data: 'no blank', id: '1' },
  { event: 'end', data: '{}', id: '3' },
]

test('events with comments, several data lines and both kinds of line ends; an unfinished one is none', async () => {
  assert.deepEqual(await read(new TextEncoder().encode(text)), expected)
})

test('wherever the network cuts it', async () => {
  const bytes = new TextEncoder().encode(text)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(500), { maxLength: 40 }), async (cuts) =>
      assert.deepEqual(await read(bytes, cuts), expected),
    ),
  )
})
