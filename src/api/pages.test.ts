import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

describe('pages', () => {
  test('/healthz, /readyz', async () => {
    assert.equal((await door.send({ path: '/healthz' })).json.name, 'quorate')
    assert.equal((await door.send({ path: '/readyz' })).status, 200)
  })
  test('/readyz says what is not ready', async () => {
    const broken = await openDoor({ runs: { engine: async () => ({ ok: false, detail: 'starting' }) } })
    const answer = await fetch(`${broken.url}/readyz`)
    assert.equal(answer.status, 503)
    assert.match(await answer.text(), /engine: starting/)
    assert.equal((await fetch(`${broken.url}/healthz`)).status, 200)
    await broken.close()
  })
  test('the docs page asks nothing of anybody else', async () => {
    const { text, headers } = await door.send({ path: '/docs' })
    for (const [, address] of text.matchAll(/(?:src|href)="([^"]+)"/g)) {
      assert.match(address as string, /^\/docs\//)
      assert.equal((await door.send({ path: address as string })).status, 200, address)
    }
    assert.match(headers.get('content-security-policy') ?? '', /connect-src 'self'/)
  })
  test('the landing page names every operation', async () => {
    const { text } = await door.send({ path: '/' })
    for (const operation of door.parts.operations) assert.ok(text.includes(operation.path), operation.path)
    assert.match((await door.send({ path: '/', headers: { accept: 'text/html' } })).text, /<a href="\/docs">/)
  })
  test('/metrics counts requests by route, never by address', async () => {
    await door.send({ path: '/runs/run_very_special' })
    const { text } = await door.send({ path: '/metrics' })
    assert.match(
      text,
      /quorate_http_request_duration_seconds_count\{method="GET",route="\/runs\/\{id\}",status="404"\}/,
    )
    assert.ok(!text.includes('run_very_special'))
    assert.match(text, /quorate_runs\{kind="workflow",status="queued"\} \d+/)
    assert.match(text, /process_cpu_seconds_total/)
  })
})
