import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { after, it } from 'node:test'
import { conforms } from '../model-host.conformance.ts'
import type { HostRequest } from '../model-host.ts'
import { openAiCompatibleHost } from './openai-compatible.ts'
import { type Answerer, json, type StandIn, standIn } from './stand-in-server.ts'

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const piece = (content: string, finish_reason: string | null = null) =>
  event({
    id: 'c1',
    object: 'chat.completion.chunk',
    model: 'm',
    choices: [{ index: 0, delta: { content }, finish_reason }],
  })
const USAGE = event({
  id: 'c1',
  object: 'chat.completion.chunk',
  model: 'm',
  choices: [],
  usage: { prompt_tokens: 9, completion_tokens: 2, total_tokens: 11 },
})
const DONE = 'data: [DONE]\n\n'
const stream = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' })

const likeVllm =
  (chat: Answerer): Answerer =>
  (request, body, response) => {
    if (request.url === '/v1/models') {
      const models = [{ id: 'm', max_model_len: 8192 }, { id: 'bge-embed' }, { id: 3 }]
      return json(response, 200, { object: 'list', data: models })
    }
    if (request.url !== '/v1/chat/completions') return json(response, 404, {})
    if (body.model !== 'm')
      return json(response, 404, { error: { message: `The model ${body.model} does not exist.` } })
    return chat(request, body, response)
  }

const usual = likeVllm((_request, body, response) => {
  stream(response)
  if (body.response_format)
    return void response.end(piece('{"colour":"red",') + piece('"shade":3}', 'stop') + USAGE + DONE)
  const { content } = (body.messages as { content: string }[])[0] ?? { content: '' }
  response.write(piece('Red, '))
  if (!content.includes('long')) response.end(piece('blue', 'stop') + USAGE + DONE)
})

const open: StandIn[] = []
after(() => Promise.all(open.map((server) => server.close())))

async function host(answer: Answerer, api_key: string | null = null) {
  const server = await standIn(answer)
  open.push(server)
  return { server, host: openAiCompatibleHost({ name: 'vllm', url: server.url, api_key, fetch }) }
}

const REQUEST: HostRequest = { model: 'm', messages: [{ role: 'user', content: 'hi' }] }
const context = () => ({ signal: new AbortController().signal, progress: () => {} })

conforms('an OpenAI-compatible server', async () => {
  const server = await standIn(usual)
  return {
    host: openAiCompatibleHost({ name: 'vllm', url: `${server.url}/v1/`, api_key: null, fetch }),
    model: 'm',
    outside_ended: server.idle,
    close: server.close,
  }
})

it('asks for usage and the schema, and sends the key only where there is one', async () => {
  let authorization: string | undefined
  const { host: vllm, server } = await host((request, body, response) => {
    authorization = request.headers.authorization
    return usual(request, body, response)
  }, 'secret')
  const schema = { type: 'object', properties: { a: { type: 'string' } }, required: ['a'], additionalProperties: false }
  assert.ok((await vllm.complete({ ...REQUEST, schema, temperature: 0, max_output_tokens: 5 }, context())).ok)
  assert.equal(authorization, 'Bearer secret')
  assert.deepEqual(server.requests[0], {
    model: 'm',
    messages: [{ role: 'user', content: 'hi' }],
    stream: true,
    stream_options: { include_usage: true },
    temperature: 0,
    max_tokens: 5,
    response_format: { type: 'json_schema', json_schema: { name: 'answer', schema, strict: true } },
  })
  const keyless = await host((request, body, response) => {
    authorization = request.headers.authorization
    return usual(request, body, response)
  })
  assert.ok((await keyless.host.complete(REQUEST, context())).ok)
  assert.equal(authorization, undefined)
})

it('says null where the server does not count', async () => {
  const { host: vllm } = await host(likeVllm((_q, _b, r) => void stream(r).end(piece('Red', 'length') + DONE)))
  const answer = await vllm.complete(REQUEST, context())
  assert.ok(answer.ok)
  const { text, input_tokens, output_tokens, finish } = answer.value
  assert.deepEqual(
    { text, input_tokens, output_tokens, finish },
    { text: 'Red', input_tokens: null, output_tokens: null, finish: 'length' },
  )
})

/** `transformers serve`: refuses unknown fields, has no [DONE], counts in its last chunk. */
it('makes do with a server that refuses fields which it does not know', async () => {
  const known = ['model', 'messages', 'max_tokens', 'stream']
  const { host: serve, server } = await host(
    likeVllm((_request, body, response) => {
      const unknown = Object.keys(body).filter((key) => !known.includes(key))
      if (unknown.length > 0) return json(response, 422, { detail: `Unexpected keys: ${unknown}` })
      stream(response).end(piece('{"a":1}', 'stop') + USAGE)
    }),
  )
  const schema = { type: 'object' }
  for (const _ of [1, 2]) {
    const answer = await serve.complete({ ...REQUEST, temperature: 0, schema }, context())
    assert.ok(answer.ok, JSON.stringify(answer))
    assert.equal(answer.value.text, '{"a":1}')
    assert.equal(answer.value.output_tokens, 2)
  }
  // The second call does not try what was refused once, and the schema is told in words.
  assert.equal(server.requests.length, 3)
  assert.match(JSON.stringify(server.requests[2]?.messages), /JSON Schema/)
})

const failures: [string, Answerer, string, RegExp][] = [
  [
    'an error in mid-stream',
    (_q, _b, r) => void stream(r).end(`${piece('Re')}${event({ error: { message: 'CUDA out of memory' } })}`),
    'agent_failed',
    /CUDA out of memory/,
  ],
  ['a full queue', (_q, _b, r) => json(r, 503, { error: { message: 'overloaded' } }), 'busy', /503/],
  ['a wrong key', (_q, _b, r) => json(r, 401, { error: { message: 'bad key' } }), 'unauthenticated', /401/],
  [
    'a prompt that does not fit',
    (_q, _b, r) => json(r, 400, { error: { message: "This model's maximum context length is 8192 tokens" } }),
    'too_large',
    /8192/,
  ],
  [
    'a web page',
    (_q, _b, r) => void r.writeHead(200, { 'content-type': 'text/html' }).end('<html>hello</html>'),
    'agent_failed',
    /no stream/,
  ],
  ['a stream of garbage', (_q, _b, r) => void stream(r).end('data: {{{{\n\n'), 'agent_failed', /not JSON/],
  [
    'a connection that breaks',
    (_q, _b, r) => {
      stream(r).write(piece('Re'), () => r.destroy())
    },
    'agent_failed',
    /The connection to vllm at .* broke/,
  ],
  [
    'a server that dies before it has answered',
    (_q, _b, r) => void r.destroy(),
    'agent_failed',
    /The connection to vllm at .* broke: UND_ERR_SOCKET/,
  ],
  [
    'an answer without end',
    (_q, _b, r) => {
      const chunk = piece('x'.repeat(1 << 18))
      const more = () => {
        while (r.write(chunk));
      }
      stream(r).on('drain', more)
      more()
    },
    'limit_exceeded',
    /more than \d+ characters/,
  ],
]

for (const [what, chat, kind, message] of failures) {
  it(`names ${what}`, async () => {
    const { host: vllm } = await host(likeVllm(chat))
    const answer = await vllm.complete(REQUEST, context())
    assert.ok(!answer.ok)
    assert.equal(answer.failure.kind, kind, answer.failure.message)
    assert.match(answer.failure.message, message)
  })
}

it('hangs up on a server that has not sent headers yet', async () => {
  const arrived = Promise.withResolvers<void>()
  const { host: vllm, server } = await host(likeVllm(() => arrived.resolve()))
  const ends = new AbortController()
  const answer = vllm.complete(REQUEST, { signal: ends.signal, progress: () => {} })
  await arrived.promise
  ends.abort()
  assert.equal((await answer).ok, false)
  await server.hung_up
})
