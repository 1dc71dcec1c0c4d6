/** Agents that name the gateway in their settings: what they get, and where their key does not turn up. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ok } from '../failure.ts'
import { exampleTask } from './agent-system.conformance.ts'
import type { AgentSystem, AgentSystemContext, PerformContext } from './agent-system.ts'
import { command } from './command/command.ts'
import { http } from './http/http.ts'
import { standInGateway } from './model-gateway.stand-in.ts'

const KEY = 'qk_this-is-the-key-of-the-attempt'
const access = { key: KEY, openai_url: 'http://q/gateway/v1', ollama_url: `http://q/gateway/${KEY}` }
let work_dir = ''
before(async () => {
  work_dir = await mkdtemp(join(tmpdir(), 'quorate-access-'))
})
after(() => rm(work_dir, { recursive: true, force: true }))

async function perform<Settings>(system: AgentSystem<Settings>, settings: object, given = true) {
  const context: AgentSystemContext = { gateway: standInGateway([]), fetch, secret: () => ok('the-secret'), work_dir }
  const opened = system.open(system.settings.parse(settings), context)
  assert.ok(opened.ok)
  let hide = (text: string): string => text
  let grants = 0
  const during: PerformContext = { signal: new AbortController().signal, progress: () => {} }
  if (given) {
    during.model_access = async (hidden) => {
      grants += 1
      hide = hidden
      return ok(access)
    }
  }
  const result = await opened.value.perform(exampleTask(), during)
  return { result, grants, hidden: hide('it says the-secret') }
}

const print = (name: string) => [process.execPath, '-e', `console.log(process.env.${name})`]

describe('a command', () => {
  test('gets addresses and key in its environment, and its secrets are kept out of the record', async () => {
    const env = { OPENAI_BASE_URL: '{{gateway.openai_url}}', TOKEN: 'env:TOKEN' }
    const { result, grants, hidden } = await perform(command, { command: print('OPENAI_BASE_URL'), env })
    assert.ok(result.ok, JSON.stringify(result))
    assert.equal(result.value.output, 'http://q/gateway/v1')
    assert.equal(grants, 1)
    assert.equal(hidden, 'it says [secret]')
  })

  test('has the key hidden in what it prints, also within an address', async () => {
    for (const [value, shown] of [
      ['key={{gateway.key}};', 'key=[secret];'],
      ['{{gateway.ollama_url}}', 'http://q/gateway/[secret]'],
    ] as const) {
      const { result } = await perform(command, { command: print('GIVEN'), env: { GIVEN: value } })
      assert.ok(result.ok)
      assert.equal(result.value.output, shown)
    }
  })

  test('gets no key when it does not ask', async () => {
    assert.equal((await perform(command, { command: print('HOME') })).grants, 0)
  })

  test('is refused where there is no gateway, and when it asks for what there is not', async () => {
    const { result } = await perform(command, { command: print('K'), env: { K: '{{gateway.key}}' } }, false)
    assert.ok(!result.ok && result.failure.kind === 'unsupported')
    assert.ok(!command.settings.safeParse({ command: ['x'], env: { K: '{{gateway.password}}' } }).success)
  })
})

describe('a service', () => {
  test('gets them in headers and body, and its answer has no key in it', async (t) => {
    let seen = { authorization: '', body: '' }
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const part of request.setEncoding('utf8')) body += part
      seen = { authorization: request.headers['x-model-key'] as string, body }
      response.end(JSON.stringify({ said: `I got ${request.headers['x-model-key']}` }))
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const settings = {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
      headers: { 'x-model-key': 'Bearer {{gateway.key}}' },
      body: { llm: { model: 'openai/default', base_url: '{{gateway.openai_url}}', api_key: '{{gateway.key}}' } },
    }
    const { result, grants } = await perform(http, settings)
    assert.ok(result.ok, JSON.stringify(result))
    assert.equal(grants, 1)
    assert.equal(seen.authorization, `Bearer ${KEY}`)
    const llm = { model: 'openai/default', base_url: access.openai_url, api_key: KEY }
    assert.deepEqual(JSON.parse(seen.body), { llm })
    assert.deepEqual(result.value.output, { said: 'I got Bearer [secret]' })
  })

  test('is refused a name that there is not', () => {
    const url = 'http://agents.example.com/'
    assert.ok(!http.settings.safeParse({ url, headers: { a: '{{gateway.x}}' } }).success)
    assert.ok(!http.settings.safeParse({ url, body: '{{gateway.x}}' }).success)
    assert.ok(!http.settings.safeParse({ url: `${url}{{gateway.key}}` }).success)
  })
})
