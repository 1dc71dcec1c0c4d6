import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseDefinition } from './check-definition/parse-definition.ts'
import type { Definition } from './definition.ts'
import { definitionText } from './definition-text.ts'

const folder = join(import.meta.dirname, '../../test/definitions/right')

test('every right definition is the same after a way through YAML', () => {
  const files = readdirSync(folder)
  assert.ok(files.length > 15)
  for (const file of files) {
    const read = parseDefinition(readFileSync(join(folder, file), 'utf8'))
    assert.ok(read.ok)
    const text = definitionText(read.value.value as Definition)
    const again = parseDefinition(text)
    assert.ok(again.ok, `${file}: ${text}`)
    assert.deepEqual(again.value.value, read.value.value, file)
    assert.ok(text.startsWith('apiVersion: quorate/v1\nname: '))
  }
})

test('texts that YAML would take for something else stay texts', () => {
  const odd = [
    'yes',
    'null',
    '1e3',
    '0x1f',
    '2026-01-01',
    '- a',
    '# no',
    'a: b',
    '=inputs.x',
    ' blank ',
    'line\nbreak\n',
    '',
    '~',
    '*a',
    '&a',
    '!x',
    '"',
    "'",
  ]
  const definition = {
    apiVersion: 'quorate/v1',
    name: 'odd',
    inputs: Object.fromEntries(odd.map((text, i) => [`i${i}`, { type: 'any', default: text }])),
    stages: [],
  } as unknown as Definition
  const again = parseDefinition(definitionText(definition))
  assert.ok(again.ok)
  assert.deepEqual(again.value.value, definition)
})
