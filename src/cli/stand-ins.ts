/** What the tests of the command line put in the place of the outside: a terminal that remembers, a server with given answers. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from '../workflow/value.ts'
import type { CommandContext } from './command-context.ts'
import { plainPaint } from './format.ts'
import { runProgram } from './program.ts'

export type Answer = { status?: number; body?: Json | string; events?: string; then?: 'keep' | 'break' }
export type Asked = {
  method: string
  path: string
  query: URLSearchParams
  headers: IncomingMessage['headers']
  body: Json
}

/** Answers by `GET /path`; each is a value, or made from the request. What was asked is kept. */
export async function standInServer(routes: { [route: string]: Answer | ((asked: Asked) => Answer) }) {
  const asked: Asked[] = []
  const server = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://stand-in')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString()
    const one: Asked = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body: text === '' ? null : (JSON.parse(text) as Json),
    }
    asked.push(one)
    const stream = request.headers.accept === 'text/event-stream'
    const route = routes[`${one.method} ${one.path}${stream ? ' stream' : ''}`]
    const answer: Answer =
      typeof route === 'function'
        ? route(one)
        : (route ?? {
            status: 404,
            body: { type: 'urn:quorate:failure:not_found', detail: `no ${one.path}`, status: 404 },
          })
    if (answer.events !== undefined) {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(answer.events)
      if (answer.then === 'break') response.destroy()
      else if (answer.then !== 'keep') response.end()
      return
    }
    response.writeHead(answer.status ?? 200, {
      'content-type': typeof answer.body === 'string' ? 'text/html' : 'application/json',
    })
    response.end(typeof answer.body === 'string' ? answer.body : JSON.stringify(answer.body ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.closeAllConnections()
      server.close(() => resolve())
    })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, close }
}

/** A command line run in this process, with everything that it printed. `interrupt` presses Ctrl-C. */
export function commandLine(more: Partial<CommandContext> & { interactive?: boolean } = {}) {
  const printed = { out: [] as string[], err: [] as string[], drawn: '', exited: null as number | null }
  const listeners = new Set<(reason: string) => void>()
  const { interactive = false, ...context } = more
  const whole: CommandContext = {
    terminal: {
      out: (line) => void printed.out.push(line),
      err: (line) => void printed.err.push(line),
      draw: (text) => {
        printed.drawn += text
      },
      interactive,
      width: () => 80,
      height: () => 24,
      paint: plainPaint,
    },
    environment: {},
    cwd: '/nowhere',
    version: '1.2.3',
    fetch,
    now: () => 1_000_000,
    on_interrupt: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    exit_now: (code) => {
      printed.exited = code
    },
    load_program: () => Promise.reject(new Error('not loaded in this test')),
    read_stdin: () => Promise.resolve(''),
    ...context,
  }
  return {
    printed,
    run: (...argv: string[]) => runProgram(argv, whole),
    interrupt: (reason = 'Ctrl-C') => {
      for (const listener of [...listeners]) listener(reason)
    },
  }
}

/** Frames of a stream as the server sends them. */
export const frames = (
  events: readonly { seq: number; type: string }[],
  end?: { status: string; reason: string },
): string =>
  `retry: 2000\n\n${events.map((event) => `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')}${end ? `event: end\ndata: ${JSON.stringify(end)}\n\n` : ''}`
