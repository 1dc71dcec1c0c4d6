/**
 * Stands in for model servers and for the outside world of agents, at the outermost boundary: OpenAI's dialect over real
 * HTTP, several hosts behind one port (`/NAME/v1`), each with a weather of its own, and desks where tools get their
 * answers (`/desk/NAME/TOOL?…`). What a model says follows from the transcript alone (its mind), as with models.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

type Message = { role: string; content: unknown; tool_calls?: { function: { name: string; arguments: string } }[] }

export type Asked = {
  model: string
  messages: Message[]
  /** Answers that this transcript has had so far. */
  turn: number
  /** The transcript as one text. */
  text: string
  /** What a tool said last, when that is what the model is to go on from. */
  observed: string | null
  structured: boolean
}

/** `pace_ms`: between two pieces of a text. */
export type Said = { text: string; pace_ms?: number; call?: { name: string; arguments: object } }
export type Mind = (asked: Asked) => Said

/** How a host is just now. */
export type Weather =
  | { kind: 'well' }
  /** Everything takes this many times as long. */
  | { kind: 'slow'; times: number }
  | { kind: 'answers'; status: number; body: string }
  /** Takes the request, and that is all. */
  | { kind: 'hangs' }
  /** Stops in the middle of an answer, and keeps the connection. */
  | { kind: 'stalls' }
  /** Speaks as Ollama does. */
  | { kind: 'other_dialect' }
  | { kind: 'garbage' }

export type Desk = (
  tool: string,
  query: URLSearchParams,
  n: number,
) => { status: number; text: string; after_ms?: number } | 'never'

export type MindedHost = {
  url: string
  /** By name; a host is there from the moment it has a weather. */
  weather: Map<string, Weather>
  minds: Map<string, Mind>
  desks: Map<string, Desk>
  /** Requests under way at the models. */
  underWay: () => number
  close: () => Promise<void>
}

/** Between two pieces where a mind does not say otherwise, and before the first. */
const USUAL_PACE_MS = 12
const PIECE = /\S+\s*|\s+/g

export async function mindedHost(port = 0): Promise<MindedHost> {
  const weather: MindedHost['weather'] = new Map()
  const minds: MindedHost['minds'] = new Map()
  const desks: MindedHost['desks'] = new Map()
  /** How often each desk was asked the same thing. */
  const asked = new Map<string, number>()
  let under_way = 0

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const [, first = '', second = '', ...rest] = url.pathname.split('/')
    let body = ''
    for await (const chunk of request.setEncoding('utf8')) body += chunk
    if (first === 'desk') {
      const times = (asked.get(request.url ?? '') ?? 0) + 1
      asked.set(request.url ?? '', times)
      const said = desks.get(second)?.(rest.join('/'), url.searchParams, times) ?? { status: 404, text: 'no such desk' }
      if (said !== 'never' && said.after_ms !== undefined) await wait(said.after_ms)
      if (said !== 'never') response.writeHead(said.status, { 'content-type': 'text/plain' }).end(said.text)
      return
    }
    const now = weather.get(first)
    if (now === undefined) return void response.writeHead(404).end('no such host')
    if (rest.join('/') === 'models') {
      const data = [...minds.keys()].map((id) => ({ id, object: 'model', owned_by: 'stand-in' }))
      return void response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ object: 'list', data }))
    }
    under_way += 1
    response.once('close', () => {
      under_way -= 1
    })
    await chat(body, now, response)
  }

  async function chat(body: string, now: Weather, response: ServerResponse): Promise<void> {
    const sent = JSON.parse(body) as { model: string; messages: Message[]; response_format?: { type: string } }
    if (now.kind === 'hangs') return
    if (now.kind === 'answers')
      return void response
        .writeHead(now.status, { 'content-type': 'application/json', 'retry-after': '1' })
        .end(now.body)
    if (now.kind === 'garbage')
      return void response
        .writeHead(200, { 'content-type': 'text/event-stream' })
        .end('<html><body>502 Bad Gateway</body></html>\n\ndata: {"choices": [{\n\n')
    const mind = minds.get(sent.model)
    if (mind === undefined)
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end(JSON.stringify({ error: { message: `model ${sent.model} not found`, type: 'not_found_error' } }))
    const said = mind(askedOf(sent))
    const factor = now.kind === 'slow' ? now.times : 1
    const pace = (said.pace_ms ?? USUAL_PACE_MS) * factor
    const pieces = said.text.match(PIECE) ?? []
    const prompt_tokens = JSON.stringify(sent.messages).split(/\s+/).length
    if (now.kind === 'other_dialect') {
      response.writeHead(200, { 'content-type': 'application/x-ndjson' })
      for (const content of pieces)
        response.write(
          `${JSON.stringify({ model: sent.model, message: { role: 'assistant', content }, done: false })}\n`,
        )
      return void response.end(
        `${JSON.stringify({ model: sent.model, message: { role: 'assistant', content: '' }, done: true, eval_count: pieces.length })}\n`,
      )
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const chunk = (choices: object[], more: object = {}): void => {
      const head = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: sent.model }
      response.write(`data: ${JSON.stringify({ ...head, choices, ...more })}\n\n`)
    }
    await wait(USUAL_PACE_MS * factor)
    for (const [i, content] of pieces.entries()) {
      if (response.destroyed) return
      if (now.kind === 'stalls' && i >= 2) return
      chunk([{ index: 0, delta: { content }, finish_reason: null }])
      // Large answers come in gusts: a timer for each of thousands of pieces would measure the timer.
      if (pace > 0 && (pieces.length < 500 || i % 100 === 0)) await wait(pace)
    }
    if (said.call !== undefined) {
      const call = { name: said.call.name, arguments: JSON.stringify(said.call.arguments) }
      chunk([
        {
          index: 0,
          delta: { tool_calls: [{ index: 0, id: `call_${prompt_tokens}`, type: 'function', function: call }] },
          finish_reason: null,
        },
      ])
    }
    chunk([{ index: 0, delta: {}, finish_reason: said.call === undefined ? 'stop' : 'tool_calls' }])
    const completion_tokens = pieces.length + (said.call === undefined ? 0 : 1)
    chunk([], { usage: { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens } })
    response.end('data: [DONE]\n\n')
  }

  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    weather,
    minds,
    desks,
    underWay: () => under_way,
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const textOf = (content: unknown): string => (typeof content === 'string' ? content : JSON.stringify(content ?? ''))

function askedOf(sent: { model: string; messages: Message[]; response_format?: { type: string } }): Asked {
  const last = sent.messages.at(-1)
  return {
    model: sent.model,
    messages: sent.messages,
    turn: sent.messages.filter(({ role }) => role === 'assistant').length,
    text: sent.messages.map(({ content }) => textOf(content)).join('\n'),
    observed: last?.role === 'tool' ? textOf(last.content) : null,
    structured: sent.response_format?.type === 'json_schema',
  }
}
