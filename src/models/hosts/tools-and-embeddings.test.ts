/** Tools and embeddings: what each kind of host sends, and what it makes of the answers. */
import assert from 'node:assert/strict'
import { after, describe, it } from 'node:test'
import type { Message, Tool } from '../model-gateway.ts'
import type { HostRequest, ModelHost } from '../model-host.ts'
import { localHost } from './local/local.ts'
import { ollamaHost } from './ollama.ts'
import { openAiCompatibleHost } from './openai-compatible.ts'
import { type Answerer, json, type StandIn, standIn } from './stand-in-server.ts'

const weather: Tool = { name: 'weather_in', parameters: { type: 'object', properties: { city: { type: 'string' } } } }
const asked: Message[] = [
  { role: 'user', content: 'The weather?' },
  { role: 'assistant', content: '', tool_calls: [{ id: 'c7', name: 'weather_in', arguments: '{"city":"Bergen"}' }] },
  { role: 'tool', content: 'rainy', tool_call_id: 'c7' },
]
const never = () => new AbortController().signal
const quiet = () => ({ signal: never(), progress: () => {} })

const open: StandIn[] = []
after(() => Promise.all(open.map((server) => server.close())))

const event = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const chunk = (delta: object, finish_reason: string | null = null) =>
  event({ id: 'c', object: 'chat.completion.chunk', model: 'm', choices: [{ index: 0, delta, finish_reason }] })

const openAi: Answerer = (request, body, response) => {
  if (request.url === '/v1/embeddings') {
    const data = [1, 0].map((index) => ({ index, embedding: [index, 0.5] }))
    return json(response, 200, { data: body.model === 'short' ? data.slice(1) : data, usage: { prompt_tokens: 4 } })
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  // In parts, as servers send it; the second call is told apart by its index, and what has none is nobody's.
  const part = (index: unknown, id: string | undefined, name: string | undefined, text: string) =>
    chunk({ tool_calls: [{ index, id, function: { name, arguments: text } }] })
  response.end(
    [
      part(0, 'a', 'weather_in', ''),
      part(0, undefined, undefined, '{"city":'),
      part(0, undefined, undefined, '"Oslo"}'),
      part(1, 'b', 'weather_in', '{}'),
      part(99, 'c', 'weather_in', '{}'),
      part(-1, 'd', 'weather_in', '{}'),
      chunk({ tool_calls: 'garbage' }, 'stop'),
      'data: [DONE]\n\n',
    ].join(''),
  )
}

const ollama: Answerer = (request, body, response) => {
  if (request.url === '/api/embed') {
    const embeddings = [
      [0, 0.5],
      [1, 0.5],
    ]
    return json(response, 200, { embeddings: body.model === 'short' ? [[1]] : embeddings, prompt_eval_count: 4 })
  }
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  const line = (value: object) => `${JSON.stringify({ model: 'm', ...value })}\n`
  const call = (city: string) => ({ function: { name: 'weather_in', arguments: { city } } })
  response.end(
    line({ message: { role: 'assistant', content: '', tool_calls: [call('Oslo'), { function: {} }] }, done: false }) +
      line({ message: { role: 'assistant', content: '', tool_calls: [call('Rome')] }, done: false }) +
      line({ message: { role: 'assistant', content: '' }, done: true, done_reason: 'stop' }),
  )
}

const kinds: { [kind in 'openai' | 'ollama']: (url: string) => ModelHost } = {
  openai: (url) => openAiCompatibleHost({ name: 'h', url, api_key: null, fetch }),
  ollama: (url) => ollamaHost({ name: 'h', url, context_tokens: 512, fetch }),
}

for (const [kind, make] of Object.entries(kinds)) {
  describe(kind, () => {
    const started = async () => {
      const server = await standIn(kind === 'openai' ? openAi : ollama)
      open.push(server)
      return { server, host: make(server.url) }
    }
    const request: HostRequest = { model: 'm', messages: asked, tools: [weather] }

    it('puts the parts of tool calls together', async () => {
      const { host } = await started()
      const seen: number[] = []
      const answer = await host.complete(request, { signal: never(), progress: ({ tokens = 0 }) => seen.push(tokens) })
      assert.ok(answer.ok, JSON.stringify(answer))
      assert.equal(answer.value.finish, 'tool_calls')
      const calls = answer.value.tool_calls ?? []
      assert.deepEqual(
        calls.map(({ name, arguments: text }) => [name, JSON.parse(text)]),
        kind === 'openai'
          ? [
              ['weather_in', { city: 'Oslo' }],
              ['weather_in', {}],
            ]
          : [
              ['weather_in', { city: 'Oslo' }],
              ['weather_in', { city: 'Rome' }],
            ],
      )
      assert.equal(new Set(calls.map(({ id }) => id)).size, 2)
      assert.ok(seen.length >= 2, 'a call counts while it comes')
    })

    it('tells what the tool said, in the way of the host', async () => {
      const { host, server } = await started()
      await host.complete({ ...request, tool_choice: { name: 'weather_in' } }, quiet())
      const { messages, tools, tool_choice } = server.requests[0] as {
        messages: Record<string, unknown>[]
        tools: unknown[]
        tool_choice: unknown
      }
      assert.equal(tools.length, 1)
      if (kind === 'openai') {
        assert.deepEqual(messages[2], { role: 'tool', content: 'rainy', tool_call_id: 'c7' })
        assert.deepEqual(tool_choice, { type: 'function', function: { name: 'weather_in' } })
      } else {
        assert.deepEqual(messages[2], { role: 'tool', content: 'rainy', tool_name: 'weather_in' })
        assert.deepEqual(messages[1]?.tool_calls, [{ function: { name: 'weather_in', arguments: { city: 'Bergen' } } }])
        await host.complete({ ...request, tool_choice: 'none' }, quiet())
        assert.equal(server.requests[1]?.tools, undefined)
      }
    })

    it('gets a vector for each text, in their order', async () => {
      const { host } = await started()
      const answer = await host.embed?.({ model: 'm', input: ['a', 'b'] }, never())
      assert.deepEqual(answer, {
        ok: true,
        value: {
          embeddings: [
            [0, 0.5],
            [1, 0.5],
          ],
          input_tokens: 4,
        },
      })
      const short = await host.embed?.({ model: 'short', input: ['a', 'b'] }, never())
      assert.ok(short && !short.ok && short.failure.kind === 'agent_failed')
      const left = await host.embed?.({ model: 'm', input: ['a'] }, AbortSignal.abort())
      assert.ok(left && !left.ok && left.failure.kind === 'cancelled')
    })
  })
}

it('the local model refuses tools before it is fetched or loaded', async () => {
  const note = () => {}
  const settings = { enabled: true, model: null, path: '/none.gguf', threads: 1, context_tokens: 512, hub: false }
  const logger = { debug: note, info: note, warn: note, error: note }
  const host = localHost({ name: 'local', settings, cache_dir: '/none', logger, fetch })
  for (const more of [{ tools: [weather] }, { messages: asked }]) {
    const answer = await host.complete({ model: 'm', messages: [{ role: 'user', content: 'x' }], ...more }, quiet())
    assert.ok(!answer.ok && answer.failure.kind === 'unsupported')
  }
  await host.close()
})
