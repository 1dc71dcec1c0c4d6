/**
 * JSON from outside, stricter than `JSON.parse`: names line and column of a mistake, bounds the depth before anything
 * recurses over the value, and refuses what two programs would read differently: a key given twice, `__proto__`, text
 * that is not Unicode (lone surrogates), NUL (databases cut or refuse it), numbers beyond a double.
 */
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'

export function parseJson(text: string, limits: { depth: number }): Result<Json> {
  const problem = scan(text, limits.depth)
  if (problem !== null) return { ok: false, failure: problem }
  try {
    return ok(JSON.parse(text) as Json)
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error)
    const position = /at position (\d+)/.exec(said)?.[1]
    const at = position === undefined ? (/end of JSON/.test(said) ? text.length : 0) : Number(position)
    // V8 quotes the whole text in some messages; the position says it better.
    const cause = /^[^,"]*/.exec(said)?.[0] ?? 'not JSON'
    return fail('invalid_input', `the body is not JSON: ${excerpt(cause, 80).trim()}`, {
      ...placeOf(text, at),
      ...(text.slice(at, at + 20) !== '' && { value: excerpt(text.slice(at, at + 20)) }),
      remedy: 'send one JSON value; single quotes, comments and trailing commas are not JSON',
    })
  }
}

/** 1-based line and column. */
export function placeOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at)
  return { line: before.split('\n').length, column: at - before.lastIndexOf('\n') }
}

/** Why a text is not one that is kept exactly as it is; null when it is fine. */
export function oddText(text: string): string | null {
  if (text.includes('\0')) return 'contains a NUL character'
  return text.isWellFormed() ? null : 'contains half of a surrogate pair, which is not Unicode'
}

/**
 * One pass over the text without recursion. It does not judge the grammar (JSON.parse does), only finds what JSON.parse
 * lets through.
 */
function scan(text: string, depth: number): Failure | null {
  /** Keys of the objects that are open; null for an array. */
  const open: (Set<string> | null)[] = []
  let expectsKey = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x22) {
      const end = endOfString(text, i)
      if (end < 0) return null
      const problem = stringProblem(text, i, end, expectsKey ? (open.at(-1) ?? null) : null)
      if (problem !== null) return problem
      expectsKey = false
      i = end
    } else if (char === 0x7b || char === 0x5b) {
      open.push(char === 0x7b ? new Set() : null)
      expectsKey = char === 0x7b
      if (open.length > depth) return wrong(text, i, `the body is nested deeper than ${depth} levels`, 'send it flatter')
    } else if (char === 0x7d || char === 0x5d) {
      open.pop()
      expectsKey = false
    } else if (char === 0x2c) {
      expectsKey = open.at(-1) instanceof Set
    } else if (char === 0x2d || (char >= 0x30 && char <= 0x39)) {
      let end = i + 1
      while (end < text.length && /[0-9.eE+-]/.test(text[end] as string)) end++
      if (Math.abs(Number(text.slice(i, end))) === Number.POSITIVE_INFINITY) return wrong(text, i, 'a number is larger than 1.8e308', 'send it as text')
      i = end - 1
    }
  }
  return null
}

/** Index of the closing quote, or -1. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x5c) i++
    else if (char === 0x22) return i
  }
  return -1
}

function stringProblem(text: string, start: number, end: number, keys: Set<string> | null): Failure | null {
  const raw = text.slice(start + 1, end)
  let value = raw
  if (raw.includes('\\')) {
    try {
      value = JSON.parse(text.slice(start, end + 1)) as string
    } catch {
      return null
    }
  }
  const odd = oddText(value)
  if (odd !== null) return wrong(text, start, `a text ${odd}`, 'send well-formed Unicode without NUL')
  if (keys === null) return null
  if (value === '__proto__') return wrong(text, start, 'the key __proto__ is not allowed', 'use another key')
  if (keys.has(value)) return wrong(text, start, `the key ${excerpt(value, 60)} is given twice`, 'give each key once')
  keys.add(value)
  return null
}

const wrong = (text: string, at: number, message: string, remedy: string): Failure => ({
  kind: 'invalid_input',
  message,
  value: excerpt(text.slice(at, at + 40)),
  remedy,
  ...placeOf(text, at),
})
