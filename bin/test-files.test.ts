import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { splitTestArguments, testFiles } from './test-files.mjs'

test('all tests under src, test and bin, but those that have commands of their own', () => {
  const root = mkdtempSync(join(tmpdir(), 'quorate-tests-'))
  for (const path of [
    'src/a.test.ts',
    'src/a.ts',
    'src/b/c.test.ts',
    'test/x/y.test.ts',
    'test/proof/p.test.ts',
    'test/service/s.test.ts',
    'src/node_modules/n.test.ts',
    'bin/d.test.ts',
    'other/e.test.ts',
  ]) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), '')
  }
  assert.deepEqual(testFiles(root), ['bin/d.test.ts', 'src/a.test.ts', 'src/b/c.test.ts', 'test/x/y.test.ts'])
  rmSync(root, { recursive: true })
})

test('flags go to the runner, names replace the usual files', () => {
  assert.deepEqual(splitTestArguments(['--test-only', 'src/a.test.ts']), {
    flags: ['--test-only'],
    named: ['src/a.test.ts'],
  })
})
