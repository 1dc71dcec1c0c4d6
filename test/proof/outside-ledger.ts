/**
 * The outside world of the effects: an HTTP server that does what it is asked, keeps its own ledger of what truly
 * happened, and loses replies when told to. It knows payments by their Idempotency-Key, threads by the id that we mint,
 * sends a mail for each request, and is told of builds, whose effect lies in a folder.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const effectKinds = ['payment', 'thread', 'build', 'mail'] as const
export type EffectKind = (typeof effectKinds)[number]
export const classOf = { payment: 'idempotent', thread: 'reconcilable', build: 'repeatable', mail: 'unsafe' } as const

/**
 * What goes wrong with one request. `lost_before`: the connection breaks and nothing was done; `lost_after`: it was done
 * and the connection breaks; `gateway_after`: it was done and a gateway answers 502; `held_before`, `held_after`: no answer
 * at all, until whoever asked is gone.
 */
export const faults = ['none', 'lost_before', 'lost_after', 'gateway_after', 'held_before', 'held_after'] as const
export type Fault = (typeof faults)[number]

export type Asked = { kind: EffectKind; intent: string; nth: number }

export type OutsideLedger = {
  url: string
  /** How often the effect of an intent truly took place. A build's is counted where it lies. */
  happened: (intent: string) => number
  /** Requests so far. */
  requests: () => number
  close: () => Promise<void>
}

/**
 * @param decide the fault of a request; `nth` counts the requests for the same intent from 1
 * @param onFault called when a fault has struck: for held ones, the effect was done or not, and nobody will answer
 */
export async function openOutsideLedger(
  decide: (asked: Asked) => Fault,
  onFault: (fault: Exclude<Fault, 'none'>, asked: Asked) => void = () => undefined,
): Promise<OutsideLedger> {
  const happened = new Map<string, number>()
  const asked = new Map<string, number>()
  /** Of payments and threads: what was done under which key. */
  const payments = new Map<string, string>()
  const threads = new Map<string, string>()
  let requests = 0

  const act = (kind: EffectKind, intent: string, key: string): void => {
    if (kind === 'payment') {
      if (payments.has(key)) return
      payments.set(key, intent)
    }
    if (kind === 'thread') threads.set(key, intent)
    happened.set(intent, (happened.get(intent) ?? 0) + 1)
  }

  const post = (kind: EffectKind, intent: string, key: string, response: ServerResponse): void => {
    requests++
    const nth = (asked.get(intent) ?? 0) + 1
    asked.set(intent, nth)
    const fault = decide({ kind, intent, nth })
    if (fault !== 'lost_before' && fault !== 'held_before') act(kind, intent, key)
    if (fault === 'none') return void response.end(JSON.stringify({ done: intent }))
    if (fault === 'gateway_after') response.writeHead(502).end('bad gateway')
    else if (fault === 'lost_before' || fault === 'lost_after') response.socket?.destroy()
    onFault(fault, { kind, intent, nth })
  }

  const server = createServer((request: IncomingMessage, response) => {
    const [, kind, key] = /^\/(payment|thread|build|mail)\/?([^/]*)$/.exec(request.url ?? '') ?? []
    if (request.method !== 'POST') {
      const found = kind === 'thread' && key ? threads.get(decodeURIComponent(key)) : undefined
      if (kind === 'thread' && found === undefined) response.writeHead(404)
      return void response.end(JSON.stringify({ done: found ?? null }))
    }
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (part: string) => {
      body += part
    })
    request.on('end', () => {
      const { run, task } = JSON.parse(body) as { run: string; task: string }
      const own = kind === 'thread' ? decodeURIComponent(key ?? '') : String(request.headers['idempotency-key'] ?? '')
      post(kind as EffectKind, `${run}/${task}`, own, response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    happened: (intent) => happened.get(intent) ?? 0,
    requests: () => requests,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
