import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { guard } from './guard.ts'
import { asForm, asJson, type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

/** Sends bytes as they are: fetch would correct what shall be wrong. */
function raw(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(door.port, '127.0.0.1', () => socket.write(text))
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

describe('who may talk to it', () => {
  const table: [string, Record<string, string>, number][] = [
    ['curl', {}, 200],
    ['a name that resolves to this machine', { Host: 'evil.example' }, 403],
    ['a subdomain of localhost', { Host: 'evil.localhost' }, 403],
    ['localhost', { Host: 'localhost:8100' }, 200],
    ['another port, as behind a tunnel', { Host: '127.0.0.1:1' }, 200],
    ['IPv6', { Host: '[::1]:8100' }, 200],
    ['user info before the host', { Host: 'localhost@evil.example' }, 400],
    ['a page of another site', { Origin: 'http://evil.example' }, 403],
    ['a page of another program on this machine', { Origin: 'http://localhost:3000' }, 403],
    ['a page without origin', { Origin: 'null' }, 403],
    ['the same name with another scheme', { Origin: 'https://localhost:8100' }, 403],
    ['its own page', { Host: 'localhost:8100', Origin: 'http://localhost:8100', 'Sec-Fetch-Site': 'same-origin' }, 200],
    ['a link on another site', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['the same site on another port', { 'Sec-Fetch-Site': 'same-site' }, 403],
    ['typed by a person', { 'Sec-Fetch-Site': 'none' }, 200],
  ]
  for (const [name, headers, status] of table) {
    test(`${name}: ${status}`, async () => {
      const lines = Object.entries({ Host: 'localhost:8100', ...headers, Connection: 'close' }).map(
        ([key, value]) => `${key}: ${value}\r\n`,
      )
      const answer = await raw(`GET /runs HTTP/1.1\r\n${lines.join('')}\r\n`)
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
      assert.match(answer, /x-content-type-options: nosniff/i)
      if (status !== 200) assert.match(answer, /application\/problem\+json/)
    })
  }

  test('a form of another site starts nothing', async () => {
    const runs = await door.runCount()
    const { status } = await door.post('/create_workflow', '{"goal": "x"}', {
      ...asForm,
      origin: 'http://evil.example',
    })
    assert.equal(status, 403)
    assert.equal(await door.runCount(), runs)
  })

  test('no answer invites other origins', async () => {
    const { headers } = await door.send({ path: '/runs' })
    assert.equal(headers.get('access-control-allow-origin'), null)
    assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'/)
    assert.equal(headers.get('x-frame-options'), 'DENY')
    assert.equal(headers.get('referrer-policy'), 'no-referrer')
  })

  test('what is no HTTP, and headers without end, get an answer in the same shape', async () => {
    assert.match(await raw('hello\r\n\r\n'), /^HTTP\/1.1 400 [\s\S]*problem\+json/)
    assert.match(
      await raw(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`),
      /^HTTP\/1.1 431 [\s\S]*"field":"headers"/,
    )
    assert.match(await raw('GET /runs HTTP/1.1\r\n\r\n'), /^HTTP\/1.1 400 /)
  })

  test('secrets of the configuration are not shown', async () => {
    const { text, json } = await door.send({ path: '/configuration' })
    assert.ok(!text.includes('hunter2'))
    assert.match(text, /quorate:\*\*\*@db/)
    assert.deepEqual((json.sources as Record<string, unknown>)['stores.postgres_url'], {
      source: 'environment',
      detail: 'POSTGRES_URL',
    })
  })

  test('the log has one line for each request, without address, body or key', async () => {
    const start = door.log.length
    await door.post(
      '/create_workflow?x=secret-in-query',
      { goal: 'secret-in-body' },
      { ...asJson, 'idempotency-key': 'secret-key' },
    )
    const lines = door.log.slice(start)
    assert.equal(lines.length, 1)
    const fields = lines[0]?.fields as Record<string, unknown>
    assert.equal(fields.route, '/create_workflow')
    assert.ok(!JSON.stringify(lines).includes('secret'))
  })
})

test('with keys any name is answered to, and its own pages only, with TLS before it or without', () => {
  const refused = (headers: Record<string, string>, mode: 'off' | 'keys' = 'keys') =>
    guard(new Headers(headers), '0.0.0.0', mode)?.field ?? null
  const host = 'quorate.example:8443'
  assert.equal(refused({ host }), null)
  assert.equal(refused({ host }, 'off'), 'host')
  assert.equal(refused({ host, origin: `http://${host}` }), null)
  assert.equal(refused({ host, origin: `https://${host}`, 'sec-fetch-site': 'same-origin' }), null)
  assert.equal(refused({ host, origin: 'https://quorate.example' }), 'origin')
  assert.equal(refused({ host, origin: `ftp://${host}` }), 'origin')
  assert.equal(refused({ host, 'sec-fetch-site': 'same-site' }), 'sec-fetch-site')
  assert.equal(refused({ host: 'a@b' }), 'host')
  assert.equal(refused({}), 'host')
})
