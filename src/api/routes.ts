/** The HTTP door: every operation under its path, made from the list alone, and the few things that are not operations. */
import type { Context, Hono } from 'hono'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import { checkInput } from '../operations/check-input.ts'
import { findRun } from '../operations/find-run.ts'
import type { Operation, OperationContext } from '../operations/operation.ts'
import { nearest } from '../workflow/check-definition/nearest.ts'
import type { Json } from '../workflow/value.ts'
import { type Authentication, lacks } from './authenticate.ts'
import { type ConsoleFiles, wantsPage } from './console-files.ts'
import { docsFile, docsPage } from './docs-page.ts'
import { type Streams, startOfStream, wantsStream } from './event-stream.ts'
import { failureResponse } from './failure-to-http.ts'
import { type Answer, checkKey, type idempotency } from './idempotency.ts'
import { landingPage } from './landing-page.ts'
import type { ApiMetrics } from './metrics.ts'
import { addModelEndpoint } from './model-endpoint.ts'
import { openApiDocument } from './openapi.ts'
import { fieldTypes, readInput } from './read-input.ts'
import type { RouteVariables } from './route-variables.ts'
import { addSession } from './session.ts'

/** Everything an operation gets but what belongs to the single request. */
export type SharedContext = Omit<OperationContext, 'signal' | 'actor' | 'granted' | 'request_key'>

export type RouteParts = {
  operations: readonly Operation[]
  context: SharedContext
  authentication: Authentication
  /** The port that is listened on, once it is. */
  port: () => number
  /** Aborted when the program closes. */
  closing: AbortSignal
  idempotent: ReturnType<typeof idempotency>
  streams: Streams
  metrics: ApiMetrics
  /** Where agents outside reach the models, below /gateway. */
  endpoint: ModelEndpoint | undefined
  /** Null when it has not been built. */
  console: ConsoleFiles | null
}

export function addRoutes(app: Hono<RouteVariables>, parts: RouteParts): void {
  const { operations, context, streams, metrics } = parts
  addPages(app, parts)
  addSession(app, parts.authentication, parts.port)
  if (parts.endpoint !== undefined) addModelEndpoint(app, parts.endpoint, parts.closing)
  app.get('/events', (c) => {
    c.set('route', '/events')
    const refusal = lacks(c.get('caller'), 'runs:read', '/events')
    if (refusal !== null) return failureResponse(refusal)
    return answerOf(streams.all({ signal: lasting(c, parts), headers: {} }))
  })
  const methodsOf = new Map<string, Set<string>>()
  for (const operation of operations) {
    // Made with the first request: all of them at the start would hold up runs that go on.
    let types: ReturnType<typeof fieldTypes> | null = null
    for (const path of [operation.path, ...(operation.aliases ?? [])]) {
      const pattern = path.replaceAll(/\{(\w+)\}/g, ':$1')
      methodsOf.set(pattern, (methodsOf.get(pattern) ?? new Set()).add(operation.method))
      app.on(operation.method, pattern, async (c) => {
        c.set('route', path)
        const refusal = lacks(c.get('caller'), operation.needs, operation.name)
        if (refusal !== null) return failureResponse(refusal)
        if (operation.name === 'get_run_events' && wantsStream(c.req.raw)) return streamOf(c, parts)
        const limits = context.configuration.limits
        types ??= fieldTypes(operation)
        const input = await readInput(operation, types, c.req.raw, c.req.param(), limits)
        if (!input.ok) return failureResponse(input.failure, { ...unsupportedType(input.failure) })
        const checked = checkInput(operation, input.value)
        if (!checked.ok) return failureResponse(checked.failure)
        return carryOut(c, parts, operation, checked.value, input.value as Json)
      })
    }
  }
  for (const page of pages) methodsOf.set(page, new Set(['GET', ...(page === '/session' ? ['POST', 'DELETE'] : [])]))
  for (const [pattern, methods] of methodsOf) {
    if (methods.has('GET')) methods.add('HEAD')
    const allow = [...methods, 'OPTIONS'].join(', ')
    app.all(pattern, (c) => {
      c.set('route', pattern.replaceAll(/:(\w+)/g, '{$1}'))
      if (c.req.method === 'OPTIONS') return new Response(null, { status: 204, headers: { allow } })
      return failureResponse(
        {
          kind: 'unsupported',
          message: `${excerpt(c.req.method, 20)} is not possible here`,
          field: 'method',
          value: excerpt(c.req.method, 20),
          remedy: `use ${allow}`,
        },
        { status: 405, headers: { allow } },
      )
    })
  }
  const patterns = [...methodsOf.keys()]
  app.notFound((c) => {
    // Views have addresses below /console; a person who mistypes another one is told so by the console as well.
    if (parts.console !== null && wantsPage(c.req.raw)) {
      const view = /^\/console(\/(?!assets\/)|$)/.test(c.req.path)
      if (view) c.set('route', '/console/{view}')
      return parts.console.page(view ? 200 : 404)
    }
    const near = nearest(c.req.path, patterns)[0]
    return failureResponse({
      kind: 'not_found',
      message: `there is nothing at ${excerpt(c.req.path, 100)}`,
      field: 'path',
      value: excerpt(c.req.path, 100),
      remedy:
        near === undefined
          ? 'GET / lists what is here'
          : `did you mean ${near.replaceAll(/:(\w+)/g, '{$1}')}? GET / lists what is here`,
    })
  })
  metrics.setStreams(streams.count)
}

async function carryOut(
  c: Context<RouteVariables>,
  parts: RouteParts,
  operation: Operation,
  input: unknown,
  given: Json,
): Promise<Response> {
  const status = operation.status ?? 200
  // What is to be done for good must not depend on whether the client still listens.
  const signal = operation.method === 'GET' ? AbortSignal.any([c.req.raw.signal, parts.closing]) : parts.closing
  const { name: actor, permissions: granted, key: by } = c.get('caller')
  const run = async (request_key?: string): Promise<Result<Answer>> => {
    const answer = await operation.run(
      { ...parts.context, actor, granted, signal, ...(request_key !== undefined && { request_key }) },
      input,
    )
    return answer.ok ? ok({ status, body: answer.value as Json }) : answer
  }
  const kept = operation.method === 'POST' && operation.answers_secret !== true
  const key = kept ? c.req.raw.headers.get('idempotency-key') : null
  if (key === null) return answerOf(await run())
  const wrong = checkKey(key)
  if (wrong !== null) return failureResponse(wrong)
  // What one key was answered is no other key's to read.
  const request = { operation: operation.name, input: given, ...(by !== null && { by }) }
  const answer = await parts.idempotent(key, request, run)
  if (!answer.ok) return failureResponse(answer.failure)
  return json(answer.value, answer.value.replayed ? { 'idempotent-replayed': 'true' } : {})
}

const json = ({ status, body }: Answer, headers: Record<string, string> = {}): Response =>
  jsonText(JSON.stringify(body), { status, headers: { 'cache-control': 'no-store', ...headers } })

/** Says its length, by which compressed.ts knows that it is no stream. */
const jsonText = (
  text: string,
  { status = 200, headers = {} }: { status?: number; headers?: Record<string, string> } = {},
): Response =>
  new Response(text, {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'content-length': `${Buffer.byteLength(text)}`,
      ...headers,
    },
  })

function answerOf(result: Result<Answer> | Result<Response>): Response {
  if (!result.ok) return failureResponse(result.failure)
  return result.value instanceof Response ? result.value : json(result.value)
}

/** An unknown content type has a status of its own. */
const unsupportedType = (failure: Failure): { status?: number } =>
  failure.kind === 'unsupported' && (failure.field === 'content-type' || failure.field === 'content-encoding')
    ? { status: 415 }
    : {}

/** Ends with the client, with the program, and with the caller's key. */
const lasting = (c: Context<RouteVariables>, { authentication, closing }: RouteParts): AbortSignal =>
  authentication.lasting(c.get('caller'), AbortSignal.any([c.req.raw.signal, closing]))

async function streamOf(c: Context<RouteVariables>, parts: RouteParts): Promise<Response> {
  const { context, streams } = parts
  const from = startOfStream(c.req.raw)
  if (!from.ok) return failureResponse(from.failure)
  const row = await findRun(context, c.req.param('id') ?? '')
  if (!row.ok) return failureResponse(row.failure)
  const { ended_at, seq, id } = row.value
  // A browser reconnects for ever unless it is told 204 (HTML, "server-sent events", 9.2.3).
  if (from.value.reconnects && ended_at !== null && from.value.after >= seq) return new Response(null, { status: 204 })
  return answerOf(streams.run(id, from.value.after, { signal: lasting(c, parts), headers: {} }))
}

const pages = [
  '/',
  '/healthz',
  '/readyz',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/docs/:file',
  '/console/assets/:file',
  '/events',
  '/session',
]

function addPages(
  app: Hono<RouteVariables>,
  { operations, context, metrics, console: files, authentication }: RouteParts,
): void {
  const page = (path: string, handle: (c: Context<RouteVariables>) => Response | Promise<Response>) =>
    app.get(path, (c) => {
      c.set('route', path.replaceAll(/:(\w+)/g, '{$1}'))
      return handle(c)
    })
  // Made when it is asked for: at the start it would hold up runs that go on.
  let document: string | null = null
  const openApi = (): string => {
    document ??= JSON.stringify(openApiDocument(operations, context.version))
    return document
  }
  page('/', (c) =>
    files !== null && wantsPage(c.req.raw)
      ? files.page()
      : landingPage(operations, context.version, c.req.raw.headers.get('accept') ?? ''),
  )
  page('/console/assets/:file', (c) => {
    const name = c.req.param('file') ?? ''
    return (
      files?.file(`assets/${name}`, c.req.raw.headers.get('accept-encoding') ?? '') ??
      failureResponse({
        kind: 'not_found',
        message: `the console has no file ${excerpt(name, 60)}`,
        field: 'file',
        value: excerpt(name, 60),
        remedy: 'load the page again: it names the files of this version',
      })
    )
  })
  page('/healthz', () => json({ status: 200, body: { status: 'ok', name: 'quorate', version: context.version } }))
  page('/readyz', async () => {
    const [store, engine] = await Promise.all([context.store.health(), context.runs.engine()])
    const why = !store.ok ? `store: ${store.detail}` : !engine.ok ? `engine: ${engine.detail}` : null
    if (why !== null) {
      // Paths and the like are not for everybody who asks whether it is ready.
      const message = authentication.mode === 'off' ? why : 'the store or the engine is not ready'
      return failureResponse({ kind: 'unavailable', message, remedy: 'GET /doctor says more', retry_after_s: 1 })
    }
    return json({ status: 200, body: { status: 'ready', store: store.detail, engine: engine.detail } })
  })
  page('/metrics', async (c) => {
    const refusal = lacks(c.get('caller'), 'system:read', '/metrics')
    if (refusal !== null) return failureResponse(refusal)
    return new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } })
  })
  page('/openapi.json', () => jsonText(openApi()))
  page('/docs', () => docsPage())
  page('/docs/:file', async (c) => {
    const name = c.req.param('file') ?? ''
    const file = await docsFile(name)
    return (
      file ??
      answerOf(
        fail('not_found', `the docs have no file ${excerpt(name, 60)}`, {
          field: 'file',
          value: excerpt(name, 60),
          remedy: 'GET /docs',
        }),
      )
    )
  })
}
