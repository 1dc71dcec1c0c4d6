/** Tables of the docs that repeat what the code says, and lists that must be whole. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { docTables, withTable } from '../../scripts/doc-tables.ts'
import { statusOfFailure } from '../../src/api/failure-to-http.ts'
import { feedbackActions } from '../../src/workflow/definition.ts'
import { runStatuses } from '../../src/workflow/run-state.ts'
import { pageText, ROOT } from './doc-blocks.ts'

for (const { file, name, table } of docTables)
  test(`${file}: ${name}`, () => {
    const made = table()
    assert.ok(made.split('\n').length > 4, 'the table has rows')
    const text = pageText(file)
    assert.equal(withTable(text, name, made), text, 'node scripts/doc-tables.ts writes it')
  })

test('a table without its marks is noticed', () => {
  assert.equal(withTable('no marks', 'x', 'table'), null)
  assert.equal(withTable('<!-- x -->\nold\n<!-- /x -->', 'x', 'new'), '<!-- x -->\nnew\n<!-- /x -->')
})

test('every feedback action is explained, every status of a run is a word', () => {
  for (const action of feedbackActions) assert.ok(pageText('docs/definitions.md').includes(`| \`${action}\` |`), action)
  for (const status of runStatuses) assert.ok(pageText('docs/words.md').includes(`\`${status}\``), status)
})

test('http.md has the status of every failure that HTTP is answered with', () => {
  const text = pageText('docs/http.md')
  for (const [kind, status] of Object.entries(statusOfFailure)) {
    // Keys are not there yet, and a bug has no place in a table of what to expect.
    if (kind === 'internal') continue
    const row = text.split('\n').find((line) => line.startsWith(`| ${status} |`))
    assert.ok(row?.includes(`\`${kind}\``), `${status} ${kind}`)
  }
})

test('DEPENDENCIES.md has a line for every dependency, and none that is not there', () => {
  const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, string>>
  const listed = (...headings: string[]): string[] =>
    pageText('DEPENDENCIES.md')
      .split('\n## ')
      .filter((section) => headings.some((heading) => section.startsWith(`${heading}\n`)))
      .flatMap((section) => section.split('\n').filter((line) => line.startsWith('| `')))
      .flatMap((line) => [...(line.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? ''))
      .sort()
  assert.deepEqual(listed('At run time'), Object.keys({ ...dependencies, ...optionalDependencies }).sort())
  // What the console is built from is no dependency of who installs Quorate.
  assert.deepEqual(listed('In the console', 'For development'), Object.keys({ ...devDependencies }).sort())
})
