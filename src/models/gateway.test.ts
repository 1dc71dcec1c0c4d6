import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import type { Configuration, ModelHostSetting } from '../configuration/configuration.ts'
import { fail, ok } from '../failure.ts'
import { type Gateway, type GatewayOptions, openGateway } from './gateway.ts'
import { type Answerer, json, type StandIn, standIn } from './hosts/stand-in-server.ts'
import type { ModelProgress, ModelRequest } from './model-gateway.ts'

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const never = () => new AbortController().signal
const ask = (content: string, more: Partial<ModelRequest> = {}): ModelRequest => ({
  model: null,
  messages: [{ role: 'user', content }],
  caller: { run: null, task: null, agent: null, purpose: 'task' },
  ...more,
})

/** A stand-in for Ollama that answers when it is told to. */
type Chat = { content: string; response: ServerResponse }
const held: Chat[] = []
let arrival = Promise.withResolvers<Chat>()
const nextChat = async (): Promise<Chat> => {
  const chat = held.shift() ?? (await arrival.promise)
  if (held[0] === chat) held.shift()
  return chat
}
const line = (response: ServerResponse, content: string, done = false) =>
  response.write(
    `${JSON.stringify({ model: 'm:1b', message: { content }, done, ...(done ? { done_reason: 'stop', prompt_eval_count: 3, eval_count: 2 } : {}) })}\n`,
  )
const finish = ({ response }: Chat, content: string) => {
  line(response, content)
  line(response, '', true)
  response.end()
}
const ollama: Answerer = (request, body, response) => {
  if (request.url === '/api/tags')
    return json(response, 200, {
      models: [
        { name: 'm:1b', size: 8e8 },
        { name: 'b', size: 9e9 },
      ],
    })
  if (request.url !== '/api/chat') return json(response, 404, { error: 'not found' })
  if (body.model !== 'm:1b' && body.model !== 'b')
    return json(response, 404, { error: `model '${body.model}' not found` })
  const chat = { content: (body.messages as { content: string }[])[0]?.content ?? '', response }
  held.push(chat)
  arrival.resolve(chat)
  arrival = Promise.withResolvers<Chat>()
}

const opened: { close: () => Promise<unknown> }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
  held.length = 0
})

async function server(answer: Answerer = ollama): Promise<StandIn> {
  const made = await standIn(answer)
  opened.push(made)
  return made
}
async function deadUrl(): Promise<string> {
  const made = await standIn(() => {})
  await made.close()
  return made.url
}

type Settings = Partial<Omit<Configuration['models'], 'local'>> & { local?: Partial<Configuration['models']['local']> }
async function gateway({ local, ...models }: Settings, more: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const own = { enabled: false, model: null, path: null, threads: 1, context_tokens: 1024, hub: false, ...local }
  const made = await openGateway({
    configuration: {
      cache_dir: join(tmpdir(), 'quorate-test-cache'),
      models: { default: null, hosts: [], ollama_url: await deadUrl(), ...models, local: own },
    },
    logger,
    fetch,
    guarded_fetch: fetch,
    secret: () => fail('not_found', 'NAME is not set.'),
    ...more,
  })
  opened.push(made)
  return made
}
const setting = (name: string, url: string, more: Partial<ModelHostSetting> = {}): ModelHostSetting => ({
  name,
  kind: 'ollama',
  url,
  api_key: null,
  concurrency: 1,
  ...more,
})

describe('the gateway finds models', () => {
  it('another one than those that did not help, of a host that answers', async () => {
    const { url } = await server()
    const models = await gateway({ ollama_url: url, hosts: [setting('dead', await deadUrl())] })
    await models.ready()
    assert.equal(models.other_model([]), 'ollama/m:1b')
    assert.equal(models.other_model(['ollama/m:1b']), 'ollama/b')
    assert.equal(models.other_model(['m:1b', 'dead/m:1b']), 'ollama/b')
    assert.equal(models.other_model(['ollama/m:1b', 'b']), null)
  })

  it('of Ollama, lists them, and takes the smallest for who names none', async () => {
    const { url } = await server()
    const models = await gateway({ ollama_url: url })
    await models.ready()
    assert.deepEqual(models.default_model(), { id: 'ollama/m:1b' })
    const [host] = await models.hosts()
    assert.equal(host?.ok, true)
    assert.deepEqual(
      host?.models.map((model) => [model.id, model.default]),
      [
        ['ollama/m:1b', true],
        ['ollama/b', false],
      ],
    )
  })

  it('opens and says why where there is none, and finds one that is started later', async () => {
    const models = await gateway({})
    const refused = await models.complete(ask('hi'), { signal: never() })
    assert.ok(!refused.ok)
    assert.equal(refused.failure.kind, 'model_missing')
    assert.match(refused.failure.message, /ECONNREFUSED/)
    assert.match(refused.failure.remedy ?? '', /models\.local\.path/)
    const none = models.default_model()
    assert.ok(none.id === null && /ECONNREFUSED/.test(none.reason))

    let started = false
    const { url } = await server((request, body, response) =>
      started ? ollama(request, body, response) : json(response, 503, {}),
    )
    const later = await gateway({ ollama_url: url })
    await later.ready()
    assert.equal(later.default_model().id, null)
    started = true
    const answer = later.complete(ask('hi'), { signal: never() })
    finish(await nextChat(), 'there')
    assert.ok((await answer).ok)
  })

  it('by the configured default, and never another one instead', async () => {
    const { url } = await server()
    const models = await gateway({ ollama_url: url, default: 'b' })
    await models.ready()
    assert.deepEqual(models.default_model(), { id: 'ollama/b' })
    const missing = await gateway({ ollama_url: url, default: 'gpt-9' })
    const answer = await missing.complete(ask('hi'), { signal: never() })
    assert.match(!answer.ok ? answer.failure.message : '', /gpt-9 is on no host/)
  })

  it('leaves out a host whose key cannot be read, and keeps the others', async () => {
    const { url } = await server()
    const hosts = [setting('keyed', url, { api_key: 'env:NAME' }), setting('open', url)]
    const models = await gateway({ hosts })
    assert.deepEqual(
      (await models.hosts()).map(({ name }) => name),
      ['open', 'ollama'],
    )
  })

  it('of a host that an agent names, under its full name only', async () => {
    const { url } = await server()
    const guarded: string[] = []
    const guarded_fetch: typeof fetch = (input, init) => {
      guarded.push(String(input))
      return fetch(input, init)
    }
    const models = await gateway({}, { guarded_fetch })
    assert.deepEqual(await models.add_host(setting('mine', url)), ok('mine'))
    assert.deepEqual(await models.add_host(setting('again', url)), ok('mine'))
    assert.deepEqual(await models.add_host(setting('mine', `${url}/other`)), ok('mine-2'))
    assert.equal(models.default_model().id, null)
    assert.equal((await models.complete(ask('hi', { model: 'm:1b' }), { signal: never() })).ok, false)
    const answer = models.complete(ask('hi', { model: 'mine/m:1b' }), { signal: never() })
    finish(await nextChat(), 'there')
    assert.ok((await answer).ok)
    const foreign = ask('hi', { model: 'mine/m:1b', configured_only: true })
    const refused = await models.complete(foreign, { signal: never() })
    assert.ok(!refused.ok && refused.failure.kind === 'forbidden')
    assert.equal((await models.hosts()).find(({ name }) => name === 'mine')?.added, true)
    assert.ok(guarded.every((address) => address.startsWith(url)) && guarded.length > 0)
  })
})

describe('the gateway bounds and joins', () => {
  it('gives the places of a host in order, and tells who waits', async () => {
    const { url } = await server()
    const models = await gateway({ hosts: [setting('o', url)] })
    const told: string[] = []
    const first = models.complete(ask('one'), { signal: never() })
    const one = await nextChat()
    const second = models.complete(ask('two'), { signal: never(), progress: ({ kind }) => told.push(kind) })
    assert.equal(one.content, 'one')
    finish(one, '1')
    const two = await nextChat()
    assert.equal(two.content, 'two')
    finish(two, '2')
    const [a, b] = [await first, await second]
    assert.ok(a.ok && b.ok)
    assert.equal(told[0], 'queued')
    assert.ok(b.value.queued_ms >= 0 && b.value.duration_ms >= b.value.queued_ms)
    assert.deepEqual([a.value.text, b.value.text, a.value.host, a.value.model], ['1', '2', 'o', 'm:1b'])
  })

  it('joins what is identical and deterministic, and nothing else', async () => {
    const { url, requests } = await server()
    const models = await gateway({ hosts: [setting('o', url, { concurrency: 10 })] })
    const same = ask('same', { temperature: 0, seed: 1 })
    const joined = [1, 2, 3].map(() => models.complete(same, { signal: never() }))
    finish(await nextChat(), 'once')
    const answers = await Promise.all(joined)
    assert.ok(answers.every((answer) => answer.ok && answer.value.text === 'once'))
    assert.equal(requests.length, 1)
    assert.equal(models.stats()[0]?.calls, 1)

    const samples = [1, 2].map(() => models.complete(ask('same', { temperature: 0.7, seed: 1 }), { signal: never() }))
    const other = models.complete(ask('same', { temperature: 0, seed: 2 }), { signal: never() })
    for (let n = 0; n < 3; n++) finish(await nextChat(), 'own')
    assert.ok((await Promise.all([...samples, other])).every((answer) => answer.ok))
    assert.equal(requests.length, 4)
  })

  it('ends joined work when the last one leaves, and not before', async () => {
    const { url, requests, hung_up, idle } = await server()
    const models = await gateway({ hosts: [setting('o', url, { concurrency: 10 })] })
    const same = ask('same', { temperature: 0 })
    const [a, b] = [new AbortController(), new AbortController()]
    const first = models.complete(same, { signal: a.signal })
    const second = models.complete(same, { signal: b.signal })
    const chat = await nextChat()
    a.abort()
    const left = await first
    assert.equal(!left.ok && left.failure.kind, 'cancelled')
    assert.equal(chat.response.destroyed, false)
    b.abort()
    // Whoever comes now must not join what is being ended.
    const third = models.complete(same, { signal: never() })
    assert.equal((await second).ok, false)
    await hung_up
    finish(await nextChat(), 'anew')
    assert.ok((await third).ok)
    assert.equal(requests.length, 2)
    await idle()
  })

  it('ends a host that goes silent after its first token', async () => {
    const { url, hung_up } = await server()
    const models = await gateway({ hosts: [setting('o', url)] }, { stall_ms: 30 })
    const answer = models.complete(ask('hi'), { signal: never() })
    line((await nextChat()).response, 'Well')
    const result = await answer
    assert.ok(!result.ok)
    assert.equal(result.failure.kind, 'timeout')
    assert.match(result.failure.message, /no token for 0.03 s/)
    await hung_up
  })

  it('ends all calls when it is closed, and takes no more', async () => {
    const { url, hung_up } = await server()
    const models = await gateway({ hosts: [setting('o', url)] })
    const answer = models.complete(ask('hi'), { signal: never() })
    await nextChat()
    await models.close()
    const result = await answer
    assert.equal(!result.ok && result.failure.kind, 'unavailable')
    await hung_up
    const late = await models.complete(ask('hi'), { signal: never() })
    assert.equal(!late.ok && late.failure.kind, 'unavailable')
  })
})

describe('the gateway checks and counts', () => {
  it('holds answers to the whole schema', async () => {
    const { url } = await server()
    const models = await gateway({ hosts: [setting('o', url)] })
    const schema = { type: 'object', properties: { n: { type: 'integer', maximum: 5 } }, required: ['n'] }
    const good = models.complete(ask('hi', { schema }), { signal: never() })
    finish(await nextChat(), '{"n":5}')
    const answer = await good
    assert.ok(answer.ok)
    assert.deepEqual(answer.value.json, { n: 5 })
    const bad = models.complete(ask('hi', { schema }), { signal: never() })
    finish(await nextChat(), '{"n":6}')
    const refused = await bad
    assert.ok(!refused.ok)
    assert.equal(refused.failure.kind, 'output_invalid')
    assert.equal(refused.failure.field, 'n')
    assert.deepEqual(
      models.stats().map(({ host, model, calls, failures, input_tokens, output_tokens }) => ({
        host,
        model,
        calls,
        failures,
        input_tokens,
        output_tokens,
      })),
      [{ host: 'o', model: 'm:1b', calls: 2, failures: { output_invalid: 1 }, input_tokens: 3, output_tokens: 2 }],
    )
  })

  it('refuses what cannot be asked', async () => {
    const { url, requests } = await server()
    const models = await gateway({ hosts: [setting('o', url)] })
    const empty = await models.complete(ask('hi', { messages: [] }), { signal: never() })
    assert.equal(!empty.ok && empty.failure.field, 'messages')
    const schema = await models.complete(ask('hi', { schema: { $ref: '#/nowhere' } }), { signal: never() })
    assert.equal(!schema.ok && schema.failure.field, 'schema')
    const model = await models.complete(ask('hi', { model: 'gpt-9' }), { signal: never() })
    assert.equal(!model.ok && model.failure.kind, 'model_missing')
    const cancelled = await models.complete(ask('hi'), { signal: AbortSignal.abort() })
    assert.equal(!cancelled.ok && cancelled.failure.kind, 'cancelled')
    assert.equal(requests.length, 0)
  })
})

describe('the gateway with the real local model', () => {
  it('is what answers where no server does, one call at a time', async () => {
    const models = await gateway({ local: { enabled: true } })
    await models.ready()
    assert.deepEqual(models.default_model(), { id: 'local/smollm2-135m-instruct' })
    const told: ModelProgress[] = []
    const progress = (value: ModelProgress) => told.push(value)
    const short = { temperature: 0, max_output_tokens: 8 }
    const [first, second] = await Promise.all([
      models.complete(ask('Say hello.', short), { signal: never() }),
      models.complete(ask('Say goodbye.', short), { signal: never(), progress }),
    ])
    assert.ok(first.ok && second.ok, JSON.stringify([first, second]))
    assert.equal(told[0]?.kind, 'queued')
    assert.ok(second.value.queued_ms > 0)
    const local = (await models.hosts()).find(({ kind }) => kind === 'local')
    assert.equal(local?.models[0]?.loaded, true)
    assert.equal(local?.models[0]?.licence, 'Apache-2.0')
    assert.equal(local?.models[0]?.context_length, 1024)
  })

  it('is left alone where a server has models', async () => {
    const { url } = await server()
    const models = await gateway({ ollama_url: url, local: { enabled: true } })
    const local = (await models.hosts()).find(({ kind }) => kind === 'local')
    assert.deepEqual([local?.ok, local?.models.length], [false, 0])
    assert.match(local?.detail ?? '', /not needed/)
  })
})
