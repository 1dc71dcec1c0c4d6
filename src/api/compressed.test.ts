import assert from 'node:assert/strict'
import { request } from 'node:http'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { acceptsGzip } from './compressed.ts'
import { type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  const goal = 'Say something long. '.repeat(400)
  door = await openDoor({
    endpoint: () => ({
      open: () => assert.fail('no task asks here'),
      handle: async () => Response.json({ said: goal }),
      announce: () => {},
      close: () => {},
    }),
  })
  assert.equal((await door.post('/create_workflow', { goal })).status, 202)
})
after(() => door.close())

/** As it comes over the wire, which fetch does not show. */
const raw = (path: string, accept: string | null, method = 'GET') =>
  new Promise<{ headers: Record<string, string | string[] | undefined>; bytes: Buffer }>((resolve, reject) => {
    const headers = accept === null ? {} : { 'accept-encoding': accept }
    request(door.url + path, { method, headers }, (answer) => {
      const parts: Buffer[] = []
      answer.on('data', (part: Buffer) => parts.push(part))
      answer.on('end', () => resolve({ headers: answer.headers, bytes: Buffer.concat(parts) }))
      answer.on('error', reject)
    })
      .on('error', reject)
      .end()
  })

describe('JSON over 4 kB', () => {
  test('comes in gzip to who takes it, and is the same', async () => {
    for (const path of ['/runs', '/openapi.json']) {
      const [plain, small] = [await raw(path, null), await raw(path, 'br, gzip')]
      assert.equal(plain.headers['content-encoding'], undefined)
      assert.equal(small.headers['content-encoding'], 'gzip')
      assert.deepEqual(JSON.parse(`${gunzipSync(small.bytes)}`), JSON.parse(`${plain.bytes}`))
      assert.ok(small.bytes.length < plain.bytes.length / 3, `${small.bytes.length} of ${plain.bytes.length}`)
      for (const { headers, bytes } of [plain, small]) {
        assert.equal(headers['content-length'], `${bytes.length}`)
        assert.equal(headers.vary, 'accept-encoding')
        assert.match(String(headers['content-type']), /^application\/json/)
      }
    }
    assert.equal((await raw('/runs', 'gzip')).headers['cache-control'], 'no-store')
  })

  test('HEAD has the headers of GET, and no body', async () => {
    for (const accept of ['gzip', 'identity']) {
      const [head, get] = [await raw('/openapi.json', accept, 'HEAD'), await raw('/openapi.json', accept)]
      assert.equal(head.bytes.length, 0)
      for (const name of ['content-length', 'content-encoding', 'vary', 'content-type'])
        assert.equal(head.headers[name], get.headers[name], name)
    }
  })
})

test('small answers, failures, the gateway and other than JSON stay as they are', async () => {
  for (const path of ['/healthz', '/nothing', '/gateway/v1/models', '/metrics'])
    assert.equal((await raw(path, 'gzip')).headers['content-encoding'], undefined, path)
})

test('a stream of events comes at once, and plain', async () => {
  const stop = new AbortController()
  const answer = await fetch(`${door.url}/events`, {
    headers: { accept: 'text/event-stream', 'accept-encoding': 'gzip' },
    signal: stop.signal,
  })
  assert.equal(answer.headers.get('content-encoding'), null)
  assert.match(answer.headers.get('content-type') ?? '', /event-stream/)
  stop.abort()
})

test('what an Accept-Encoding says of gzip', () => {
  for (const yes of ['gzip', 'deflate, gzip', 'gzip;q=0.5', 'GZIP, br', 'gzip;q=0.01'])
    assert.equal(acceptsGzip(yes), true, yes)
  for (const no of ['', 'br', 'gzip;q=0', 'gzip; q=0.0, br', 'identity']) assert.equal(acceptsGzip(no), false, no)
})
