import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type DiffRow, diffRows, foldRows, type Line } from './text-diff.ts'

const textOf = (rows: DiffRow[], side: 'left' | 'right') =>
  rows
    .map((row) => row[side])
    .filter((line): line is Line => line !== null)
    .map(({ pieces }) => pieces.map(({ text }) => text).join(''))

const lines = fc.array(fc.constantFrom('a', 'b', 'a b', 'a  c', '', 'stage: read the text', 'stage: read a text'), {
  maxLength: 30,
})

test('each side is told whole, in order and numbered; what is called the same is the same', () =>
  fc.assert(
    fc.property(lines, lines, (a, b) => {
      const rows = diffRows(a.map((line) => `${line}\n`).join(''), b.map((line) => `${line}\n`).join(''))
      assert.deepEqual(textOf(rows, 'left'), a)
      assert.deepEqual(textOf(rows, 'right'), b)
      for (const side of ['left', 'right'] as const)
        assert.deepEqual(
          rows.flatMap((row) => row[side]?.n ?? []),
          textOf(rows, side).map((_, at) => at + 1),
        )
      for (const { same, left, right } of rows) if (same) assert.deepEqual(left?.pieces, right?.pieces)
      assert.equal(
        rows.every(({ same }) => same),
        JSON.stringify(a) === JSON.stringify(b),
      )
    }),
  ))

test('folding leaves no row out and shows every change', () =>
  fc.assert(
    fc.property(lines, lines, fc.array(fc.nat(40)), (a, b, opened) => {
      const rows = diffRows(a.join('\n'), b.join('\n'))
      const shown = foldRows(rows, new Set(opened))
      assert.equal(
        shown.reduce((sum, one) => sum + (one.kind === 'fold' ? one.rows : 1), 0),
        rows.length,
      )
      const seen = shown.flatMap((one) => (one.kind === 'row' ? [one.row] : []))
      for (const row of rows) if (!row.same) assert.ok(seen.includes(row))
    }),
  ))

test('a changed word is marked in its line; lines with nothing in common are marked whole', () => {
  const [row] = diffRows('read the first text\n', 'read the second text\n')
  assert.deepEqual(
    row?.left?.pieces.filter(({ changed }) => changed).map(({ text }) => text),
    ['first'],
  )
  assert.deepEqual(diffRows('abc', 'xyz')[0]?.left?.pieces, [{ text: 'abc', changed: true }])
})
