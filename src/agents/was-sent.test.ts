import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { causesOf, wasSent } from './was-sent.ts'

async function listening(answer: RequestListener) {
  const server = createServer(answer)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close }
}

/** What fetch rejects with, or the reading of the body. */
const errorOf = (url: string): Promise<unknown> =>
  fetch(url, { method: 'POST', body: 'work' })
    .then((response) => response.text())
    .then(
      () => assert.fail('it was answered'),
      (error: unknown) => error,
    )

test('what a server took before it died was sent, whether or not it had begun to answer', async (t) => {
  for (const answer of [
    (_request, response) => response.destroy(),
    (_request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    },
    (_request, response) => {
      response.write('chunk', () => response.destroy())
    },
  ] satisfies RequestListener[]) {
    const server = await listening(answer)
    t.after(server.close)
    assert.equal(wasSent(await errorOf(server.url)), true)
  }
})

test('what found no server was not', async () => {
  const gone = await listening(() => {})
  await gone.close()
  assert.equal(wasSent(await errorOf(gone.url)), false)
  assert.equal(wasSent(await errorOf('http://nobody.invalid/')), false)
  assert.equal(wasSent(await errorOf('http://127.0.0.1:1/')), false)
  assert.equal(wasSent(await errorOf('ftp://127.0.0.1/')), false)
})

test('errors that go in circles, and causes that are no errors, are read all the same', () => {
  const round = new Error('a', { cause: null })
  round.cause = round
  assert.equal(causesOf(round).length, 8)
  assert.equal(wasSent(round), false)
  assert.equal(wasSent(new AggregateError([null, 'x', 7])), false)
  assert.equal(wasSent(new TypeError('fetch failed', { cause: 'nothing' })), false)
})
