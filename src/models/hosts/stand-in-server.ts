/** For tests: an HTTP server on loopback that stands in for a model server, and tells when a client hung up on it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type StandIn = {
  url: string
  /** Bodies of the POSTs so far. */
  requests: { [field: string]: unknown }[]
  /** Resolves when a client has closed the connection of an answer that was not finished. */
  hung_up: Promise<void>
  /** Resolves when no answer is under way. */
  idle: () => Promise<void>
  close: () => Promise<void>
}

export type Answerer = (
  request: IncomingMessage,
  body: { [field: string]: unknown },
  response: ServerResponse,
) => void | Promise<void>

export async function standIn(answer: Answerer): Promise<StandIn> {
  const requests: StandIn['requests'] = []
  const hung_up = Promise.withResolvers<void>()
  let answering = 0
  let wake = () => {}
  const server = createServer(async (request, response) => {
    answering += 1
    response.on('close', () => {
      answering -= 1
      wake()
      if (!response.writableEnded) hung_up.resolve()
    })
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const body = text === '' ? {} : JSON.parse(text)
    if (request.method === 'POST') requests.push(body)
    await answer(request, body, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hung_up: hung_up.promise,
    idle: async () => {
      while (answering > 0) {
        const next = Promise.withResolvers<void>()
        wake = next.resolve
        await next.promise
      }
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Answers with JSON. */
export function json(
  response: ServerResponse,
  status: number,
  value: unknown,
  headers: { [name: string]: string } = {},
) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value))
}
