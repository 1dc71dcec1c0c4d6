import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, ok } from '../../failure.ts'
import { openGateway } from '../../models/gateway.ts'
import { json, standIn } from '../../models/hosts/stand-in-server.ts'
import { conforms, exampleTask, failed, performed, SECRET } from '../agent-system.conformance.ts'
import { modelCases } from '../model-agent.conformance.ts'
import { hostInfo, standInGateway } from '../model-gateway.stand-in.ts'
import { guardedFetch } from '../outbound-guard.ts'
import { openai_compatible } from './openai_compatible.ts'

conforms(openai_compatible, modelCases('openai_compatible', { model: 'small' }))

function opened(settings: object, gateway: object) {
  const handle = openai_compatible.open(openai_compatible.settings.parse(settings), { gateway } as never)
  assert.ok(handle.ok)
  return handle.value
}
const during = { signal: new AbortController().signal, progress: () => {} }
const url = 'http://127.0.0.1:8080/v1'
const modelSettings = {
  default: null,
  hosts: [],
  ollama_url: 'http://127.0.0.1:1',
  local: { enabled: false, model: null, path: null, threads: 1, context_tokens: 2048, hub: false },
}

test('a server of its own is added to the gateway once, by reference to its key', async () => {
  const gateway = standInGateway([])
  const handle = opened({ url, api_key: 'env:TOKEN' }, gateway)
  await Promise.all([handle.perform(exampleTask(), during), handle.perform(exampleTask(), during)])
  assert.equal(gateway.added.length, 1)
  const { name, ...setting } = gateway.added[0] ?? assert.fail()
  assert.deepEqual(setting, { kind: 'openai_compatible', url, api_key: 'env:TOKEN', concurrency: 4 })
  assert.match(name, /^openai_compatible@127\.0\.0\.1:8080-[0-9a-f]{6}$/)
  assert.equal(handle.host, name)
  assert.equal(performed(await handle.perform(exampleTask(), during)).model, `${name}/small`)
  assert.equal((await handle.check(during.signal)).ok, true)
})

test('the name of a host tells servers, paths and keys apart and has no slash', () => {
  const hosts = [
    { url },
    { url, api_key: 'env:A' },
    { url, api_key: 'env:B' },
    { url: 'http://127.0.0.1:8080/other' },
    { url: 'http://[::1]/v1/' },
  ]
  const names = hosts.map((settings) => opened(settings, standInGateway([])).host)
  assert.equal(new Set(names).size, hosts.length)
  assert.ok(names.every((name) => !name.includes('/')))
  assert.equal(names[0], 'openai_compatible@127.0.0.1:8080')
})

test('a gateway that takes no servers is unsupported, with what to do', async () => {
  const { add_host: _, ...gateway } = standInGateway([])
  assert.match(
    failed(await opened({ url }, gateway).perform(exampleTask(), during), ['unsupported']).remedy ?? '',
    /models\.hosts/,
  )
  assert.equal((await opened({ url }, gateway).check(during.signal)).ok, false)
})

test('a server that could not be added is tried again', async () => {
  const gateway = standInGateway([])
  const { add_host } = gateway
  gateway.add_host = async () => fail('unavailable', 'not there')
  const handle = opened({ url }, gateway)
  failed(await handle.perform(exampleTask(), during), ['unavailable'])
  gateway.add_host = add_host ?? assert.fail()
  performed(await handle.perform(exampleTask(), during))
})

test('a model that lies beside others is asked by its own name', async () => {
  const gateway = standInGateway([hostInfo('openai_compatible', 'openai_compatible', ['a', 'b'])])
  assert.equal(
    performed(await opened({ model: 'b' }, gateway).perform(exampleTask(), during)).model,
    'openai_compatible/b',
  )
})

test('with the real gateway: tokens, a schema, and a cancel that closes the socket of a server', async (t) => {
  const server = await standIn((request, body, response) => {
    if (request.url === '/v1/models') return json(response, 200, { data: [{ id: 'small' }] })
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send = (part: object) => response.write(`data: ${JSON.stringify({ model: 'small', ...part })}\n\n`)
    const text = body.response_format ? '{"n":4}' : 'Hello'
    send({ choices: [{ index: 0, delta: { content: text } }] })
    if (JSON.stringify(body.messages).includes('forever')) return
    send({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] })
    send({ choices: [], usage: { prompt_tokens: 12, completion_tokens: 3 } })
    response.end('data: [DONE]\n\n')
  })
  const quiet = () => {}
  const gateway = await openGateway({
    configuration: { cache_dir: '/nowhere', models: modelSettings },
    logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    fetch: guardedFetch({ allow: [] }),
    guarded_fetch: guardedFetch({ allow: [new URL(server.url).host] }),
    secret: () => ok(SECRET),
  })
  t.after(async () => {
    await gateway.close()
    await server.close()
  })
  const handle = opened({ url: `${server.url}/v1`, model: 'small', api_key: 'env:TOKEN' }, gateway)
  const said = performed(await handle.perform(exampleTask(), during))
  assert.equal(said.output, 'Hello')
  assert.deepEqual(said.usage, { input_tokens: 12, output_tokens: 3, calls: 1 })
  const output_schema = { type: 'object', properties: { n: { type: 'integer' } } }
  assert.deepEqual(performed(await handle.perform(exampleTask({ output_schema }), during)).output, { n: 4 })

  const cancel = new AbortController()
  const performing = handle.perform(exampleTask({ instructions: 'Talk forever' }), {
    signal: cancel.signal,
    progress: ({ kind }) => kind === 'tokens' && cancel.abort(),
  })
  failed(await performing, ['cancelled'])
  await server.hung_up
})

test('settings refuse other schemes, passwords in addresses, keys that are no reference or belong to no url', () => {
  const wrong = [
    [{ url: 'file:///etc/passwd' }, /http/],
    [{ url: 'http://me:pass@host/v1' }, /api_key/],
    [{ url, api_key: 'sk-123' }, /reference/],
    [{ api_key: 'env:TOKEN' }, /url/],
  ] as const
  for (const [settings, says] of wrong)
    assert.match(openai_compatible.settings.safeParse(settings).error?.message ?? '', says)
})
