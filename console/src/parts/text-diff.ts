/** Two texts line by line, side by side; within a changed line the words that changed. */
import { diffLines, diffWordsWithSpace } from 'diff'

/** A piece of a line, and whether the other side has something else in its place. */
export type Piece = { text: string; changed: boolean }
export type Line = { n: number; pieces: Piece[] }
export type DiffRow = { same: boolean; left: Line | null; right: Line | null }

/** Texts that differ in nearly everything are not worth a long search: they are shown beside each other as they are. */
const TIME_MS = 400
const LONGEST_LINE = 20_000

const linesOf = (text: string): string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))
const plain = (n: number, text: string): Line => ({ n, pieces: [{ text, changed: false }] })

export function diffRows(left: string, right: string): DiffRow[] {
  const [a, b] = [closed(left), closed(right)]
  const parts = diffLines(a, b, { timeout: TIME_MS }) ?? [
    { value: a, removed: true, added: false },
    { value: b, removed: false, added: true },
  ]
  const rows: DiffRow[] = []
  let [m, n] = [0, 0]
  let removed: string[] = []
  const settle = (added: string[]) => {
    for (let at = 0; at < Math.max(removed.length, added.length); at++) {
      const [one, two] = [removed[at], added[at]]
      const pair = one !== undefined && two !== undefined ? changedWords(one, two) : null
      rows.push({
        same: false,
        left: one === undefined ? null : { n: ++m, pieces: pair?.[0] ?? [{ text: one, changed: true }] },
        right: two === undefined ? null : { n: ++n, pieces: pair?.[1] ?? [{ text: two, changed: true }] },
      })
    }
    removed = []
  }
  for (const part of parts) {
    const lines = linesOf(part.value)
    if (part.removed) removed.push(...lines)
    else if (part.added) settle(lines)
    else {
      settle([])
      for (const text of lines) rows.push({ same: true, left: plain(++m, text), right: plain(++n, text) })
    }
  }
  settle([])
  return rows
}

/** Without it a last line that ends the text would differ from the same line in the middle. */
const closed = (text: string): string => (text === '' || text.endsWith('\n') ? text : `${text}\n`)

/** Null where the two have so little in common that marking words would only confuse. */
function changedWords(left: string, right: string): [Piece[], Piece[]] | null {
  if (left.length + right.length > LONGEST_LINE) return null
  const parts = diffWordsWithSpace(left, right, { timeout: TIME_MS })
  if (parts === undefined) return null
  const kept = parts
    .filter(({ added, removed }) => !added && !removed)
    .reduce((sum, { value }) => sum + value.trim().length, 0)
  if (kept * 3 < Math.max(left.trim().length, right.trim().length)) return null
  const side = (leave: 'added' | 'removed'): Piece[] =>
    parts
      .filter((part) => !part[leave])
      .map(({ value, added, removed }) => ({ text: value, changed: added || removed }))
  return [side('added'), side('removed')]
}

/** Rows that are alike and far from any change, folded into one that says how many there are. */
export type Shown = { kind: 'row'; row: DiffRow; at: number } | { kind: 'fold'; from: number; rows: number }

export function foldRows(rows: readonly DiffRow[], opened: ReadonlySet<number>, context = 3): Shown[] {
  const near = new Uint8Array(rows.length)
  rows.forEach((row, at) => {
    if (!row.same) near.fill(1, Math.max(0, at - context), Math.min(rows.length, at + context + 1))
  })
  const shown: Shown[] = []
  for (let at = 0; at < rows.length; ) {
    let end = at
    while (end < rows.length && near[end] === 0) end++
    // One or two lines take no more room than the row that would stand for them.
    if (end - at > 2 && !opened.has(at)) {
      shown.push({ kind: 'fold', from: at, rows: end - at })
      at = end
      continue
    }
    const until = Math.max(end, at + 1)
    for (; at < until; at++) shown.push({ kind: 'row', row: rows[at] as DiffRow, at })
  }
  return shown
}
