import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { type Answerer, type StandIn, standIn } from '../stand-in-server.ts'
import { type CatalogueModel, catalogue } from './catalogue.ts'
import { bringIntoCache, chooseModel } from './fetch-model.ts'
import type { FetchProgress } from './fetch-options.ts'
import { pipFailure } from './pip-source.ts'

const CONTENT = randomBytes(3_000_000)
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')

const model = (more: Partial<CatalogueModel> = {}): CatalogueModel => ({
  name: 'stand-in',
  title: 'A stand-in',
  licence: 'Apache-2.0',
  automatic: true,
  size_bytes: CONTENT.length,
  sha256: SHA256,
  memory_bytes: 1,
  source: { kind: 'hub', repository: 'o/r', revision: 'main', file: 'f.gguf' },
  ...more,
})

let gets: string[] = []

/** The hub's answers: a redirect with the linked checksum for HEAD, ranges for GET. */
const hub: Answerer = (request, _body, response) => {
  if (!request.url?.endsWith('/resolve/main/f.gguf') && !request.url?.includes('Qwen'))
    return void response.writeHead(404).end()
  const linked = { 'x-linked-etag': `"${SHA256}"`, 'x-linked-size': String(CONTENT.length) }
  if (request.method === 'HEAD') return void response.writeHead(302, { ...linked, location: '/elsewhere' }).end()
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0)
  gets.push(request.headers.range ?? 'all')
  response.writeHead(from > 0 ? 206 : 200, { 'content-length': CONTENT.length - from }).end(CONTENT.subarray(from))
}

describe('fetching a model', () => {
  let cache_dir = ''
  let server: StandIn
  const open = async (answer: Answerer) => {
    await server?.close()
    server = await standIn(answer)
  }
  const bring = (wanted = model(), on_progress?: (progress: FetchProgress) => void) =>
    bringIntoCache(wanted, { cache_dir, fetch, hub_url: server.url, signal: new AbortController().signal, on_progress })
  const files = () => readdir(join(cache_dir, 'models'))
  const NAME = `stand-in-${SHA256.slice(0, 8)}.gguf`

  beforeEach(async () => {
    gets = []
    cache_dir = await mkdtemp(join(tmpdir(), 'quorate-fetch-'))
    server = await standIn(hub)
  })
  afterEach(async () => {
    await server.close()
    await rm(cache_dir, { recursive: true, force: true })
  })

  it('brings it, tells how far it is, leaves nothing beside it, and does not fetch it again', async () => {
    const seen: FetchProgress[] = []
    const path = await bring(model(), (progress) => seen.push(progress))
    assert.ok(path.ok, JSON.stringify(path))
    assert.ok(CONTENT.equals(await readFile(path.value)))
    assert.deepEqual(seen.at(-1), { received: CONTENT.length, total: CONTENT.length, what: 'f.gguf' })
    assert.deepEqual(await files(), [NAME])
    assert.ok((await bring()).ok)
    assert.deepEqual(gets, ['all'])
  })

  it('fetches once for two starts at once', async () => {
    const both = await Promise.all([bring(), bring()])
    assert.ok(both.every(({ ok }) => ok))
    assert.deepEqual(gets, ['all'])
  })

  it('goes on where it broke off', async () => {
    await open((request, body, response) => {
      if (request.method === 'HEAD' || request.headers.range) return hub(request, body, response)
      response.writeHead(200, { 'content-length': CONTENT.length })
      response.write(CONTENT.subarray(0, 1_000_000), () => response.destroy())
    })
    const broken = await bring()
    assert.ok(!broken.ok)
    assert.equal(broken.failure.kind, 'unavailable')
    // How much reached the disk is up to the sockets; from here on it is known.
    await writeFile(join(cache_dir, 'models', `${NAME}.part`), CONTENT.subarray(0, 500_000))
    assert.ok((await bring()).ok)
    assert.deepEqual(gets, ['bytes=500000-'])
  })

  it('refuses a wrong checksum, and keeps nothing of it', async () => {
    const wrong = await bring(model({ sha256: '0'.repeat(64) }))
    assert.ok(!wrong.ok)
    assert.match(wrong.failure.message, /checksum/)
    assert.deepEqual(await files(), [])
  })

  it('checks against what the hub reports where no checksum is pinned', async () => {
    assert.ok((await bring(model({ sha256: null }))).ok)
    await open((request, body, response) => {
      if (request.method !== 'HEAD') return hub(request, body, response)
      response.writeHead(302, { 'x-linked-etag': `"${'1'.repeat(64)}"`, location: '/' }).end()
    })
    const wrong = await bring(model({ name: 'other', sha256: null }))
    assert.match(!wrong.ok ? wrong.failure.message : '', /checksum/)
    await open((_request, _body, response) => void response.writeHead(200).end('no checksum at all'))
    const none = await bring(model({ name: 'third', sha256: null }))
    assert.match(!none.ok ? none.failure.message : '', /reports no checksum/)
  })

  it('stops at a file that is longer than it should be', async () => {
    const result = await bring(model({ size_bytes: 1000 }))
    assert.match(!result.ok ? result.failure.message : '', /more than the expected 1000 bytes/)
  })

  it('takes over the lock that a crash has left', async () => {
    await mkdir(join(cache_dir, 'models'))
    const lock = join(cache_dir, 'models', `${NAME}.lock`)
    await writeFile(lock, '')
    const long_ago = new Date(Date.now() - 60_000)
    await utimes(lock, long_ago, long_ago)
    assert.ok((await bring()).ok)
  })

  it('asks for disk before it fetches what does not fit', async () => {
    const result = await bring(model({ size_bytes: 2 ** 60 }))
    assert.equal(!result.ok && result.failure.kind, 'limit_exceeded')
    assert.deepEqual(gets, [])
  })

  it('says that the cache cannot be written', async () => {
    const file = join(cache_dir, 'file')
    await writeFile(file, '')
    const options = { cache_dir: file, fetch, hub_url: server.url, signal: new AbortController().signal }
    const result = await bringIntoCache(model(), options)
    assert.equal(!result.ok && result.failure.field, 'cache_dir')
  })

  const choose = (settings: object, available_memory = 8e9) =>
    chooseModel({
      settings: { enabled: true, model: null, path: null, threads: 1, context_tokens: 1024, hub: true, ...settings },
      cache_dir,
      fetch,
      hub_url: server.url,
      signal: new AbortController().signal,
      available_memory,
    })
  const nameOf = async (choice: ReturnType<typeof choose>) => {
    const result = await choice
    return result.ok ? result.value.name : result.failure.message
  }

  it('chooses the best that fits half of the memory where the hub answers, else the smallest', async () => {
    assert.equal(await nameOf(choose({})), 'qwen2.5-1.5b-instruct')
    assert.equal(await nameOf(choose({}, 3e9)), 'qwen2.5-0.5b-instruct')
    assert.equal(await nameOf(choose({ hub: false })), 'smollm2-135m-instruct')
    assert.match(await nameOf(choose({}, 1e8)), /No local model fits the free memory of 95 MB/)
    const unreachable = await standIn(() => {})
    await unreachable.close()
    server.url = unreachable.url
    assert.equal(await nameOf(choose({})), 'smollm2-135m-instruct')
  })

  it('keeps to what is in the cache, without asking anybody', async () => {
    const smallest = catalogue.find(({ name }) => name === 'smollm2-135m-instruct')
    assert.ok(smallest?.sha256)
    await mkdir(join(cache_dir, 'models'))
    const file = join(cache_dir, 'models', `${smallest.name}-${smallest.sha256.slice(0, 8)}.gguf`)
    await writeFile(file, '')
    await truncate(file, smallest.size_bytes)
    assert.equal(await nameOf(choose({})), 'smollm2-135m-instruct')
  })

  it('takes the file or the name that the person gives, and says what is wrong with them', async () => {
    const file = join(cache_dir, 'Mine.gguf')
    await writeFile(file, 'GGUF and so on')
    assert.equal(await nameOf(choose({ path: file })), 'Mine')
    await writeFile(file, 'ELF')
    assert.match(await nameOf(choose({ path: file })), /not a GGUF file/)
    assert.match(await nameOf(choose({ path: join(cache_dir, 'none') })), /ENOENT/)
    assert.equal(await nameOf(choose({ model: 'gemma3-270m' })), 'gemma3-270m')
    assert.match(await nameOf(choose({ model: 'gpt-9' })), /no local model "gpt-9"/)
    assert.match(await nameOf(choose({ model: 'smollm2-1.7b-instruct', hub: false })), /configuration forbids/)
  })
})

describe('what pip says becomes a failure', () => {
  const cases: [string, number, string, RegExp][] = [
    ['no python3', 127, "env: 'python3': No such file or directory", /python3 is not installed/],
    ['no pip', 1, '/usr/bin/python3: No module named pip', /no pip/],
    ['a full disk', 1, 'ERROR: Could not install: [Errno 28] No space left on device', /disk is full/],
    ['no network', 1, 'NewConnectionError: Temporary failure in name resolution', /cannot be reached/],
    [
      'anything else, without its password',
      2,
      'bad index http://me:hunter2@mirror/simple',
      /exit code 2.*\/\/\*\*\*@mirror/,
    ],
  ]
  for (const [what, code, stderr, message] of cases) {
    it(what, () => {
      const result = pipFailure(code, stderr)
      assert.ok(!result.ok)
      assert.match(result.failure.message, message)
      assert.ok(!JSON.stringify(result).includes('hunter2'))
    })
  }
})
