/** Where a page ended: the sort key of its last item, opaque to the outside. */
import { fail, ok, type Result } from '../failure.ts'

export type Cursor = { at: number; id: string }

export const writeCursor = (cursor: Cursor): string =>
  Buffer.from(JSON.stringify([cursor.at, cursor.id])).toString('base64url')

/** Operations check a cursor with this before they list; the store answers an invalid one with an empty page. */
export function readCursor(text: string): Result<Cursor> {
  const wrong = fail('invalid_input', 'the cursor is not one that a list returned', {
    field: 'cursor',
    value: text.slice(0, 60),
    remedy: 'Take `next` of the page before, unchanged, or leave it out for the first page.',
  })
  if (text.length > 400 || !/^[A-Za-z0-9_-]+$/.test(text)) return wrong
  try {
    const parts: unknown = JSON.parse(Buffer.from(text, 'base64url').toString())
    if (!Array.isArray(parts) || parts.length !== 2) return wrong
    const [at, id]: unknown[] = parts
    return Number.isSafeInteger(at) && typeof id === 'string' ? ok({ at: at as number, id }) : wrong
  } catch {
    return wrong
  }
}

/** Page size between 1 and 1,000. */
export const pageSize = (limit: number): number =>
  Number.isFinite(limit) ? Math.min(1_000, Math.max(1, Math.trunc(limit))) : 1_000

/** The words of a search, folded as the stored text is. The first 32 count: SQLite bounds the depth of an expression. */
export const searchWords = (text: string): string[] =>
  fold(text)
    .split(/\s+/)
    .filter((word) => word !== '')
    .slice(0, 32)

export const fold = (text: string): string => text.normalize('NFC').toLowerCase()

/** A pattern for LIKE … ESCAPE '\' that finds the word anywhere. */
export const likePattern = (word: string): string => `%${word.replace(/[\\%_]/g, '\\$&')}%`
