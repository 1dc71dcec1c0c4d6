/** Reads settings from the text of a YAML file, with the line and column of everything that is wrong. */
import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml'
import { z } from 'zod'
import { excerpt, type Failure } from '../failure.ts'
import { nearest } from '../workflow/check-definition/nearest.ts'
import { type Setting, type SettingKey, type Settings, settings } from './settings.ts'

export type FileSettings = {
  /** Checked values, with where each stands (`quorate.yaml, line 3`). */
  values: Map<SettingKey, { value: unknown; detail: string }>
  problems: Failure[]
  warnings: string[]
}

type Tree = { [name: string]: Tree | SettingKey }
type Path = readonly (string | number)[]

/**
 * `paths` says where in the file each setting stands; `unknown` what becomes of keys that are no setting: refused with
 * the nearest one, or listed in a warning because the file belongs to another program as well.
 * An empty value counts as not set.
 */
export function readSettingsFile(
  text: string,
  file: string,
  paths: ReadonlyMap<SettingKey, readonly string[]>,
  unknown: 'refuse' | 'warn',
): FileSettings {
  const found: FileSettings = { values: new Map(), problems: [], warnings: [] }
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, strict: true })
  for (const error of document.errors) {
    const { line, col } = lines.linePos(error.pos[0])
    found.problems.push({
      kind: 'invalid_input',
      message: `${file}, line ${line}: this is not YAML: ${error.message}`,
      remedy: 'check indentation (spaces, no tabs), quotes and brackets around that line',
      line,
      column: col,
    })
  }
  if (found.problems.length > 0) return found

  let root: unknown
  try {
    root = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    found.problems.push({
      kind: 'invalid_input',
      message: `${file}: ${(error as Error).message}`,
      remedy: 'write the values out instead of repeating them by aliases',
    })
    return found
  }

  const position = (path: Path, of: 'key' | 'value'): { line: number; column: number } | null => {
    const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents
    const last = path.at(-1)
    const pair = isMap(parent) ? parent.items.find(({ key }) => isScalar(key) && key.value === last) : undefined
    const value = document.getIn(path, true) as Node | undefined
    const node = of === 'key' || value === undefined || isAlias(value) ? (pair?.key as Node | undefined) : value
    const range = node?.range ?? (pair?.key as Node | undefined)?.range
    if (!range) return path.length > 1 ? position(path.slice(0, -1), of) : null
    const { line, col } = lines.linePos(range[0])
    return { line, column: col }
  }
  const place = (path: Path, of: 'key' | 'value') => {
    const at = position(path, of)
    return { at: at ?? {}, where: at ? `${file}, line ${at.line}` : file }
  }
  const refuse = (path: Path, of: 'key' | 'value', message: string, remedy: string, value?: unknown) => {
    const { at, where } = place(path, of)
    const shown = value === undefined ? {} : { value: safeValue(path, value) }
    found.problems.push({
      kind: 'invalid_input',
      message: `${where}: ${message}`,
      field: dotted(path),
      remedy,
      ...shown,
      ...at,
    })
  }
  const unknownKey = (path: Path, known: string[]) => {
    const name = String(path.at(-1))
    const [near] = nearest(name, known, 1)
    if (unknown === 'warn') {
      const { where } = place(path, 'key')
      found.warnings.push(`${where}: ${dotted(path)} is not used by Quorate${near ? `; did you mean ${near}?` : ''}`)
    } else {
      const remedy = near ? `did you mean ${dotted([...path.slice(0, -1), near])}?` : `known here: ${known.join(', ')}`
      refuse(path, 'key', `there is no setting ${dotted(path)}`, remedy)
    }
  }

  const leaf = (key: SettingKey, path: Path, value: unknown) => {
    const { schema, write } = settings[key] as Setting
    const parsed = schema.safeParse(value)
    if (parsed.success) {
      found.values.set(key, { value: parsed.data, detail: place(path, 'key').where })
      return
    }
    for (const issue of parsed.error.issues) {
      const inside = [...path, ...issue.path.filter((part) => typeof part !== 'symbol')]
      if (issue.code === 'unrecognized_keys') {
        for (const name of issue.keys) unknownKey([...inside, name], keysAt(schema, inside.slice(path.length)))
      } else {
        const deep = inside.length > path.length
        refuse(
          inside,
          'value',
          `${dotted(inside)}: ${plain(issue)}`,
          deep ? `correct ${dotted(inside)}` : `write ${write}`,
          at(value, inside.slice(path.length)),
        )
      }
    }
  }

  const section = (tree: Tree, path: Path, value: unknown) => {
    if (value === null || value === undefined) return
    if (!isRecord(value)) {
      refuse(
        path,
        'value',
        `${dotted(path) || 'the file'} must be a section with settings in it`,
        `known here: ${Object.keys(tree).join(', ')}`,
        value,
      )
      return
    }
    for (const [name, inner] of Object.entries(value)) {
      const branch = Object.hasOwn(tree, name) ? tree[name] : undefined
      if (branch === undefined) unknownKey([...path, name], Object.keys(tree))
      else if (typeof branch === 'object') section(branch, [...path, name], inner)
      else if (inner !== null) leaf(branch, [...path, name], inner)
    }
  }
  section(asTree(paths), [], root)
  return found
}

function asTree(paths: ReadonlyMap<SettingKey, readonly string[]>): Tree {
  const root: Tree = {}
  for (const [key, path] of paths) {
    let tree = root
    for (const name of path.slice(0, -1)) {
      tree[name] ??= {}
      tree = tree[name] as Tree
    }
    tree[path.at(-1) as string] = key
  }
  return root
}

/** The keys that the schema knows at a path within its value. */
function keysAt(schema: Settings[SettingKey]['schema'] | z.ZodType, path: Path): string[] {
  type Shape = { properties?: { [name: string]: Shape }; items?: Shape; additionalProperties?: Shape }
  let shape = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Shape | undefined
  for (const part of path)
    shape = typeof part === 'number' ? shape?.items : (shape?.properties?.[part] ?? shape?.additionalProperties)
  return Object.keys(shape?.properties ?? {})
}

/** What zod says, without its preamble. */
export const plain = (issue: { message: string }): string => {
  const text = issue.message.replace(/^Invalid (input|option|string): /, '').replace(/^Too (big|small): /, '')
  return text.charAt(0).toLowerCase() + text.slice(1)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const at = (value: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (inner, part) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<string | number, unknown>)[part] : undefined,
    value,
  )

export const dotted = (path: Path): string =>
  path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`),
    '',
  )

/** A value for an error message: never a password in an address, never what may be a secret. */
export function safeValue(path: Path, value: unknown): string {
  if (path.some((part) => /key|token|secret|password|authorization/i.test(String(part)) && part !== 'context_tokens'))
    return '(not shown)'
  if (typeof value === 'object' && value !== null)
    return excerpt(Array.isArray(value) ? `a list of ${value.length}` : 'a section')
  return excerpt(value)
    .replace(/\/\/[^/\s]*@/, '//***@')
    .replace(/([?&][^=&]*(?:key|token|secret|password)[^=&]*=)[^&]*/gi, '$1***')
}
