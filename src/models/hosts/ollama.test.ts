import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, it } from 'node:test'
import { conforms } from '../model-host.conformance.ts'
import type { HostRequest } from '../model-host.ts'
import { ollamaHost } from './ollama.ts'
import { type Answerer, json, type StandIn, standIn } from './stand-in-server.ts'

const TAGS = {
  models: [
    {
      name: 'tinyllama:latest',
      model: 'tinyllama:latest',
      modified_at: '2026-01-01T00:00:00Z',
      size: 637700138,
      digest: '2644915ede35',
      details: {
        format: 'gguf',
        family: 'llama',
        families: ['llama'],
        parameter_size: '1B',
        quantization_level: 'Q4_0',
      },
    },
    { name: 'nomic-embed-text:latest', size: 274302450, digest: '0a109f422b47', details: { family: 'nomic-bert' } },
    { name: 'gpt-oss:120b-cloud', size: 384, digest: 'f7f8e2f8f4e0', details: { family: '' } },
    { name: 42 },
  ],
}

const piece = (content: string) =>
  `${JSON.stringify({ model: 'tinyllama:latest', message: { role: 'assistant', content }, done: false })}\n`
const LAST = `${JSON.stringify({
  model: 'tinyllama:latest',
  message: { role: 'assistant', content: '' },
  done: true,
  done_reason: 'stop',
  total_duration: 5e9,
  load_duration: 2e9,
  prompt_eval_count: 26,
  eval_count: 3,
})}\n`

const stream = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'application/x-ndjson' })

/** Ollama's routes, in the shapes of its documentation. */
const likeOllama =
  (chat: Answerer): Answerer =>
  (request, body, response) => {
    if (request.url === '/api/tags') return json(response, 200, TAGS)
    if (request.url === '/api/version') return json(response, 200, { version: '0.24.0' })
    if (request.url === '/api/ps') {
      return json(response, 200, { models: [{ name: 'tinyllama:latest', context_length: 4096 }] })
    }
    if (body.model !== 'tinyllama:latest') return json(response, 404, { error: `model '${body.model}' not found` })
    return chat(request, body, response)
  }

const usual = likeOllama((_request, body, response) => {
  stream(response)
  if (body.format) return void response.end(piece('{"colour":"red",') + piece('"shade":3}') + LAST)
  const { content } = (body.messages as { content: string }[])[0] ?? { content: '' }
  response.write(piece('Red, '))
  // A long answer stays open until the client hangs up.
  if (!content.includes('long')) response.end(piece('blue') + LAST)
})

const open: StandIn[] = []
after(() => Promise.all(open.map((server) => server.close())))

const hostAt = (url: string) => ollamaHost({ name: 'ollama', url, context_tokens: 4096, fetch })

async function host(answer: Answerer) {
  const server = await standIn(answer)
  open.push(server)
  return { server, host: hostAt(server.url) }
}

const REQUEST: HostRequest = { model: 'tinyllama:latest', messages: [{ role: 'user', content: 'hi' }] }
const context = () => ({ signal: new AbortController().signal, progress: () => {} })

conforms('Ollama', async () => {
  const server = await standIn(usual)
  return {
    host: hostAt(server.url),
    model: 'tinyllama:latest',
    outside_ended: server.idle,
    close: server.close,
  }
})

it('lists what it can use of what the server says', async () => {
  const { host: ollama } = await host(usual)
  const listing = await ollama.list(AbortSignal.timeout(5000))
  assert.ok(listing.ok)
  assert.equal(listing.value.detail, 'Ollama 0.24.0')
  assert.deepEqual(
    listing.value.models.map(({ model, chats, loaded, context_length }) => ({ model, chats, loaded, context_length })),
    [
      { model: 'tinyllama:latest', chats: true, loaded: true, context_length: 4096 },
      { model: 'nomic-embed-text:latest', chats: false, loaded: false, context_length: null },
      { model: 'gpt-oss:120b-cloud', chats: false, loaded: false, context_length: null },
    ],
  )
})

it('sends one num_ctx and keep_alive, refuses truncation, and reads counts and load time', async () => {
  const { host: ollama, server } = await host(usual)
  const request = { ...REQUEST, temperature: 0, seed: 7, max_output_tokens: 5, schema: { type: 'object' } }
  const answer = await ollama.complete(request, context())
  assert.ok(answer.ok)
  assert.equal(answer.value.input_tokens, 26)
  assert.equal(answer.value.output_tokens, 3)
  assert.equal(answer.value.load_ms, 2000)
  assert.deepEqual(server.requests[0], {
    model: 'tinyllama:latest',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    keep_alive: '15m',
    truncate: false,
    shift: false,
    options: { num_ctx: 4096, temperature: 0, seed: 7, num_predict: 5 },
    format: { type: 'object' },
    think: false,
  })
})

it('hangs up on a server that has not sent headers yet', async () => {
  const arrived = Promise.withResolvers<void>()
  const { host: ollama, server } = await host(likeOllama(() => arrived.resolve()))
  const ends = new AbortController()
  const answer = ollama.complete(REQUEST, { signal: ends.signal, progress: () => {} })
  await arrived.promise
  ends.abort()
  assert.equal((await answer).ok, false)
  await server.hung_up
})

const failures: [string, Answerer, string, RegExp][] = [
  [
    'an error line after 200',
    (_q, _b, r) => void stream(r).end(`${piece('Re')}{"error":"llama runner has terminated"}\n`),
    'agent_failed',
    /llama runner has terminated/,
  ],
  [
    'a full queue',
    (_q, _b, r) => json(r, 503, { error: 'server busy, please try again.' }),
    'busy',
    /503.*server busy/,
  ],
  ['a foreign origin', (_q, _b, r) => void r.writeHead(403).end(), 'forbidden', /403/],
  [
    'a prompt that does not fit',
    (_q, _b, r) => json(r, 400, { error: 'the input length exceeds the context length' }),
    'too_large',
    /context length/,
  ],
  ['garbage', (_q, _b, r) => void stream(r).end('<html>hello</html>\n'), 'agent_failed', /not a line of JSON/],
  [
    'a stream that ends early',
    (_q, _b, r) => void stream(r).end(piece('Re')),
    'agent_failed',
    /before it was finished/,
  ],
  [
    'a connection that breaks',
    (_q, _b, r) => {
      stream(r).write(piece('Re'), () => r.destroy())
    },
    'agent_failed',
    /The connection to ollama at .* broke/,
  ],
  [
    'a server that dies before it has answered',
    (_q, _b, r) => void r.destroy(),
    'agent_failed',
    /The connection to ollama at .* broke: UND_ERR_SOCKET/,
  ],
  [
    'an endless line',
    (_q, _b, r) => {
      const more = () => {
        while (r.write('x'.repeat(1 << 20)));
      }
      stream(r).on('drain', more)
      more()
    },
    'agent_failed',
    /more than \d+ characters/,
  ],
]

for (const [what, chat, kind, message] of failures) {
  it(`names ${what}`, async () => {
    const { host: ollama } = await host(likeOllama(chat))
    const answer = await ollama.complete(REQUEST, context())
    assert.ok(!answer.ok)
    assert.equal(answer.failure.kind, kind)
    assert.match(answer.failure.message, message)
  })
}

it('says when to come back to a full queue', async () => {
  const { host: ollama } = await host(likeOllama((_q, _b, r) => json(r, 503, {}, { 'retry-after': '17' })))
  const answer = await ollama.complete(REQUEST, context())
  assert.equal(!answer.ok && answer.failure.retry_after_s, 17)
})

it('says that nothing listens there', async () => {
  const { host: ollama, server } = await host(usual)
  await server.close()
  open.splice(open.indexOf(server), 1)
  const listing = await ollama.list(AbortSignal.timeout(5000))
  assert.ok(!listing.ok)
  assert.equal(listing.failure.kind, 'unavailable')
  assert.match(listing.failure.message, /ECONNREFUSED/)
})

it('knows another server by its answer', async () => {
  const { host: other } = await host((_q, _b, response) => void response.writeHead(200).end('<html></html>'))
  const listing = await other.list(AbortSignal.timeout(5000))
  assert.equal(!listing.ok && listing.failure.kind, 'agent_failed')
})
