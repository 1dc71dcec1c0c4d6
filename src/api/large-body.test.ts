import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, test } from 'node:test'
import { type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor({ timing: { headers_ms: 300, request_ms: 600 } })
})
after(() => door.close())

const SIZE = 100_000_000
const chunk = Buffer.alloc(256_000, 'a')

/** Sends a body that it does not hold in memory, reads the answer, and tells how many bytes went out. */
function upload(head: string, framing: (bytes: Buffer) => Buffer): Promise<{ answer: string; sent: number }> {
  return new Promise((resolve) => {
    let answer = ''
    let sent = 0
    const socket = connect(door.port, '127.0.0.1')
    const pump = () => {
      while (sent < SIZE && answer === '' && !socket.destroyed) {
        sent += chunk.length
        if (!socket.write(framing(chunk))) return
      }
    }
    socket.on('connect', () => {
      socket.write(head)
      pump()
    })
    socket.on('drain', pump)
    socket.on('data', (data) => {
      answer += data
      if (answer.includes('}')) socket.end()
    })
    socket.on('error', () => {})
    socket.on('close', () => resolve({ answer, sent }))
  })
}

const head = (lines: string) =>
  `POST /create_workflow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n${lines}\r\n\r\n`

test('a declared body of 100 MB is refused before it is read', async () => {
  const { answer, sent } = await upload(head(`Content-Length: ${SIZE}`), (bytes) => bytes)
  assert.match(answer, /^HTTP\/1.1 413 /)
  assert.match(answer, /"field":"body"/)
  assert.ok(sent < SIZE / 2, `${sent} bytes were sent`)
})

test('a chunked body is refused as soon as it is over the limit, and the answer arrives', async () => {
  const framing = (bytes: Buffer) =>
    Buffer.concat([Buffer.from(`${bytes.length.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
  const { answer, sent } = await upload(head('Transfer-Encoding: chunked'), framing)
  assert.match(answer, /^HTTP\/1.1 413 /)
  assert.ok(sent < SIZE / 2, `${sent} bytes were sent`)
})

test('a client that asks first (Expect: 100-continue) need not send it', async () => {
  const answer = await new Promise<string>((resolve) => {
    const socket = connect(door.port, '127.0.0.1', () =>
      socket.write(head(`Content-Length: ${SIZE}\r\nExpect: 100-continue`)),
    )
    socket.once('data', (data) => {
      socket.destroy()
      resolve(String(data))
    })
  })
  assert.match(answer, /^HTTP\/1.1 413 /)
})

test('nothing was made of any of them, and the server goes on', async () => {
  assert.equal((await door.store.runs.list({ limit: 1 })).total, 0)
  const { status } = await fetch(`${door.url}/create_workflow`, {
    method: 'POST',
    body: '{"goal": "x"}',
    headers: { 'content-type': 'application/json' },
  })
  assert.equal(status, 202)
})

test('a client that sends its headers or its body too slowly is shown out', async () => {
  for (const start of ['GET /runs HTTP/1.1\r\nHost: loc', head('Content-Length: 100')]) {
    const answer = await new Promise<string>((resolve) => {
      let text = ''
      const socket = connect(door.port, '127.0.0.1', () => socket.write(start))
      socket.on('data', (data) => {
        text += data
      })
      socket.on('close', () => resolve(text))
    })
    assert.match(answer, /^HTTP\/1.1 408 [\s\S]*did not arrive in time/)
  }
})
