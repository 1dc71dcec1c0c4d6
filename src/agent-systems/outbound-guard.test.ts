import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import { guardedFetch, outboundAllowEntry, outboundFailure } from './outbound-guard.ts'

let server: Server
let port = 0
let arrived = 0
let location = ''

before(async () => {
  server = createServer((request, response) => {
    arrived++
    if (request.url === '/redirect') response.writeHead(302, { location }).end()
    else response.end(`${request.method} ${request.headers.host}`)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  port = (server.address() as AddressInfo).port
})
after(() => {
  server.closeAllConnections()
  server.close()
})

/** Stands in for the resolver. */
const names = (table: { [name: string]: string[] }) => {
  const asked: string[] = []
  const lookup = async (hostname: string) => {
    asked.push(hostname)
    return (table[hostname] ?? []).map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
  }
  return { asked, lookup }
}

async function refusal(request: Promise<Response>, url = 'http://x/'): Promise<string> {
  try {
    const response = await request
    assert.fail(`it was let through: ${response.status}`)
  } catch (error) {
    const { failure, sent } = outboundFailure(error, new URL(url))
    assert.equal(sent, false)
    assert.equal(failure.kind, 'refused', `${failure.kind}: ${failure.message}`)
    return failure.message
  }
}

test('G3: no address that is not public is reached, however it is written', async () => {
  const fetch = guardedFetch({ allow: [] })
  const hosts = [
    ...['127.0.0.1', '127.1', '2130706433', '0x7f000001', '0x7f.1', '0177.0.0.1', '127.0.0.1.', '0.0.0.0', '0'],
    ...['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1', '100.100.100.200'],
    ...[
      '224.0.0.1',
      '239.255.255.255',
      '240.0.0.1',
      '255.255.255.255',
      '192.0.2.1',
      '198.18.0.1',
      '192.0.0.192',
      '168.63.129.16',
    ],
    ...[
      '[::1]',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::ffff:0a00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::7f00:1]',
      '[64:ff9b:1::a00:1]',
    ],
    ...[
      '[fe80::1]',
      '[fc00::1]',
      '[fd00:ec2::254]',
      '[ff02::1]',
      '[2002:7f00:1::]',
      '[2001:0:1::1]',
      '[2001:db8::1]',
      '[fec0::1]',
    ],
    ...['localhost', 'LOCALHOST', '①②⑦.⓪.⓪.①'],
  ]
  for (const host of hosts) {
    const url = `http://${host}:${port}/`
    assert.match(await refusal(fetch(url), url), /not a public address/, host)
  }
  assert.equal(arrived, 0)
})

test('public addresses pass the check', async () => {
  // The resolver answers with a public address for the check only as far as the connection is not made: it is aborted.
  for (const address of ['93.184.215.14', '2606:2800:21f:cb07:6820:80da:af6b:8b2c', '64:ff9b::5db8:d70e']) {
    const cancel = new AbortController()
    const lookup = async () => {
      setImmediate(() => cancel.abort())
      return [{ address, family: address.includes(':') ? 6 : 4 }]
    }
    const error = await guardedFetch({ allow: [], lookup })('http://public.example/', { signal: cancel.signal }).catch(
      (e: unknown) => e,
    )
    assert.notEqual(outboundFailure(error, new URL('http://public.example/')).failure.kind, 'refused')
  }
})

test('hosts, hosts with a port and ranges can be allowed', async () => {
  const get = async (allow: string[], host: string, lookup?: Parameters<typeof guardedFetch>[0]['lookup']) =>
    (await guardedFetch({ allow, ...(lookup && { lookup }) })(`http://${host}:${port}/`)).status
  assert.equal(await get(['127.0.0.1'], '127.0.0.1'), 200)
  assert.equal(await get([`127.0.0.1:${port}`], '127.0.0.1'), 200)
  assert.equal(await get([`LocalHost:${port}`], 'localhost'), 200)
  assert.equal(await get(['127.0.0.0/8'], '127.0.0.1'), 200)
  assert.equal(await get(['0x7f000001'], '127.0.0.1'), 200)
  const { lookup } = names({ letta: ['127.0.0.1'], mixed: ['10.0.0.9', '127.0.0.1'] })
  assert.equal(await get(['letta'], 'letta', lookup), 200)
  assert.equal(await get(['letta'], 'letta.', lookup), 200)
  const below = names({
    'a.corp.example': ['127.0.0.1'],
    'corp.example': ['127.0.0.1'],
    'evilcorp.example': ['127.0.0.1'],
  })
  assert.equal(await get([`*.corp.example:${port}`], 'a.corp.example', below.lookup), 200)
  for (const host of ['corp.example', 'evilcorp.example']) {
    await refusal(guardedFetch({ allow: ['*.corp.example'], lookup: below.lookup })(`http://${host}:${port}/`))
  }
  // Of several addresses only those that are allowed are tried.
  assert.equal(await get(['127.0.0.1/32'], 'mixed', lookup), 200)
  await refusal(guardedFetch({ allow: ['127.0.0.1:1', '10.0.0.0/8', 'other'] })(`http://127.0.0.1:${port}/`))
  assert.equal(await get([`127.0.0.1:${port}`], 'mixed', lookup), 200)
  await refusal(guardedFetch({ allow: ['letta'], lookup })(`http://mixed:${port}/`))
})

test('an IPv4 address in the clothes of IPv6 is the address that is allowed', async () => {
  const fetch = guardedFetch({ allow: ['127.0.0.0/8'] })
  const url = `http://[::ffff:127.0.0.1]:${port}/`
  // Without IPv6 on this machine the connection fails; what counts is that the guard let it through.
  const outcome = await fetch(url).then(
    () => 'answered',
    (error: unknown) => outboundFailure(error, new URL(url)).failure.kind,
  )
  assert.ok(['answered', 'unavailable'].includes(outcome), outcome)
})

test('G1: a name is resolved once for a connection, and the address that was checked is connected to', async () => {
  const answers = [['127.0.0.1'], ['10.0.0.1']]
  let asked = 0
  const lookup = async () =>
    (answers[asked++] ?? assert.fail('asked too often')).map((address) => ({ address, family: 4 }))
  const fetch = guardedFetch({ allow: ['127.0.0.1/32'], lookup })
  const response = await fetch(`http://rebind.example:${port}/`, { headers: { connection: 'close' } })
  assert.equal(await response.text(), `GET rebind.example:${port}`)
  assert.equal(asked, 1)
  assert.match(await refusal(fetch(`http://rebind.example:${port}/`)), /10\.0\.0\.1/)
  assert.equal(asked, 2)
})

test('G2: a redirect is checked like any other address', async () => {
  const { lookup } = names({ inside: ['127.0.0.1'], 'public.example': ['127.0.0.1'] })
  const fetch = guardedFetch({ allow: ['public.example'], lookup })
  location = `http://inside:${port}/`
  assert.match(await refusal(fetch(`http://public.example:${port}/redirect`)), /inside/)
  location = 'http://169.254.169.254/latest/meta-data'
  assert.match(await refusal(fetch(`http://public.example:${port}/redirect`)), /169\.254/)
  location = `http://public.example:${port}/`
  assert.equal((await fetch(`http://public.example:${port}/redirect`)).status, 200)
})

test('other schemes and passwords in addresses are refused', async () => {
  const fetch = guardedFetch({ allow: ['127.0.0.1'] })
  for (const url of ['file:///etc/passwd', 'data:text/plain,x', 'ftp://127.0.0.1/', 'blob:x'])
    assert.match(await refusal(fetch(url), url), /http and https/)
  const told = await refusal(fetch(`http://me:hunter2@127.0.0.1:${port}/`))
  assert.ok(!told.includes('hunter2'))
})

test('a Request, a body and headers arrive', async () => {
  const fetch = guardedFetch({ allow: ['127.0.0.1'] })
  const request = new Request(`http://127.0.0.1:${port}/`, { method: 'PUT', body: 'x' })
  assert.equal(await (await fetch(request)).text(), `PUT 127.0.0.1:${port}`)
})

test('what went wrong otherwise is unavailable, and whether it was sent is known', async () => {
  const closed = createServer()
  await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(closed.address() as AddressInfo).port}/`
  await new Promise((resolve) => closed.close(resolve))
  const error = await guardedFetch({ allow: ['127.0.0.1'] })(url).catch((e: unknown) => e)
  const { failure, sent } = outboundFailure(error, new URL(url))
  assert.equal(failure.kind, 'unavailable')
  assert.match(failure.message, /ECONNREFUSED/)
  assert.equal(sent, false)
})

test('entries of the allow list are checked', () => {
  for (const good of [
    'letta',
    'a.b.example',
    '127.0.0.1',
    '127.0.0.1:80',
    '[::1]:80',
    '::1',
    '10.0.0.0/8',
    'fd00::/8',
  ]) {
    assert.equal(outboundAllowEntry.safeParse(good).success, true, good)
  }
  for (const bad of [
    '',
    'http://letta',
    '10.0.0.0/99',
    'a b',
    'letta:99999',
    'letta:x',
    'me@letta',
    'a/b',
    '*',
    '[::1',
  ]) {
    assert.equal(outboundAllowEntry.safeParse(bad).success, false, bad)
  }
  assert.throws(() => guardedFetch({ allow: ['http://letta'] }), /outbound\.allow/)
})
