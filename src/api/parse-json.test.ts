import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseJson } from './parse-json.ts'

const limits = { depth: 64 }

test('whatever JSON.stringify writes is read as it was', () => {
  fc.assert(
    fc.property(
      fc.jsonValue({ maxDepth: 6, stringUnit: 'grapheme' }),
      fc.constantFrom(undefined, 1, '\t'),
      (value, indent) => {
        const text = JSON.stringify(value, null, indent)
        const read = parseJson(text, limits)
        if (text.includes('\\u0000') || text.includes('__proto__')) return
        assert.ok(read.ok, text)
        assert.equal(JSON.stringify(read.value), JSON.stringify(JSON.parse(text)))
      },
    ),
    { numRuns: 300 },
  )
})

test('it reads nothing that JSON.parse does not, and says where the mistake is', () => {
  const pieces = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '"a"',
    '"b"',
    '1',
    '-',
    '01',
    '1.5e3',
    '.',
    'true',
    'nul',
    ' ',
    '\n',
    '\\',
    '"\\u12"',
    "'",
    '\u0007',
    '#',
  )
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('')
      let valid = true
      try {
        JSON.parse(text)
      } catch {
        valid = false
      }
      const read = parseJson(text, limits)
      if (!valid) {
        assert.ok(!read.ok, text)
        const { line = 0, column = 0 } = read.failure
        assert.ok(line >= 1 && line <= text.split('\n').length && column >= 1, text)
      } else if (!read.ok) {
        assert.match(read.failure.message, /given twice|larger than/, text)
      }
    }),
    { numRuns: 3_000 },
  )
})

test('a mistake is named with its place', () => {
  const table: [string, number, number, RegExp][] = [
    ['{"a": 1,\n "b": oops}', 2, 7, /a value is expected, and there is o/],
    ['{"a": 1,}', 1, 9, /key in double quotes is expected, and there is }/],
    ["{'a': 1}", 1, 2, /there is '/],
    ['[1 2]', 1, 4, /a comma/],
    ['{"a" 1}', 1, 6, /a colon/],
    ['{"a": 1} x', 1, 10, /more than one value/],
    ['[1', 1, 3, /the end/],
    ['{"a": "x\ny"}', 1, 7, /line break/],
    ['{"a": 01}', 1, 8, /a comma/],
    ['[1e400]', 1, 2, /larger than/],
    ['{"a": {"b": 1, "b": 2}}', 1, 16, /given twice/],
    ['{"\\u0061": 1, "a": 2}', 1, 15, /given twice/],
    ['["\\ud800"]', 1, 2, /surrogate/],
    ['["\\u0000"]', 1, 2, /NUL/],
  ]
  for (const [text, line, column, message] of table) {
    const read = parseJson(text, limits)
    assert.ok(!read.ok, text)
    assert.deepEqual([read.failure.line, read.failure.column], [line, column], text)
    assert.match(read.failure.message, message)
  }
})

test('a million brackets cost little and no stack', () => {
  const read = parseJson('['.repeat(1_000_000), limits)
  assert.match(read.ok ? '' : read.failure.message, /deeper than 64/)
  assert.ok(parseJson(`${'['.repeat(64)}${']'.repeat(64)}`, limits).ok)
})

test('a long text is read in time that grows with its length alone', () => {
  const text = JSON.stringify({ goal: 'a"\\'.repeat(200_000), list: Array.from({ length: 50_000 }, (_, i) => i) })
  assert.ok(parseJson(text, limits).ok)
  assert.ok(!parseJson(`"${'\\'.repeat(1_000_001)}`, limits).ok)
})
