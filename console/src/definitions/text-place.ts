/**
 * Where in the text of a definition somebody writes: under which keys, and a key or a value. JSON is YAML, so one parser
 * reads both; it is lenient, because a text that is being written is seldom whole.
 */
import { isMap, isPair, isScalar, isSeq, type Node, parseDocument, visit, type YAMLMap, type YAMLSeq } from 'yaml'

/** One step from the document inwards: the key of a map, or the place in a list. */
export type Level = { in: YAMLMap | YAMLSeq; key: string | number }

export type Place = {
  /** Down to the value that is written; for a key, down to the map that it belongs to. */
  levels: Level[]
  at: 'key' | 'value'
  /** What is being written, up to the end of the word; `from` and `to` are its ends in the text. */
  word: string
  from: number
  to: number
  /** What stands before the word in the same value: empty where the word begins it. */
  before: string
  /** The map that the key belongs to. */
  map: YAMLMap | null
  /** A colon follows already. */
  followed: boolean
  /** Keys that the map has, the one being written left out. */
  present: string[]
  quoted: boolean
  /** The quote that ends it stands there already. */
  closed: boolean
  /** Inside of brackets or braces. */
  flow: boolean
  /** The whole document is JSON, as far as one can tell. */
  json: boolean
  /** What stands before it on its line: nothing, the dashes of a list (how many), or something else. */
  line: { start: boolean; dashes: number }
  document: Node | null
}

/** Texts that are longer are not parsed with each letter. */
const MOST = 400_000
/** Takes the place of the word; no word that anybody writes. */
const MARK = 'zq7here7qz'
const lenient = { strict: false, uniqueKeys: false, logLevel: 'silent', prettyErrors: false } as const

export function placeAt(text: string, offset: number): Place | null {
  if (text.length > MOST) return null
  let [from, to] = [offset, offset]
  while (from > 0 && /[\w./@-]/.test(text[from - 1] ?? '')) from -= 1
  while (/[\w./@-]/.test(text[to] ?? '')) to += 1
  const document = parseDocument(text.slice(0, from) + MARK + text.slice(to), lenient)
  const lineStart = text.lastIndexOf('\n', from - 1) + 1
  const line = /^\s*((?:- +)*)$/.exec(text.slice(lineStart, from))
  let found: Place | null = null
  visit(document, {
    Scalar(role, node, ancestors) {
      if (typeof node.value !== 'string' || !node.value.includes(MARK)) return undefined
      const key = role === 'key'
      const nodes = ancestors as readonly unknown[]
      const map = [...nodes].reverse().find(isMap)
      const inner = [...nodes].reverse().find((one) => isMap(one) || isSeq(one)) as YAMLMap | YAMLSeq | undefined
      const before = node.value.slice(0, node.value.indexOf(MARK))
      if (node.type === 'BLOCK_LITERAL' || node.type === 'BLOCK_FOLDED' || (key && node.value !== MARK))
        return visit.BREAK
      found = {
        levels: levelsOf([...nodes, node], key),
        at: key ? 'key' : 'value',
        word: text.slice(from, to),
        from,
        to,
        before,
        map: key && map ? map : null,
        followed: key && /^["']?\s*:/.test(text.slice(to, to + 20)),
        present: key && map ? keysOf(map).filter((name) => name !== MARK) : [],
        quoted: node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE',
        closed: /^["']/.test(text.slice(to, to + 1)),
        flow: inner?.flow === true,
        json: isMap(document.contents) && document.contents.flow === true,
        line: { start: line !== null, dashes: (line?.[1]?.match(/-/g) ?? []).length },
        document: document.contents as Node | null,
      }
      return visit.BREAK
    },
  })
  return found
}

/** The key that stands at the offset: its levels as of a value, and its ends. */
export function keyAt(text: string, offset: number): { levels: Level[]; from: number; to: number } | null {
  if (text.length > MOST) return null
  const document = parseDocument(text, lenient)
  let found: { levels: Level[]; from: number; to: number } | null = null
  visit(document, {
    Scalar(role, node, ancestors) {
      const [from, to] = node.range ?? [0, 0]
      if (role !== 'key' || offset < from || offset > to) return undefined
      found = { levels: levelsOf([...(ancestors as readonly unknown[]), node], false), from, to }
      return visit.BREAK
    },
  })
  return found
}

const keysOf = (map: YAMLMap): string[] =>
  map.items.flatMap(({ key }) => (isScalar(key) && typeof key.value === 'string' ? [key.value] : []))

/** `without`: the last pair is being named, so it is no level yet. */
function levelsOf(nodes: readonly unknown[], without: boolean): Level[] {
  const levels = nodes.flatMap((node, at): Level[] => {
    const next = nodes[at + 1]
    if (isMap(node) && isPair(next)) return [{ in: node, key: isScalar(next.key) ? String(next.key.value) : '' }]
    if (isSeq(node) && next !== undefined) return [{ in: node, key: node.items.indexOf(next) }]
    return []
  })
  return without ? levels.slice(0, -1) : levels
}

export type Around = { id: string; kind: string }

/** The stages in the lists that enclose the place, the innermost list first. */
export function stagesAround(levels: readonly Level[], document: Node | null): Around[][] {
  const lists: YAMLSeq[] = []
  for (const [at, level] of levels.entries())
    if (isSeq(level.in) && levels[at - 1]?.key === 'stages') lists.unshift(level.in)
  const top = isMap(document) ? document.get('stages') : null
  if (isSeq(top) && !lists.includes(top)) lists.push(top)
  return lists.map((list) =>
    list.items.flatMap((item) => {
      const id = isMap(item) ? item.get('id') : null
      return typeof id === 'string' && !id.includes(MARK) ? [{ id, kind: String((item as YAMLMap).get('kind')) }] : []
    }),
  )
}
