/**
 * What the tests of the command line put in the place of the outside: a terminal that remembers, a server with given answers,
 * a run as that server tells it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
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
      // Ended at the socket, what was written arrives and then the connection is gone.
      response.write(answer.events, () => answer.then === 'break' && response.socket?.end())
      if (answer.then === undefined) response.end()
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

/** An address where nothing listens. */
export async function nobodyAt(): Promise<string> {
  const { url, close } = await standInServer({})
  await close()
  return url
}

export const folder = mkdtempSync(join(tmpdir(), 'quorate-cli-'))
after(() => rmSync(folder, { recursive: true, force: true }))
export const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return name
}

export const ID = 'run_0198c0de-0000-7000-8000-000000000001'
export const event = (seq: number, type: string, data: Json) => ({
  run: ID,
  seq,
  at: 1_000 * seq,
  type,
  v: 1,
  cause: null,
  data,
})
export const history = [
  event(1, 'run_started', { goal: 'g', definition: null, inputs: {}, by: 'local' }),
  event(2, 'stage_started', { stage: 'gather', kind: 'tasks' }),
  event(3, 'stage_finished', { stage: 'gather', status: 'completed', reason: '', metrics: null, output: 'x' }),
]
export const finished = event(4, 'run_finished', { status: 'completed', reason: '', output: 'the answer', success: [] })
export const document = (status: string, result: Json = 'the answer'): Json => ({
  id: ID,
  kind: 'workflow',
  goal: 'Say hello',
  status,
  reason: status === 'completed' ? '' : 'because',
  definition: { hash: `sha256:${'0'.repeat(64)}`, name: 'research', source: 'model', reason: 'fits' },
  created_at: 0,
  stages: [
    {
      id: 'gather',
      kind: 'tasks',
      state: 'completed',
      reason: '',
      started_at: 0,
      ended_at: 3_000,
      metrics: null,
      output: 'x',
      tasks: [
        {
          id: 'a',
          state: 'failed',
          agent: 'critic',
          capability: null,
          duration_ms: 1_000,
          input_tokens: null,
          output_tokens: null,
          failure: { kind: 'timeout', message: 'too slow' },
        },
      ],
    },
  ],
  decisions: [
    {
      stage: 'enough',
      kind: 'decide',
      taken: 'case 1',
      then: ['write'],
      when: 'a > 1',
      inputs: { a: 2 },
      reason: 'it holds',
    },
  ],
  approvals: [],
  success: [],
  result,
  cost: { input_tokens: 1_000, output_tokens: 500, unknown_usage: 1, calls: 3, duration_ms: 4_000 },
  left_out: null,
})
export const created: Answer = { status: 202, body: { workflow_id: ID, run_id: ID, status: 'initializing' } }

export async function withServer<T>(
  routes: Parameters<typeof standInServer>[0],
  work: (server: Awaited<ReturnType<typeof standInServer>>, line: ReturnType<typeof commandLine>) => Promise<T>,
  more: Parameters<typeof commandLine>[0] = {},
) {
  const server = await standInServer(routes)
  try {
    return await work(server, commandLine({ cwd: folder, environment: { QUORATE_URL: server.url }, ...more }))
  } finally {
    await server.close()
  }
}

export const runRoutes = (status: string, more: { [route: string]: Answer | ((asked: Asked) => Answer) } = {}) => ({
  'POST /create_workflow': created,
  [`GET /runs/${ID}/events stream`]: { events: frames([...history, finished], { status, reason: '' }) },
  [`GET /runs/${ID}`]: { body: document(status) },
  ...more,
})
