/** Opens the API on its port. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import type { Operation } from '../operations/operation.ts'
import { authentication as authenticationOf, isOpen } from './authenticate.ts'
import { compressed } from './compressed.ts'
import { consoleFiles, wantsPage } from './console-files.ts'
import { streams } from './event-stream.ts'
import { failureResponse, problemOf } from './failure-to-http.ts'
import { guard, isLoopback, safeHeaders } from './guard.ts'
import { idempotency } from './idempotency.ts'
import { createMetrics } from './metrics.ts'
import type { RouteVariables } from './route-variables.ts'
import { addRoutes, type SharedContext } from './routes.ts'
import { addressOf, cookieName } from './session.ts'

export type Logger = {
  debug: (fields: object, message: string) => void
  info: (fields: object, message: string) => void
  warn: (fields: object, message: string) => void
  error: (fields: object, message: string) => void
}

export type ApiParts = {
  operations: readonly Operation[]
  context: SharedContext
  logger: Logger
  /** Where agents outside reach the models, below /gateway. */
  endpoint?: ModelEndpoint
  /** A key that this process alone knows, for clients inside it. */
  own_key?: string | undefined
  /** Folder of the built console; without it GET / is the landing page. */
  console_dir?: string
  /** For tests and slow machines; the defaults suit a server. */
  timing?: Partial<typeof timing>
}

const timing = {
  /** A client has this long to send its headers, and its whole request: slow senders hold no place for longer. */
  headers_ms: 10_000,
  request_ms: 60_000,
  heartbeat_ms: 15_000,
  idempotency_takeover_ms: 2_000,
  idempotency_wait_ms: 30_000,
  key_recheck_ms: 5_000,
}

/** Bytes of request line and headers together; beyond it the answer is 431. */
const HEADER_BYTES = 16_384
const MOST_CONNECTIONS = 2_000

/**
 * Listens on `configuration.host` and `configuration.port` (0 = any free port).
 * Fails when the host is not loopback without authentication by keys, or with none that is in force, and when the port
 * is taken, saying by whom if that is another Quorate. `close` ends streams, lets requests in hand finish for a second,
 * and frees the port.
 */
export async function openApi(
  parts: ApiParts,
): Promise<Result<{ url: string; port: number; close: () => Promise<void> }>> {
  const { context, logger, operations } = parts
  const { host, port } = context.configuration
  const times = { ...timing, ...parts.timing }
  const exposed = isLoopback(host) ? null : await notGuarded(parts)
  if (exposed !== null) return { ok: false, failure: exposed }
  const metrics = await createMetrics(context)
  const closing = new AbortController()
  const mode = context.configuration.authentication
  const known = authenticationOf({
    mode,
    store: context.store.api_keys,
    now: context.now,
    warn: (fields, message) => logger.warn(fields, message),
    own_key: parts.own_key,
    recheck_ms: times.key_recheck_ms,
  })
  const files = parts.console_dir === undefined ? null : consoleFiles(parts.console_dir)
  let listening = port
  const live = streams({ store: context.store, heartbeat_ms: times.heartbeat_ms })
  const app = new Hono<RouteVariables>({ strict: false })
  app.use(async (c, next) => {
    const began = performance.now()
    c.set('route', '(none)')
    const { headers, method: asked } = c.req.raw
    const refusal = guard(headers, host, mode)
    const open = mode === 'keys' && isOpen(asked, c.req.path, files !== null && wantsPage(c.req.raw))
    if (refusal !== null) c.res = failureResponse(refusal)
    else if (open) await next()
    else {
      const caller = await known.caller(headers, addressOf(c), cookieName(listening))
      if (caller.ok) {
        c.set('caller', caller.value)
        await next()
      } else c.res = failureResponse(caller.failure, { headers: { 'www-authenticate': 'Bearer' } })
    }
    const answer = await compressed(c.res, c.req.raw.headers.get('accept-encoding') ?? '')
    if (answer !== c.res) {
      // Else Hono gives the new answer the headers of the old one.
      c.res = undefined
      c.res = answer
    }
    for (const [name, value] of Object.entries(safeHeaders))
      if (!c.res.headers.has(name)) c.res.headers.set(name, value)
    const duration_ms = performance.now() - began
    const { method } = c.req
    const route = c.get('route')
    const status = c.res.status
    metrics.observeRequest({ method: knownMethods.has(method) ? method : 'other', route, status }, duration_ms / 1000)
    const line = { method, route, status, duration_ms: Math.round(duration_ms * 100) / 100 }
    if (status >= 500) logger.warn(line, 'request')
    else logger.debug(line, 'request')
  })
  app.onError((error) => failureResponse(failureOf(error, logger)))
  addRoutes(app, {
    operations,
    context,
    closing: closing.signal,
    idempotent: idempotency({
      store: context.store.idempotency,
      now: context.now,
      takeover_ms: times.idempotency_takeover_ms,
      wait_ms: times.idempotency_wait_ms,
    }),
    streams: live,
    metrics,
    endpoint: parts.endpoint,
    console: files,
    authentication: known,
    port: () => listening,
  })

  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    errorHandler: (error) =>
      withSafeHeaders(failureResponse(isRequestError(error) ? notHttp : failureOf(error, logger))),
  })
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse) => {
    listener(incoming, outgoing).catch((error: unknown) => {
      logger.error({ error: String(error) }, 'a request could not be answered')
      outgoing.destroy()
    })
  }
  const server = createServer(
    {
      headersTimeout: times.headers_ms,
      requestTimeout: times.request_ms,
      maxHeaderSize: HEADER_BYTES,
      connectionsCheckingInterval: Math.min(1_000, times.headers_ms),
    },
    handle,
  )
  server.maxConnections = MOST_CONNECTIONS
  server.on('checkContinue', (incoming: IncomingMessage, outgoing: ServerResponse) => {
    // A client that asks before it sends is told now; it need not send what will be refused.
    if (!(Number(incoming.headers['content-length']) > context.configuration.limits.body_bytes))
      outgoing.writeContinue()
    handle(incoming, outgoing)
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => answerBrokenRequest(error, socket))

  const bound = await new Promise<Result<AddressInfo>>((resolve) => {
    server.once('error', async (error: NodeJS.ErrnoException) => resolve(await bindFailure(error, host, port)))
    server.listen(port, host.replace(/^\[(.*)\]$/, '$1'), () => resolve(ok(server.address() as AddressInfo)))
  })
  if (!bound.ok) {
    metrics.close()
    known.close()
    return bound
  }
  listening = bound.value.port
  server.removeAllListeners('error')
  server.on('error', (error) => logger.error({ error: error.message }, 'the HTTP server reported an error'))
  const shownHost = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
  return ok({
    url: `http://${shownHost}:${bound.value.port}`,
    port: bound.value.port,
    async close() {
      closing.abort()
      live.close()
      known.close()
      metrics.close()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const patience = setTimeout(() => server.closeAllConnections(), 1_000)
      await closed
      clearTimeout(patience)
    },
  })
}

const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** What keeps an address that others can reach from being opened; null = it is guarded. */
async function notGuarded({ context }: ApiParts): Promise<Failure | null> {
  const { host, authentication } = context.configuration
  const refused = (message: string, remedy: string): Failure => ({
    kind: 'refused',
    message,
    field: 'host',
    value: host,
    remedy,
  })
  if (authentication === 'off')
    return refused(
      `${host} can be reached from other machines, and without authentication everybody there could start commands here`,
      'make a key with `quorate keys create NAME --permissions all`, then start with authentication: keys in quorate.yaml (or QUORATE_AUTHENTICATION=keys); or use 127.0.0.1',
    )
  const keys = await context.store.api_keys.list({ revoked: false })
  const at = context.now()
  if (keys.some(({ expires_at }) => expires_at === null || expires_at > at)) return null
  return refused(
    `no API key is in force, so nobody could use Quorate on ${host}`,
    'make the first one with `quorate keys create NAME --permissions all`, then start again',
  )
}

/** The store rejects with an error that carries its failure; anything else is a bug, whose text stays in the log. */
function failureOf(error: unknown, logger: Logger): Failure {
  if (error instanceof Error && 'failure' in error) return error.failure as Failure
  if (error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ECONNRESET'))) {
    return { kind: 'cancelled', message: 'the request was broken off' }
  }
  logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'a bug in a request')
  return {
    kind: 'internal',
    message: 'something went wrong inside Quorate; the log has the details',
    remedy: 'look into the log, and report it',
  }
}

const isRequestError = (error: unknown): boolean => error instanceof Error && error.name === 'RequestError'
const notHttp: Failure = {
  kind: 'invalid_input',
  message: 'the address or the Host header of the request cannot be read',
  field: 'host',
  remedy: 'use http://127.0.0.1 and a path',
}

function withSafeHeaders(response: Response): Response {
  for (const [name, value] of Object.entries(safeHeaders)) response.headers.set(name, value)
  return response
}

const broken: Record<string, { status: number; failure: Failure }> = {
  HPE_HEADER_OVERFLOW: {
    status: 431,
    failure: {
      kind: 'too_large',
      message: `address and headers are larger than ${HEADER_BYTES} bytes`,
      field: 'headers',
      remedy: 'send fewer or shorter ones; large values go into the body',
    },
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    failure: { kind: 'timeout', message: 'the request did not arrive in time', remedy: 'send it in one go' },
  },
}
const unreadable = {
  status: 400,
  failure: { kind: 'invalid_input', message: 'this is not HTTP', remedy: 'send an HTTP/1.1 request' } satisfies Failure,
}

/** What Node's parser refuses never reaches a handler; it gets the same shape of answer. */
function answerBrokenRequest(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, failure } = broken[error.code ?? ''] ?? unreadable
  const body = JSON.stringify(problemOf(failure, status))
  socket.end(
    `HTTP/1.1 ${status} ${failure.kind}\r\ncontent-type: application/problem+json; charset=utf-8\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  )
}

async function bindFailure(error: NodeJS.ErrnoException, host: string, port: number): Promise<Result<never>> {
  const where = { field: 'port', value: String(port) }
  if (error.code === 'EADDRINUSE') {
    const version = await quorateAt(host, port)
    if (version !== null) {
      return fail('conflict', `Quorate ${version} runs already at http://${host}:${port}`, {
        ...where,
        remedy: 'use that one, end it, or start this one on another port (--port N) with other data (--data DIR)',
      })
    }
    return fail('conflict', `port ${port} is taken by another program`, {
      ...where,
      remedy: 'end that program, or choose another port (--port N)',
    })
  }
  if (error.code === 'EACCES')
    return fail('forbidden', `this user may not listen on port ${port}`, {
      ...where,
      remedy: 'choose a port above 1023 (--port N)',
    })
  return fail('unavailable', `cannot listen on ${host}:${port}: ${error.message}`, {
    field: 'host',
    value: host,
    remedy: 'check host and port',
  })
}

/** Version of the Quorate that answers there, or null. */
async function quorateAt(host: string, port: number): Promise<string | null> {
  try {
    const answer = await fetch(`http://${host}:${port}/healthz`, {
      signal: AbortSignal.timeout(2_000),
      redirect: 'error',
    })
    const body = (await answer.json()) as { name?: unknown; version?: unknown }
    return body.name === 'quorate' ? String(body.version) : null
  } catch {
    return null
  }
}
