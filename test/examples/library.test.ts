/** The examples of the library run and say what they should, and docs/library.md shows them as they are. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { openQuorate } from '../../src/library/quorate.ts'

const root = join(import.meta.dirname, '..', '..')
const folder = mkdtempSync(join(tmpdir(), 'q-'))
after(() => rmSync(folder, { recursive: true, force: true }))

/** In an empty folder, where its data goes. */
const run = (name: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, [join(root, 'examples', 'library', name), ...args], {
    cwd: mkdtempSync(join(folder, 'x')),
    timeout: 60_000,
  })

test('a decision over what function agents found', async () => {
  const { stdout, stderr } = await run('decision.ts')
  assert.equal(stdout, 'too_long: read.output.words > inputs.most holds\ncompleted A durable run goes on\n')
  assert.equal(stderr, '')
})

test('a vote with quorum and threshold', async () => {
  const { stdout, stderr } = await run('vote.ts')
  assert.match(
    stdout,
    /^completed \{\n? *shares: \{ ship: 0\.[0-9]+, wait: 0\.[0-9]+ \},\n? *decision: 'The decision is to ship\.'\n? ?\}\n$|^completed \{\n? *decision: 'The decision is to ship\.',\n? *shares: \{ ship: 0\.[0-9]+, wait: 0\.[0-9]+ \}\n? ?\}\n$/,
  )
  assert.equal(stderr, '')
})

test('a run on a server, and a server that is not there', async () => {
  await using server = await openQuorate({ data_dir: join(folder, 'server'), models: false })
  const { stdout } = await run('server.ts', server.url)
  assert.match(stdout, /Publish it\? \{.*title: 'Durable runs'.*\}/)
  assert.match(stdout, /completed \{.*published: 'approve'.*\}/)
  await assert.rejects(run('server.ts', 'http://127.0.0.1:1'), (error: { code: number; stderr: string }) => {
    assert.equal(error.code, 1)
    assert.match(error.stderr, /127\.0\.0\.1:1.*quorate start/)
    return true
  })
})

test('the document shows the examples as they are', () => {
  const text = readFileSync(join(root, 'docs', 'library.md'), 'utf8')
  const shown = [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) =>
    code.replace("'quorate'", "'../../src/library/quorate.ts'"),
  )
  const examples = readdirSync(join(root, 'examples', 'library')).sort()
  for (const name of examples) {
    const code = readFileSync(join(root, 'examples', 'library', name), 'utf8')
    assert.ok(shown.includes(code), `docs/library.md does not show examples/library/${name} as it is`)
  }
  assert.equal(shown.length, examples.length, 'a block of code that no example is')
})
