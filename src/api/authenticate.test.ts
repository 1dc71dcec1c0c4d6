import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import { operations } from '../operations/all.ts'
import { newSecret } from '../operations/key-secret.ts'
import { type Permission, permissions } from '../operations/operation.ts'
import { openApi } from './server.ts'
import { asJson, type Door, openDoor } from './stand-ins.ts'

const own_key = newSecret()
let door: Door
let dir: string
let now = Date.now()
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'quorate-files-'))
  await mkdir(join(dir, 'assets'))
  await writeFile(join(dir, 'index.html'), '<!doctype html><title>console</title>')
  await writeFile(join(dir, 'assets', 'a.js'), '1')
  const gateway = { handle: async () => Response.json({ gateway: true }) } as unknown as ModelEndpoint
  door = await openDoor({
    authentication: 'keys',
    own_key,
    console_dir: dir,
    now: () => now,
    timing: { key_recheck_ms: 20 },
    endpoint: () => gateway,
  })
})
after(async () => {
  await door.close()
  await rm(dir, { recursive: true, force: true })
})

const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
let made = 0
async function make(
  has: readonly string[],
  more: { expires_in?: string; name?: string } = {},
): Promise<{ key: string; id: string; name: string }> {
  const body = { name: `key${++made}`, permissions: has, ...more }
  const answer = await door.post('/keys', body, { ...asJson, ...bearer(own_key) })
  assert.equal(answer.status, 201, answer.text)
  return answer.json as { key: string; id: string; name: string }
}
const ask = (path: string, key?: string, method = 'GET') =>
  door.send({ method, path, headers: key === undefined ? {} : bearer(key) })

/** fetch would tidy the path. */
const asItIs = (method: string, path: string, accept: string): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: door.port, method, path, headers: { accept } }, async (answer) =>
      resolve({ status: answer.statusCode ?? 0, text: await text(answer) }),
    )
    sent.on('error', reject).end()
  })

/** What each operation needs. A new operation must be put here by hand: that is the point of it. */
const table: { [operation: string]: Permission } = {
  create_workflow: 'runs:write',
  create_swarm: 'runs:write',
  orchestration_status: 'system:read',
  intelligence_metrics: 'system:read',
  metrics_over_time: 'system:read',
  list_runs: 'runs:read',
  get_run: 'runs:read',
  get_run_events: 'runs:read',
  list_model_calls: 'runs:read',
  get_task: 'runs:read',
  live: 'runs:read',
  cancel_run: 'runs:write',
  pause_run: 'runs:write',
  resume_run: 'runs:write',
  signal_run: 'runs:write',
  raise_budget: 'budgets:write',
  list_questions: 'runs:read',
  list_approvals: 'runs:read',
  answer_approval: 'runs:write',
  resolve_effect: 'runs:write',
  fork_run: 'runs:write',
  retry_run: 'runs:write',
  upgrade_runs: 'runs:write',
  replay_run: 'runs:read',
  compare_runs: 'runs:read',
  save_as_template: 'definitions:write',
  list_agents: 'agents:read',
  add_agent: 'agents:write',
  get_agent: 'agents:read',
  change_agent: 'agents:write',
  drain_agent: 'agents:write',
  remove_agent: 'agents:write',
  probe_agent: 'agents:write',
  agent_history: 'agents:read',
  try_agent: 'agents:write',
  list_tries: 'agents:read',
  get_try: 'agents:read',
  cancel_try: 'agents:write',
  list_models: 'agents:read',
  list_definitions: 'definitions:read',
  get_definition: 'definitions:read',
  put_definition: 'definitions:write',
  check_definition: 'definitions:read',
  list_versions: 'definitions:read',
  diff_definitions: 'definitions:read',
  restore_definition: 'definitions:write',
  plan: 'definitions:write',
  list_templates: 'definitions:read',
  definition_schema: 'definitions:read',
  get_blob: 'runs:read',
  configuration: 'system:read',
  doctor: 'system:read',
  list_keys: 'keys:read',
  create_key: 'keys:write',
  revoke_key: 'keys:write',
}

describe('every operation', () => {
  test('stands in the table', () =>
    assert.deepEqual(operations.map(({ name }) => name).sort(), Object.keys(table).sort()))

  test('is refused without a key, with every permission but its own, and reached with its own', async () => {
    const only = new Map<string, string>()
    const but = new Map<string, string>()
    for (const one of permissions) {
      only.set(one, (await make([one])).key)
      but.set(one, (await make(permissions.filter((other) => other !== one))).key)
    }
    for (const { name, method, path: pattern, aliases = [] } of operations) {
      const needs = table[name] as Permission
      for (const path of [pattern, ...aliases].map((each) => each.replaceAll(/\{\w+\}/g, 'nothing_of_this_name'))) {
        const what = `${method} ${path}`
        const nobody = await ask(path, undefined, method)
        assert.equal(nobody.status, 401, what)
        assert.equal(nobody.headers.get('www-authenticate'), 'Bearer', what)
        const refused = await ask(path, but.get(needs), method)
        assert.deepEqual([refused.status, refused.json.value], [403, needs], what)
        const reached = await ask(path, only.get(needs), method)
        assert.ok(![401, 403].includes(reached.status), `${what}: ${reached.text}`)
      }
    }
  })
})

describe('what is no operation', () => {
  const open: [method: string, path: string, accept?: string][] = [
    ['GET', '/healthz'],
    ['GET', '/readyz'],
    ['GET', '/', 'text/html'],
    ['GET', '/console/runs', 'text/html'],
    ['GET', '/console/assets/a.js'],
    ['POST', '/gateway/v1/chat/completions'],
  ]
  for (const [method, path, accept = '*/*'] of open)
    test(`${method} ${path} needs no key`, async () => {
      const answer = await door.send({ method, path, headers: { accept } })
      assert.equal(answer.status, 200, answer.text)
    })
  const closed: [method: string, path: string, accept?: string][] = [
    ['GET', '/'],
    ['GET', '/metrics'],
    ['GET', '/events'],
    ['GET', '/docs'],
    ['GET', '/docs/swagger-ui.css'],
    ['GET', '/openapi.json'],
    ['GET', '/session'],
    ['DELETE', '/session'],
    ['GET', '/nothing', 'text/html'],
    ['POST', '/console/runs'],
    ['GET', '/Healthz'],
    ['GET', '/healthz/../runs'],
    ['GET', '/console/../runs'],
    ['GET', '//runs'],
    ['OPTIONS', '/runs'],
  ]
  for (const [method, path, accept = '*/*'] of closed)
    test(`${method} ${path} needs one`, async () => {
      const answer = await asItIs(method, path, accept)
      assert.equal(answer.status, 401, answer.text)
      assert.match(answer.text, /quorate keys create/)
    })
  test('metrics and the stream of changes have their permission', async () => {
    const { key } = await make(['agents:read'])
    for (const [path, needs] of [
      ['/metrics', 'system:read'],
      ['/events', 'runs:read'],
    ] as const)
      assert.deepEqual((await ask(path, key)).json.value, needs)
    assert.equal((await ask('/metrics', (await make(['system:read'])).key)).status, 200)
    assert.equal((await ask('/docs', key)).status, 200)
  })
})

describe('a key', () => {
  test('is shown once, and neither it nor its hash anywhere else', async () => {
    const { key, name } = await make(['runs:read'])
    assert.match(key, /^qk_[\w-]{43}$/)
    const [row] = await door.store.api_keys.of_prefix(key.slice(0, 9))
    assert.equal(row?.name, name)
    const everything = JSON.stringify([row, (await ask('/keys?revoked=true', own_key)).json, door.log])
    assert.ok(!everything.includes(key.slice(9)))
    assert.ok(!(await ask('/keys', own_key)).text.includes(row?.hash ?? '?'))
  })

  test('names who did it, in events too', async () => {
    const { key, name } = await make(['runs:write', 'runs:read'])
    const started = await door.post('/create_workflow', { goal: 'x' }, { ...asJson, ...bearer(key) })
    const [first] = await door.store.events.read(String(started.json.run_id), 0, 1)
    assert.equal(first?.type === 'run_started' && first.data.by, name)
  })

  test('gives and takes no more than it has', async () => {
    const { key } = await make(['keys:write', 'runs:read'])
    const mine = { ...asJson, ...bearer(key) }
    const more = await door.post('/keys', { name: 'more', permissions: ['runs:read', 'agents:write'] }, mine)
    assert.deepEqual([more.status, more.json.value], [403, 'agents:write'])
    const as_much = await door.post('/keys', { name: 'as_much', permissions: ['runs:read'] }, mine)
    assert.equal(as_much.status, 201)
    const stronger = await make(['agents:write'])
    assert.equal((await ask(`/keys/${stronger.name}`, key, 'DELETE')).status, 403)
    assert.equal((await ask('/keys/as_much', key, 'DELETE')).status, 200)
    assert.equal((await ask('/runs', as_much.json.key as string)).status, 401)
  })

  test('ends when it is revoked, at its time, and gives its name free then', async () => {
    const { key, name, id } = await make(['runs:read'], { expires_in: '1h' })
    assert.equal((await ask('/runs', key)).status, 200)
    const again = await door.post('/keys', { name, permissions: ['runs:read'] }, { ...asJson, ...bearer(own_key) })
    assert.deepEqual([again.status, again.json.field], [409, 'name'])
    now += 3_600_000
    const expired = await ask('/runs', key)
    assert.equal(expired.status, 401)
    assert.match(String(expired.json.detail), new RegExp(`${name} expired on 20`))
    assert.equal((await ask(`/keys/${id}`, own_key, 'DELETE')).status, 200)
    assert.match(String((await ask('/runs', key)).json.detail), /was revoked/)
    assert.equal((await ask(`/keys/${id}`, own_key, 'DELETE')).status, 404)
    assert.notEqual((await make(['runs:read'], { name })).id, id)
  })

  test('is refused in every wrong shape, without being shown', async () => {
    const { key } = await make(['runs:read'])
    const wrong = [
      key.slice(0, -1),
      `${key}x`,
      `${key.slice(0, -1)}${key.endsWith('A') ? 'B' : 'A'}`,
      'qk_',
      newSecret(),
      key.toUpperCase(),
      '__proto__',
    ]
    for (const each of wrong) {
      const answer = await ask('/runs', each)
      assert.equal(answer.status, 401, each)
      assert.ok(!answer.text.includes(key.slice(9, 40)))
    }
    for (const authorization of [`Basic ${key}`, key, 'Bearer', `Bearer ${key} ${key}`])
      assert.equal((await door.send({ path: '/runs', headers: { authorization } })).status, 401, authorization)
    assert.equal((await door.send({ path: '/runs', headers: { authorization: `bearer ${key}` } })).status, 200)
  })

  test('does not read what another one was answered under the same Idempotency-Key', async () => {
    const [one, other] = [await make(['runs:write']), await make(['runs:write'])]
    const send = (key: string) =>
      door.post('/create_workflow', { goal: 'same' }, { ...asJson, ...bearer(key), 'idempotency-key': 'shared' })
    const first = await send(one.key)
    assert.equal((await send(one.key)).json.run_id, first.json.run_id)
    assert.equal((await send(other.key)).status, 409)
  })

  test('is kept nowhere by the Idempotency-Key of its making', async () => {
    const headers = { ...asJson, ...bearer(own_key), 'idempotency-key': 'for a key'.replaceAll(' ', '-') }
    const first = await door.post('/keys', { name: 'once', permissions: ['runs:read'] }, headers)
    assert.equal(first.status, 201)
    assert.equal((await door.post('/keys', { name: 'once', permissions: ['runs:read'] }, headers)).status, 409)
    assert.equal((await door.store.idempotency.begin('for-a-key', 'x', now)).state, 'new')
  })

  test('ends the streams that it opened', async () => {
    const { key, id } = await make(['runs:read', 'runs:write'])
    const { json } = await door.post('/create_workflow', { goal: 'x' }, { ...asJson, ...bearer(key) })
    const streams = await Promise.all(
      ['/events', `/runs/${json.run_id}/events`].map((path) =>
        fetch(door.url + path, { headers: { ...bearer(key), accept: 'text/event-stream' } }),
      ),
    )
    for (const { status } of streams) assert.equal(status, 200)
    await ask(`/keys/${id}`, own_key, 'DELETE')
    await Promise.all(streams.map((stream) => stream.text()))
  })
})

describe('a browser', () => {
  const page = () => ({ origin: door.url, 'sec-fetch-site': 'same-origin' })
  const signIn = (key: unknown, headers: Record<string, string> = page()) =>
    door.post('/session', { key }, { ...asJson, ...headers })
  const cookieOf = (headers: Headers) => (headers.get('set-cookie') ?? '').split(';')[0] ?? ''

  test('signs in with a key, is known by a cookie that no script reads, and signs out', async () => {
    const { key, name, id } = await make(['runs:read'])
    const signed = await signIn(key)
    assert.deepEqual([signed.status, signed.json.name, signed.json.permissions], [200, name, ['runs:read']])
    const set = signed.headers.get('set-cookie') ?? ''
    assert.match(set, /; Path=\/; HttpOnly; SameSite=Strict; Max-Age=604800$/)
    assert.ok(!set.includes(key.slice(3)))
    const cookie = cookieOf(signed.headers)
    const as = (more = {}) => ({ cookie: `other=1; ${cookie}`, ...page(), ...more })
    assert.equal((await door.send({ path: '/runs', headers: as() })).status, 200)
    assert.equal((await door.send({ path: '/agents', headers: as() })).status, 403)
    assert.equal((await door.send({ path: '/session', headers: as() })).json.name, name)
    const forged = await door.send({ path: '/runs', headers: as({ origin: 'http://evil.example' }) })
    assert.equal(forged.status, 403, 'a cookie does not help a page of another origin')
    const neighbour = await door.send({ path: '/runs', headers: { cookie, 'sec-fetch-site': 'same-site' } })
    assert.equal(neighbour.status, 403, 'nor one of another port of this host')
    const out = await door.send({ method: 'DELETE', path: '/session', headers: as() })
    assert.match(out.headers.get('set-cookie') ?? '', /Max-Age=0/)
    assert.equal((await door.send({ path: '/runs', headers: as() })).status, 401)
    const next = cookieOf((await signIn(key)).headers)
    await ask(`/keys/${id}`, own_key, 'DELETE')
    const ended = await door.send({ path: '/runs', headers: { cookie: next } })
    assert.match(String(ended.json.remedy), /sign in again/)
  })

  test('is signed out after a week, or when its key ends', async () => {
    const [long, short] = [await make(['runs:read']), await make(['runs:read'], { expires_in: '1h' })]
    const cookies = [cookieOf((await signIn(long.key)).headers), cookieOf((await signIn(short.key)).headers)]
    const statuses = async () =>
      Promise.all(cookies.map(async (cookie) => (await door.send({ path: '/runs', headers: { cookie } })).status))
    assert.deepEqual(await statuses(), [200, 200])
    now += 3_600_000
    assert.deepEqual(await statuses(), [200, 401])
    now += 7 * 24 * 3_600_000
    assert.deepEqual(await statuses(), [401, 401])
  })

  test('behind a proxy with TLS its cookie is secure', async () => {
    const { key } = await make(['runs:read'])
    const signed = await signIn(key, { origin: door.url.replace('http:', 'https:') })
    assert.match(signed.headers.get('set-cookie') ?? '', /; Secure$/)
  })

  test('is not signed in with what is no key', async () => {
    for (const key of ['', 'x', null, 5, {}, newSecret()]) assert.equal((await signIn(key)).status, 401)
    assert.equal((await door.post('/session', '{"key": "', page())).status, 400)
    assert.equal((await signIn('x'.repeat(2_000))).status, 413)
  })
})

describe('wrong keys', () => {
  test('too many from one address are told to wait, and a right one passes all the same', async () => {
    const { key } = await make(['runs:read'])
    now += 60_000
    const statuses = []
    for (let i = 0; i < 22; i++) statuses.push((await ask('/runs', newSecret())).status)
    assert.deepEqual(statuses, [...Array(20).fill(401), 429, 429])
    const busy = await ask('/runs', newSecret())
    assert.ok(Number(busy.headers.get('retry-after')) > 0)
    assert.equal((await ask('/runs', key)).status, 200)
    now += 60_000
    assert.equal((await ask('/runs', newSecret())).status, 401)
    const told = door.log.filter(({ message }) => message === 'a wrong key was refused')
    assert.ok(told.length > 0 && told.length < 10, 'once a minute, not for each')
  })
})

describe('other addresses', () => {
  test('without keys nobody but this machine is listened to; with them, when one is in force', async () => {
    const empty = await openDoor({ authentication: 'keys' })
    const open = (parts: Door['parts'], authentication: 'off' | 'keys') =>
      openApi({
        ...parts,
        context: {
          ...parts.context,
          configuration: { ...parts.context.configuration, host: '0.0.0.0', authentication },
        },
      })
    const off = await open(empty.parts, 'off')
    assert.match(off.ok ? '' : (off.failure.remedy ?? ''), /authentication: keys/)
    const none = await open(empty.parts, 'keys')
    assert.match(none.ok ? '' : (none.failure.remedy ?? ''), /quorate keys create/)
    await empty.close()
    const opened = await open(door.parts, 'keys')
    assert.ok(opened.ok)
    try {
      const url = opened.value.url.replace('0.0.0.0', '127.0.0.1')
      assert.equal((await fetch(`${url}/runs`)).status, 401)
      assert.equal((await fetch(`${url}/runs`, { headers: bearer((await make(['runs:read'])).key) })).status, 200)
    } finally {
      await opened.value.close()
    }
  })
})
