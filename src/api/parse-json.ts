/**
 * JSON from outside (RFC 8259), stricter than `JSON.parse`: names line and column of a mistake, bounds the depth
 * before anything recurses over the value, and refuses what two programs would read differently: a key given twice,
 * `__proto__`, text that is not Unicode (lone surrogates), NUL (databases cut or refuse it), numbers beyond a double.
 */
import { excerpt, type Failure, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'

export function parseJson(text: string, limits: { depth: number }): Result<Json> {
  const problem = check(text, limits.depth)
  return problem === null ? ok(JSON.parse(text) as Json) : { ok: false, failure: problem }
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

const blank = /[ \t\n\r]*/y
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const word = /true|false|null/y

/** What may come next. `first` positions also allow the closing bracket. */
type Expected = 'value' | 'first value' | 'key' | 'first key' | 'colon' | 'comma'

const wanted: Record<Expected, string> = {
  value: 'a value',
  'first value': 'a value or ]',
  key: 'a key in double quotes',
  'first key': 'a key in double quotes or }',
  colon: 'a colon',
  comma: 'a comma or the end of the list or object',
}

/** One pass without recursion; null when `JSON.parse` will read the text and nothing in it is refused. */
function check(text: string, depth: number): Failure | null {
  /** Keys of the objects that are open; null for a list. */
  const open: (Set<string> | null)[] = []
  let expected: Expected = 'value'
  for (let i = skip(blank, text, 0); i < text.length; i = skip(blank, text, i)) {
    const char = text[i] as string
    const value: boolean = expected === 'value' || expected === 'first value'
    if (expected === 'comma' && open.length === 0)
      return wrong(text, i, 'the body is not JSON: more than one value', 'send one JSON value')
    if (char === '"' && (value || expected === 'key' || expected === 'first key')) {
      const end = endOfString(text, i)
      if (end === i)
        return wrong(
          text,
          i,
          'the body is not JSON: a text is not closed, or holds a line break or an unknown escape',
          'write line breaks as \\n and backslashes as \\\\',
        )
      const problem = stringProblem(text, i, end, value ? null : (open.at(-1) ?? null))
      if (problem !== null) return problem
      expected = value ? 'comma' : 'colon'
      i = end
    } else if ((char === '{' || char === '[') && value) {
      open.push(char === '{' ? new Set() : null)
      if (open.length > depth)
        return wrong(text, i, `the body is nested deeper than ${depth} levels`, 'send it flatter')
      expected = char === '{' ? 'first key' : 'first value'
      i++
    } else if (closes(char, expected, open.at(-1))) {
      open.pop()
      expected = 'comma'
      i++
    } else if (char === ',' && expected === 'comma') {
      expected = open.at(-1) instanceof Set ? 'key' : 'value'
      i++
    } else if (char === ':' && expected === 'colon') {
      expected = 'value'
      i++
    } else {
      const end = value ? Math.max(skip(number, text, i), skip(word, text, i)) : i
      if (end === i) return notJson(text, i, expected)
      if (Math.abs(Number(text.slice(i, end))) === Number.POSITIVE_INFINITY)
        return wrong(text, i, 'a number is larger than 1.8e308', 'send it as text')
      expected = 'comma'
      i = end
    }
  }
  return expected === 'comma' && open.length === 0 ? null : notJson(text, text.length, expected)
}

function closes(char: string, expected: Expected, innermost: Set<string> | null | undefined): boolean {
  if (char === '}') return innermost instanceof Set && (expected === 'comma' || expected === 'first key')
  return char === ']' && innermost === null && (expected === 'comma' || expected === 'first value')
}

function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from
  return pattern.test(text) ? pattern.lastIndex : from
}

/** Index behind the closing quote, or `start` when the text is none. A loop: a pattern would keep every character on its stack. */
function endOfString(text: string, start: number): number {
  for (let i = start + 1; i < text.length; ) {
    const char = text.charCodeAt(i)
    if (char === 0x22) return i + 1
    const next = char === 0x5c ? skip(escaped, text, i) : i + 1
    if (next === i || char < 0x20) return start
    i = next
  }
  return start
}

function stringProblem(text: string, start: number, end: number, keys: Set<string> | null): Failure | null {
  const value = JSON.parse(text.slice(start, end)) as string
  const odd = oddText(value)
  if (odd !== null) return wrong(text, start, `a text ${odd}`, 'send well-formed Unicode without NUL')
  if (keys === null) return null
  if (value === '__proto__') return wrong(text, start, 'the key __proto__ is not allowed', 'use another key')
  if (keys.has(value)) return wrong(text, start, `the key ${excerpt(value, 60)} is given twice`, 'give each key once')
  keys.add(value)
  return null
}

function notJson(text: string, at: number, expected: Expected): Failure {
  const found = at >= text.length ? 'the end' : excerpt(text.slice(at, at + 1))
  return wrong(
    text,
    at,
    `the body is not JSON: ${wanted[expected]} is expected, and there is ${found}`,
    'send one JSON value; single quotes, comments and trailing commas are not JSON',
  )
}

const wrong = (text: string, at: number, message: string, remedy: string): Failure => ({
  kind: 'invalid_input',
  message,
  ...(at < text.length && { value: excerpt(text.slice(at, at + 40)) }),
  remedy,
  ...placeOf(text, at),
})
