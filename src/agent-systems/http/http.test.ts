import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { FailureKind } from '../../failure.ts'
import { ok } from '../../failure.ts'
import { conforms, exampleTask, failed, performed, SECRET } from '../agent-system.conformance.ts'
import type { AgentTask } from '../agent-system.ts'
import { guardedFetch } from '../outbound-guard.ts'
import { http } from './http.ts'

type Seen = { method: string; url: string; headers: IncomingMessage['headers']; body: string }

/** A real server; each path behaves in its own way. */
let server: Server
let base = ''
/** Where nothing listens. */
let nowhere = ''
let asked: Seen[] = []
let hanging = Promise.withResolvers<void>()
let closed = Promise.withResolvers<void>()

const routes: { [path: string]: (response: ServerResponse, seen: Seen) => void } = {
  '/echo': (response, { body }) => response.end(body),
  '/answer': (response) => response.end(JSON.stringify({ out: { text: 'Hello', n: 4 }, usage: { in: 12, out: 3 } })),
  '/text': (response) => response.end('plain words'),
  '/hang': (response) => {
    response.write('{')
    hanging.resolve()
  },
  '/cut': (response) => {
    response.write('{"half":')
    response.socket?.destroy()
  },
  '/flood': (response) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
      if (!response.destroyed) response.once('drain', more)
    }
    more()
  },
  '/bomb': (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('x'.repeat(5_000_000))),
  '/redirect': (response) => response.writeHead(302, { location: '/answer' }).end(),
  '/busy': (response) => response.writeHead(503, { 'retry-after': '7' }).end(),
  '/tells': (response, { headers }) =>
    response.end(JSON.stringify({ you_sent: headers.authorization, key: headers['x-key'] })),
  '/tells-status': (response, { headers }) => response.writeHead(500).end(`no ${headers.authorization}`),
  '/tells-half': (response, { headers }) => response.end(`${'x'.repeat(110)}${headers['x-key']}`),
}

before(async () => {
  server = createServer((request, response) => {
    request.socket.once('close', () => closed.resolve())
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      const seen = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body }
      asked.push(seen)
      const status = /^\/status\/(\d+)/.exec(seen.url)?.[1]
      if (status) response.writeHead(Number(status)).end('the reason')
      else (routes[seen.url.split('?')[0] ?? ''] ?? routes['/echo'])?.(response, seen)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const closing = createServer()
  await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve))
  nowhere = `http://127.0.0.1:${(closing.address() as AddressInfo).port}/`
  await new Promise((resolve) => closing.close(resolve))
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
after(() => {
  server.closeAllConnections()
  server.close()
})

const at = (path: string, more: object = {}) => ({ settings: { url: `${base}${path}`, effect: 'pure', ...more } })
const secretHeaders = { headers: { authorization: 'env:TOKEN', 'x-key': 'env:TOKEN' } }

conforms(http, {
  succeeds: () => ({ ...at('/answer', { output: '/out/text' }), output: 'Hello' }),
  tokens_unknown: () => at('/answer', { usage: { input_tokens: '/nowhere', output_tokens: '/out/text' } }),
  tokens_known: () => ({
    ...at('/answer', { usage: { input_tokens: '/usage/in', output_tokens: '/usage/out' } }),
    input_tokens: 12,
    output_tokens: 3,
  }),
  schema_kept: () => ({
    ...at('/answer', { output: '/out/n' }),
    task: { output_schema: { type: 'integer' } },
    output: 4,
  }),
  schema_broken: () => ({ ...at('/answer'), task: { output_schema: { type: 'array' } } }),
  endless: () => {
    hanging = Promise.withResolvers()
    closed = Promise.withResolvers()
    return { ...at('/hang'), started: () => hanging.promise, ended: () => closed.promise.then(() => true) }
  },
  own_time_out: () => at('/hang', { timeout: '100ms' }),
  unreachable: () => ({ settings: { url: nowhere } }),
  garbage: () => at('/text'),
  too_large: () => at('/flood', { max_bytes: 100_000 }),
  tells_secret: [
    () => ({ ...at('/tells', secretHeaders), outcome: 'succeeds' as const }),
    () => ({ ...at('/tells', { ...secretHeaders, output: 'text' }), outcome: 'succeeds' as const }),
    () => ({ ...at('/tells-status', secretHeaders), outcome: 'fails' as const }),
    () => ({ ...at('/tells-half', secretHeaders), outcome: 'fails' as const }),
    () => ({ ...at('/tells', { ...secretHeaders, output: '/nowhere' }), outcome: 'fails' as const }),
  ],
  secret_missing: () => at('/answer', { headers: { authorization: 'env:NOWHERE' } }),
  odd_input: () => at('/echo', { max_bytes: 10_000_000 }),
  concurrent: () => ({ ...at('/echo', { output: '/input/n' }), taskOf: (n) => ({ input: { n } }), outputOf: (n) => n }),
  healthy: () => at('/answer'),
  unhealthy: () => ({ settings: { url: nowhere } }),
})

async function call(settings: object, task: Partial<AgentTask> = {}, allow = ['127.0.0.1']) {
  asked = []
  const context = { fetch: guardedFetch({ allow }), secret: () => ok(SECRET) }
  const handle = http.open(http.settings.parse(settings), context as never)
  assert.ok(handle.ok)
  return handle.value.perform(exampleTask(task), { signal: new AbortController().signal, progress: () => {} })
}

test('a body is filled with whole values only, whatever they contain', async () => {
  const body = {
    q: '{{instructions}}',
    all: ['{{input}}', '{{input.text}}'],
    fixed: { n: 1, s: 'as it is' },
    schema: '{{output_schema}}',
  }
  const evil = '","admin":true,"x":"{{goal}}'
  const { output } = performed(await call({ url: `${base}/echo`, body }, { instructions: evil, input: { text: evil } }))
  assert.deepEqual(output, { q: evil, all: [{ text: evil }, evil], fixed: { n: 1, s: 'as it is' }, schema: null })
})

test('a value in the address is one percent-encoded segment', async () => {
  const url = `${base}/files/{{input.name}}/text?x=1`
  performed(await call({ url, method: 'GET', output: 'text' }, { input: { name: '../a b?c#d/%2e' } }))
  assert.equal(asked[0]?.url, '/files/..%2Fa%20b%3Fc%23d%2F%252e/text?x=1')
  for (const name of ['..', '.', '', '\ud800', null])
    failed(await call({ url, method: 'GET' }, { input: { name } }), ['invalid_input'])
  failed(await call({ url, method: 'GET' }, { input: {} }), ['invalid_input'])
  assert.equal(asked.length, 0)
})

test('templates that would splice text, or name what no task has, are refused with the place', () => {
  const wrong = [
    [{ url: 'https://{{input.host}}/' }, /url|address|path/],
    [{ url: 'https://x.org/?q={{input.q}}' }, /path only/],
    [{ url: 'https://x.org/a-{{input.q}}' }, /whole segment/],
    [{ url: 'https://x.org/{{secret}}' }, /nothing that a task has/],
    [{ url: 'ftp://x.org/' }, /http/],
    [{ url: 'https://me:pw@x.org/' }, /password/],
    [{ url: 'https://x.org/', body: { a: 'Say {{input.q}}!' } }, /whole value/],
    [{ url: 'https://x.org/', body: ['{{env}}'] }, /nothing that a task has/],
    [{ url: 'https://x.org/', method: 'GET', body: {} }, /GET has no body/],
    [{ url: 'https://x.org/', headers: { 'a b': 'c' } }, /header/],
    [{ url: 'https://x.org/', headers: { a: 'c\r\nd: e' } }, /line break/],
    [{ url: 'https://x.org/', output: 'a/b' }, /pointer|output/],
  ] as const
  for (const [settings, says] of wrong)
    assert.match(http.settings.safeParse(settings).error?.message ?? 'accepted', says)
})

test('what a status means', async () => {
  const meanings: [number, FailureKind][] = [
    [400, 'invalid_input'],
    [401, 'unauthenticated'],
    [403, 'forbidden'],
    [404, 'not_found'],
    [418, 'agent_failed'],
    [429, 'busy'],
    [500, 'agent_failed'],
    // A gateway may say so after the work was done (A7).
    [502, 'agent_failed'],
    [503, 'agent_failed'],
    [504, 'timeout'],
  ]
  for (const [status, kind] of meanings)
    assert.match(failed(await call({ url: `${base}/status/${status}` }), [kind]).message, /the reason/)
  assert.equal(failed(await call({ url: `${base}/busy` }), ['agent_failed']).retry_after_s, 7)
  performed(await call({ url: `${base}/status/202`, output: 'text', success: [202] }))
  failed(await call({ url: `${base}/answer`, success: [202] }), ['agent_failed'])
})

test('a redirect is not followed; the answer to a POST may mean that it was done (A7)', async () => {
  failed(await call({ url: `${base}/redirect` }), ['agent_failed'])
  failed(await call({ url: `${base}/redirect`, method: 'GET' }), ['refused'])
  failed(await call({ url: `${base}/status/308` }), ['refused'])
  await call({ url: `${base}/redirect` })
  assert.deepEqual(
    asked.map(({ url }) => url),
    ['/redirect'],
  )
})

test('an address that the guard refuses is refused, and nothing is sent', async () => {
  const failure = failed(await call({ url: `${base}/answer` }, {}, []), ['refused'])
  assert.match(failure.remedy ?? '', /outbound\.allow/)
  assert.equal(asked.length, 0)
})

test('the limit of bytes counts what is unpacked', async () => {
  failed(await call({ url: `${base}/bomb`, output: 'text' }), ['limit_exceeded'])
})

test('the effect follows method and header, and the key is sent', async () => {
  const effect = (settings: object) => http.effect(http.settings.parse({ url: 'https://x.org/', ...settings }))
  assert.equal(effect({ method: 'GET' }), 'pure')
  assert.equal(effect({}), 'unsafe')
  assert.equal(effect({ idempotency_header: 'X-Once' }), 'idempotent')
  assert.equal(effect({ effect: 'reconcilable' }), 'reconcilable')
  await call({ url: `${base}/echo` })
  assert.equal(asked[0]?.headers['idempotency-key'], 'key-1')
  await call({ url: `${base}/echo`, idempotency_header: 'X-Once', headers: { 'x-ONCE': 'mine' } })
  assert.equal(asked[0]?.headers['x-once'], 'key-1')
})

test('an unsafe request that may have arrived is effect_unknown; one that cannot have is not', async () => {
  failed(await call({ url: `${base}/cut` }), ['effect_unknown'])
  failed(await call({ url: `${base}/hang`, timeout: '100ms' }), ['effect_unknown'])
  failed(await call({ url: `${base}/cut`, idempotency_header: 'Idempotency-Key' }), ['agent_failed'])
  failed(await call({ url: nowhere }), ['unavailable'])
})

test('health_url must answer 2xx, and a header’s secret goes to the agent’s own origin only', async () => {
  const context = { fetch: guardedFetch({ allow: ['127.0.0.1', 'localhost'] }), secret: () => ok(SECRET) }
  const health = async (settings: object) => {
    asked = []
    const handle = http.open(
      http.settings.parse({ url: `${base}/answer`, ...secretHeaders, ...settings }),
      context as never,
    )
    assert.ok(handle.ok)
    return handle.value.check(new AbortController().signal)
  }
  assert.equal((await health({ health_url: `${base}/status/500` })).ok, false)
  assert.equal(asked[0]?.headers.authorization, SECRET)
  assert.equal((await health({ health_url: `${base.replace('127.0.0.1', 'localhost')}/answer` })).ok, true)
  assert.equal(asked[0]?.headers.authorization, undefined)
})

test('what became of a lost request is asked: yes with its output, no, or not to be known', async () => {
  const ask = async (settings: object, task: Partial<AgentTask> = {}) => {
    asked = []
    const context = { fetch: guardedFetch({ allow: ['127.0.0.1', 'localhost'] }), secret: () => ok(SECRET) }
    const handle = http.open(
      http.settings.parse({ url: `${base}/cut`, ...secretHeaders, ...settings }),
      context as never,
    )
    assert.ok(handle.ok && handle.value.reconcile)
    return handle.value.reconcile(exampleTask(task), { signal: new AbortController().signal, progress: () => {} })
  }
  const yes = await ask({ reconcile: { url: `${base}/answer`, output: '/out/n' } })
  assert.ok(yes.ok)
  assert.equal(yes.value?.output, 4)
  assert.equal(asked[0]?.method, 'GET')
  assert.equal(asked[0]?.headers.authorization, SECRET)
  for (const status of [404, 410]) {
    const no = await ask({ reconcile: { url: `${base}/status/${status}` } })
    assert.ok(no.ok && no.value === null, `${status} means that it did not happen`)
  }
  failed(await ask({ reconcile: { url: `${base}/status/500` } }), ['agent_failed'])
  failed(await ask({ reconcile: { url: `${base}/cut` } }), ['agent_failed'])
  failed(await ask({ reconcile: { url: `${base}/text` } }), ['output_invalid'])
  failed(await ask({ reconcile: { url: nowhere } }), ['unavailable'])
  failed(await ask({ reconcile: { url: `${base}/answer`, output: '/out/n' } }, { output_schema: { type: 'array' } }), [
    'output_invalid',
  ])
  const told = await ask({ reconcile: { url: `${base}/tells` } })
  assert.ok(told.ok && !JSON.stringify(told).includes(SECRET), 'no secret in what was found')
  await ask(
    { reconcile: { url: `${base.replace('127.0.0.1', 'localhost')}/keys/{{effect_key}}` } },
    { effect_key: 'a/b' },
  )
  assert.equal(asked[0]?.url, '/keys/a%2Fb')
  assert.equal(asked[0]?.headers.authorization, undefined, 'keys go to the agent’s own address only')
})

test('with an address to ask, a request is reconcilable; without one nothing can be asked', () => {
  const parsed = http.settings.parse({ url: `${base}/cut`, reconcile: { url: `${base}/answer` } })
  assert.equal(http.effect(parsed), 'reconcilable')
  assert.equal(http.effect({ ...parsed, idempotency_header: 'Idempotency-Key' }), 'idempotent')
  const context = { fetch, secret: () => ok(SECRET) }
  const without = http.open(http.settings.parse({ url: `${base}/cut` }), context as never)
  assert.ok(without.ok && without.value.reconcile === undefined)
  for (const url of ['https://x.org/?key={{effect_key}}', 'ftp://x.org/', 'https://x.org/{{secret}}'])
    assert.equal(http.settings.safeParse({ url: base, reconcile: { url } }).success, false, url)
})
