/**
 * From text to a plain value, and from a place in that value back to line and column.
 *
 * YAML 1.2 core schema, one document; JSON is read by the same parser. Double keys, unknown tags, keys that are no
 * text, and numbers that JSON has not are refused. An alias (`*name`) stands for a copy of what it names; the merge key
 * `<<` of YAML 1.1 means nothing here. Sizes, depth and copies are bounded.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  parseDocument,
  stringify,
  type YAMLError,
} from 'yaml'
import { excerpt, type Failure, fail, ok, type Result } from '../../failure.ts'
import { type Definition, definitionLimits } from '../definition.ts'
import type { Json } from '../value.ts'
import { fieldText, type Path } from './problems.ts'

/** Deeper than any definition: five levels of stages, and a schema or an input inside. */
const DEPTH = 100
/** Values in one text, copies of aliases counted. */
const VALUES = 2_000_000

export type Position = { line: number; column: number }

export type ParsedText = {
  value: Json
  /** Where a field stands: its value, or its key. `offset` is counted in the text of a one-line scalar. */
  positionOf: (path: Path, at: 'key' | 'value', offset?: number) => Position
}

/** Reads a definition's text. `auto` takes a text that begins with `{` for JSON; the format only shapes messages. */
export function parseDefinition(text: string, format: 'yaml' | 'json' | 'auto' = 'auto'): Result<ParsedText> {
  const bytes = Buffer.byteLength(text)
  if (bytes > definitionLimits.bytes)
    return fail('too_large', `the definition has ${bytes} bytes, at most ${definitionLimits.bytes} are read`, {
      remedy: 'Split it: a stage of kind run starts another definition.',
    })
  const json = format === 'json' || (format === 'auto' && /^\s*\{/.test(text))
  const lines = new LineCounter()
  if (text.trim() === '') return refuse('the text is empty', 1, 1, 'Begin with apiVersion: quorate/v1.')
  const early = explicitKey(text)
  if (early) return early
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    uniqueKeys: false,
    prettyErrors: false,
    lineCounter: lines,
  })
  // The first mistake throws the parser off; what it says after that misleads.
  const first = document.errors[0]
  if (first) return { ok: false, failure: syntaxFailure(first, text, lines, json) }
  const reader = new Reader(lines)
  const value = reader.read(document.contents as Node | null, [], 0)
  if (reader.problems[0]) return { ok: false, failure: { ...reader.problems[0], problems: reader.problems } }
  return ok({
    value,
    positionOf: (path, at, offset) => positionOf(document, reader.anchors, lines, text, path, at, offset),
  })
}

/** The text of a definition as YAML; reading it gives the same definition again. */
export const definitionToYaml = (definition: Definition): string =>
  stringify(definition, { version: '1.2', schema: 'core', lineWidth: 100, aliasDuplicateObjects: false })

/** Nested explicit keys (`? ? ? …`) take the parser exponential time, and no definition needs one. */
function explicitKey(text: string): Result<never> | null {
  if (!/(^|[\s[{,])\?(\s|$)/.test(text)) return null
  let offset = 0
  for (const token of new Lexer().lex(text)) {
    if (token === '?') {
      const line = text.slice(0, offset).split('\n').length
      return refuse(
        'a key is written with "? "',
        line,
        offset - text.lastIndexOf('\n', offset - 1),
        'Write it as key: value.',
      )
    }
    // Marks of the lexer that are not in the text: byte order mark, document, flow end, scalar.
    if (!['\u{FEFF}', '\u{02}', '\u{18}', '\u{1F}'].includes(token)) offset += token.length
  }
  return null
}

const refuse = (message: string, line: number, column: number, remedy: string): Result<never> =>
  fail('invalid_input', message, { line, column, remedy })

const explained: { [code: string]: [message: string, remedy: string] } = {
  TAB_AS_INDENT: ['a tab is used as indentation', 'Indent with spaces: YAML forbids tabs there.'],
  BAD_INDENT: [
    'the indentation fits no level above it',
    'Line it up with its neighbours: fields of one thing start in the same column.',
  ],
  DUPLICATE_KEY: ['the same key twice', 'Remove one of them.'],
  MULTIPLE_DOCS: ['a second document begins here', 'Keep one definition in each file.'],
  BLOCK_AS_IMPLICIT_KEY: [
    'a second ": " on one line',
    'Put the text in quotes, or the inner field on a line of its own.',
  ],
  BAD_SCALAR_START: ['a text cannot begin with this character', 'Put the text in quotes.'],
  BAD_ALIAS: ['an alias or anchor is written wrongly', 'Put the text in quotes if it begins with * or &.'],
  TAG_RESOLVE_FAILED: [
    'a tag that is not known',
    'Remove it: only plain texts, numbers, true, false, null, lists and objects are read.',
  ],
  RESOURCE_EXHAUSTION: ['nested too deep to be read', `Nest no more than ${DEPTH} deep.`],
}

function syntaxFailure(error: YAMLError, text: string, lines: LineCounter, json: boolean): Failure {
  const indent = /^ */.exec(text.slice(error.pos[0], error.pos[0] + 200))?.[0].length ?? 0
  const { line, col } = lines.linePos(error.pos[0] + indent)
  const here = (text.split('\n', line)[line - 1] ?? '').trim()
  const [message, remedy] = explanation(error, json)
  return {
    kind: 'invalid_input',
    message: `cannot be read as ${json ? 'JSON' : 'YAML'}: ${message}`,
    remedy,
    line,
    column: col,
    value: excerpt(here),
  }
}

function explanation(error: YAMLError, json: boolean): [string, string] {
  const open = /^Flow (map|sequence)/.exec(error.message)?.[1]
  if (open !== undefined)
    return [
      `a ${open === 'map' ? '{' : '['} before this is not closed, or closed by another bracket`,
      json ? 'Correct the brackets.' : 'Close it. After a space, # begins a comment and hides the rest of its line.',
    ]
  if (error.code === 'MISSING_CHAR' && /Sequence item without -/.test(error.message))
    return [
      'the indentation is lost here: this line belongs neither to the list item above nor to the list',
      'Indent it as far as the field after the "- " above.',
    ]
  if (error.code === 'MISSING_CHAR' && /closing/.test(error.message))
    return ['a quote, bracket or brace is not closed', 'Close it.']
  const known = explained[error.code]
  if (known) return known
  const said = error.message.charAt(0).toLowerCase() + error.message.slice(1)
  return [
    said,
    json ? 'Correct the JSON here.' : 'Correct the YAML here: check indentation, quotes and the "- " of list items.',
  ]
}

/** Turns the document into plain JSON, once through, and refuses what JSON has not. */
class Reader {
  readonly anchors = new Map<string, Node>()
  readonly problems: Failure[] = []
  readonly #lines: LineCounter
  #values = 0

  constructor(lines: LineCounter) {
    this.#lines = lines
  }

  read(node: Node | null, path: Path, depth: number): Json {
    if (this.problems.length >= 20 || node === null) return null
    if (++this.#values > VALUES)
      return this.#refuse(node, path, 'too many values, copies of aliases counted', 'Make it smaller.')
    if (depth > DEPTH) return this.#refuse(node, path, `nested more than ${DEPTH} deep`, 'Make it flatter.')
    if (isAlias(node)) {
      const source = this.anchors.get(node.source)
      return source
        ? this.read(source, path, depth + 1)
        : this.#refuse(node, path, `no anchor &${node.source} stands above`, 'Define it, or put the text in quotes.')
    }
    if ('anchor' in node && typeof node.anchor === 'string') this.anchors.set(node.anchor, node)
    if (node.tag?.startsWith('!'))
      return this.#refuse(node, path, `unknown tag ${excerpt(node.tag)}`, 'Remove the tag.')
    if (isScalar(node)) return this.#scalar(node, path)
    if (isSeq(node)) return node.items.map((item, at) => this.read(item as Node | null, [...path, at], depth + 1))
    if (!isMap(node)) return null
    const entries: [string, Json][] = []
    const seen = new Set<string>()
    for (const { key, value } of node.items) {
      const name = isScalar(key) && key.value !== null ? String(key.value) : null
      if (name === null) {
        this.#refuse(
          (key as Node | null) ?? node,
          path,
          'a key that is no text',
          'Write key: value; put a text with { } or [ ] in quotes.',
        )
        continue
      }
      if (seen.has(name))
        this.#refuse(
          key as Node,
          [...path, name],
          `the key ${JSON.stringify(excerpt(name))} stands here twice`,
          'Remove one of them.',
        )
      seen.add(name)
      entries.push([name, this.read(value as Node | null, [...path, name], depth + 1)])
    }
    return Object.fromEntries(entries)
  }

  #scalar(node: Node & { value: unknown }, path: Path): Json {
    const { value } = node
    if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value === 'number' && Number.isFinite(value)) return value
    return this.#refuse(node, path, 'a number that JSON does not have', 'Write it in quotes if it is a text.')
  }

  #refuse(node: Node, path: Path, message: string, remedy: string): null {
    const { line, col } = this.#lines.linePos(node.range?.[0] ?? 0)
    this.problems.push({
      kind: 'invalid_input',
      message,
      remedy,
      line,
      column: col,
      ...(path.length > 0 ? { field: fieldText(path) } : {}),
    })
    return null
  }
}

function positionOf(
  document: Document,
  anchors: Map<string, Node>,
  lines: LineCounter,
  text: string,
  path: Path,
  at: 'key' | 'value',
  offset = 0,
): Position {
  const resolved = (node: unknown): unknown => (isAlias(node) ? anchors.get(node.source) : node)
  let node: unknown = resolved(document.contents)
  let place: unknown = document.contents
  for (const [depth, member] of path.entries()) {
    let next: unknown
    let key: unknown
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(member))
      next = pair?.value
      key = pair?.key
    } else if (isSeq(node) && typeof member === 'number') next = node.items[member]
    if (next === undefined && key === undefined) break
    const last = depth === path.length - 1
    place = (last && at === 'key' && key) || (next ?? key)
    node = resolved(next)
  }
  const range = (place as Node | null)?.range
  // An empty document has no place of its own.
  if (!range) return { line: 1, column: 1 }
  let start = range[0]
  if (offset > 0 && isScalar(place) && typeof place.value === 'string') {
    const within = text.slice(range[0], range[1]).indexOf(place.value)
    if (within >= 0) start += within + offset
  }
  const { line, col } = lines.linePos(start)
  return { line, column: col }
}
