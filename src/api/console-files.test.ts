import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { consoleFiles, wantsPage } from './console-files.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-console-files-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('without a build there is no console', () => assert.equal(consoleFiles(join(folder, 'none')), null))

test('the page is never kept, its files for ever, and neither may run or fetch what is not ours', async () => {
  mkdirSync(join(folder, 'assets'))
  writeFileSync(join(folder, 'index.html'), '<!doctype html>')
  writeFileSync(join(folder, 'assets', 'a-1.js'), 'x()')
  writeFileSync(join(folder, 'assets', 'notes.txt'), 'not served')
  const files = consoleFiles(folder)
  assert.ok(files)
  const page = files.page()
  assert.equal(page.headers.get('cache-control'), 'no-store')
  const policy = page.headers.get('content-security-policy') ?? ''
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/)
  assert.ok(!/unsafe|data:|\*/.test(policy))
  assert.equal(files.page(404).status, 404)
  const script = files.file('assets/a-1.js')
  assert.match(script?.headers.get('cache-control') ?? '', /immutable/)
  assert.equal(await script?.text(), 'x()')
  assert.equal(files.file('assets/a-1.js', 'gzip')?.headers.get('content-encoding'), null)
  for (const name of ['assets/notes.txt', 'assets/../index.html', 'index.html', 'assets/', '__proto__'])
    assert.equal(files.file(name), null, name)
})

test('what the build compressed goes out so to whoever takes it', async () => {
  writeFileSync(join(folder, 'assets', 'b-2.js'), 'y()')
  writeFileSync(join(folder, 'assets', 'b-2.js.gz'), gzipSync('y()'))
  const files = consoleFiles(folder)
  const small = files?.file('assets/b-2.js', 'deflate, gzip;q=0.8, br')
  assert.equal(small?.headers.get('content-encoding'), 'gzip')
  assert.equal(small?.headers.get('vary'), 'accept-encoding')
  assert.equal(gunzipSync(Buffer.from((await small?.arrayBuffer()) ?? [])).toString(), 'y()')
  for (const accepted of ['', 'br', 'gzip;q=0', 'gzip; q=0.0, br']) {
    const plain = files?.file('assets/b-2.js', accepted)
    assert.equal(plain?.headers.get('content-encoding'), null, accepted)
    assert.equal(await plain?.text(), 'y()')
  }
  assert.equal(files?.file('assets/b-2.js.gz'), null)
})

test('the page is for people: programs that ask for JSON keep their problem', () => {
  const ask = (accept: string, method = 'GET') =>
    wantsPage(new Request('http://localhost/x', { method, headers: { accept } }))
  assert.ok(ask('text/html,application/xhtml+xml'))
  assert.ok(!ask('application/json'))
  assert.ok(!ask('*/*'))
  assert.ok(!ask('text/html', 'POST'))
})
