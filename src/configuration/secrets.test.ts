import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { resolveSecret } from './secrets.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-secrets-'))
after(() => rmSync(folder, { recursive: true, force: true }))

test('env:NAME gives the variable, letter for letter', () => {
  assert.deepEqual(resolveSecret('env:KEY', { environment: { KEY: ' a b ' } }), { ok: true, value: ' a b ' })
})

test('file:PATH gives the content without the line break at its end, relative to the base', () => {
  writeFileSync(join(folder, 'key'), 'abc\n')
  writeFileSync(join(folder, 'two'), 'a\nb\r\n')
  assert.deepEqual(resolveSecret('file:key', { base_dir: folder }), { ok: true, value: 'abc' })
  assert.deepEqual(resolveSecret(`file:${join(folder, 'two')}`), { ok: true, value: 'a\nb' })
})

test('what cannot be resolved says which reference and what to do, and never a secret', () => {
  writeFileSync(join(folder, 'empty'), '\n')
  writeFileSync(join(folder, 'large'), 'x'.repeat(65_537))
  const rows: [reference: string, message: RegExp][] = [
    ['env:MISSING', /MISSING is not set/],
    ['env:EMPTY', /EMPTY is not set/],
    ['file:nowhere', /cannot be read \(ENOENT\)/],
    ['file:.', /not a file/],
    ['file:empty', /is empty/],
    ['file:large', /larger than 64 kB/],
    ['sk-live-s3cret', /as a reference/],
    ['', /as a reference/],
    ['env:', /as a reference/],
  ]
  for (const [reference, message] of rows) {
    const result = resolveSecret(reference, { environment: { EMPTY: '' }, base_dir: folder })
    assert.ok(!result.ok, reference)
    assert.match(result.failure.message, message)
    assert.ok(result.failure.remedy)
    assert.doesNotMatch(JSON.stringify(result), /s3cret/)
  }
})
