/** The console is built once when two programs start at once, and is never seen half built. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { after, test } from 'node:test'

const folder = mkdtempSync(join(tmpdir(), 'quorate-build-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const target = join(folder, 'dist')

async function build(stamp: string): Promise<string> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../console/build.ts'), stamp, target])
  const [said, wrong, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.on('close', resolve)),
  ])
  assert.equal(code, 0, wrong)
  return said.trim()
}

test('two at once build one console, whole, over what a killed build left behind', { timeout: 240_000 }, async () => {
  for (const left of ['dist.next', 'dist.before', 'dist']) {
    mkdirSync(join(folder, left))
    writeFileSync(join(folder, left, 'left'), '')
  }
  const said = await Promise.all([build('one'), build('one')])
  assert.deepEqual(said.sort(), ['another one has built it', 'built'])
  assert.deepEqual(readdirSync(folder), ['dist'])
  assert.equal(readFileSync(join(target, 'stamp'), 'utf8'), 'one')
  assert.ok(!existsSync(join(target, 'left')))
  const page = readFileSync(join(target, 'index.html'), 'utf8')
  const named = [...page.matchAll(/\/console\/(assets\/[\w.-]+)/g)].map(([, file]) => file ?? '')
  assert.ok(named.length >= 2)
  for (const file of named) for (const path of [file, `${file}.gz`]) assert.ok(existsSync(join(target, path)), path)
})
