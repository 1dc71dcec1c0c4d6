import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  clean,
  colourPaint,
  columns,
  count,
  fit,
  oneLine,
  plainPaint,
  size,
  span,
  table,
  tokens,
  wrap,
} from './format.ts'

describe('text from outside', () => {
  test('loses what could steer the terminal, and keeps what can be read', () => {
    assert.equal(clean('a\x1b[31mred\x1b[0m\x07\x00\u202eb\r\nc\td\x9b2J'), 'aredb\nc\td')
    assert.equal(oneLine(' a\n\n b\u001b]0;title\u0007 '), 'a b')
    assert.equal(clean('grün 漢字 👍'), 'grün 漢字 👍')
  })
  test('no text leaves a control character', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => assert.equal(/[^\P{Cc}\n\t]/u.test(clean(text)), false)),
    )
  })
})

describe('columns', () => {
  for (const [text, n] of [
    ['abc', 3],
    ['漢字', 4],
    ['👍', 2],
    ['e\u0301', 1],
    ['\x1b[31mx\x1b[0m', 1],
    ['', 0],
  ] as const)
    test(JSON.stringify(text), () => assert.equal(columns(text), n))
  test('what is cut to a width fits it', () => {
    assert.equal(fit('abcdef', 4), 'abc…')
    assert.equal(fit('abc', 3), 'abc')
    assert.equal(fit('漢字漢字', 5), '漢字…')
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (text, width) =>
        assert.ok(columns(fit(clean(text), width)) <= width),
      ),
    )
  })
})

describe('table', () => {
  const wide = { width: 80, paint: plainPaint }
  test('aligns, leaves out empty columns, has no blanks at the ends', () => {
    assert.deepEqual(
      table(
        [{ title: 'NAME' }, { title: 'N', align: 'right' }, { title: 'EMPTY' }, { title: 'TEXT', flexible: true }],
        [
          ['a', '1', '', 'x'],
          ['long name', '12', '', 'y'],
        ],
        wide,
      ),
      ['NAME        N  TEXT', 'a           1  x', 'long name  12  y'],
    )
  })
  test('a narrow terminal cuts the flexible column', () => {
    const lines = table([{ title: 'A' }, { title: 'B', flexible: true }], [['aaaa', 'b'.repeat(100)]], {
      width: 30,
      paint: plainPaint,
    })
    assert.equal(lines[1], `aaaa  ${'b'.repeat(23)}…`)
  })
  test('cells are cleaned and on one line', () =>
    assert.deepEqual(table([{ title: 'A' }], [['x\x1b[2J\ny']], wide), ['A', 'x y']))
  test('colours do not shift columns', () => {
    const [plain, coloured] = [plainPaint, colourPaint].map((paint) =>
      table(
        [{ title: 'A', style: () => 'green' }, { title: 'B' }],
        [
          ['x', 'y'],
          ['longer', 'z'],
        ],
        { width: 80, paint },
      ),
    )
    assert.deepEqual(
      coloured?.map((line) => clean(line)),
      plain,
    )
    assert.ok(coloured?.[1]?.includes('\u001b[32m'))
  })
})

test('numbers and spans as people read them', () => {
  assert.deepEqual([0, 830, 12_400, 72_000, 3_725_000, 90_000_000].map(span), [
    '0.0 s',
    '0.8 s',
    '12 s',
    '1 min 12 s',
    '1 h 2 min',
    '1 d 1 h',
  ])
  assert.deepEqual([0, 999, 1_234, 45_678, 1_234_567].map(count), ['0', '999', '1.2k', '46k', '1.2M'])
  assert.deepEqual([512, 2_048, 3_000_000, 4_200_000_000].map(size), ['512 B', '2 kB', '3 MB', '4.2 GB'])
  assert.deepEqual([tokens(1_500, 0), tokens(1_500, 2), tokens(0, 2), tokens(0, 0)], ['1.5k', '1.5k+?', '?', '0'])
})

test('wrapping keeps paragraphs and words', () => {
  assert.deepEqual(wrap('one two three\n\nfour', 9, '  '), ['  one two', '  three', '', '  four'])
  assert.deepEqual(wrap('unbreakable', 4), ['unbreakable'])
})
