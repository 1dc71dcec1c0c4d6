/** What an expression reads, on its way into the CEL library and out of it, and why something is not there. */
import { excerpt } from '../failure.ts'
import { Stop } from './expression-bounds.ts'
import { type Expression, expressionLimits, type Path, pathText, variable } from './expression-syntax.ts'
import { LargeValue } from './large-value.ts'
import { type BlobRef, isBlobRef, type Json, LOOKS_LIKE_A_REFERENCE, type Value } from './value.ts'

/**
 * Looks a top-level name up; undefined = not in scope. Called only for names the expression mentions, and for
 * `<name>_reason` when such a name is null.
 */
export type Lookup = (name: string) => Json | BlobRef | undefined

/** Values that one evaluation may look at. */
const VALUES = 200_000

/** A path and what is there. */
export type Found = {
  path: Path
  top: Value | undefined
  value: Value | undefined
  parent: Value | undefined
  /** The value before the path's end at which it could not go on, and its name. */
  stopped: Value | undefined
  stoppedText: string
}
export type Reading = Found[]

/** Looks every path of an expression up. */
export function read(expression: Expression, lookup: Lookup): Reading {
  const tops = new Map<string, Value | undefined>()
  for (const root of expression.roots) tops.set(root, lookup(root))
  return expression.paths.map((path) => resolve(path, tops.get(path.root)))
}

export function resolve(path: Path, top: Value | undefined): Found {
  const found: Found = { path, top, value: top, parent: undefined, stopped: undefined, stoppedText: path.root }
  for (const [at, member] of path.members.entries()) {
    const { value } = found
    if (value === undefined) return found
    if (value === null || isBlobRef(value)) {
      found.stopped = value
      found.stoppedText = pathText(path.root, path.members.slice(0, at))
      found.value = undefined
      return found
    }
    found.parent = value
    found.value = memberOf(value, member)
  }
  return found
}

const memberOf = (value: Json, member: string | number): Json | undefined =>
  Array.isArray(value)
    ? typeof member === 'number'
      ? value[member]
      : undefined
    : isObject(value) && Object.hasOwn(value, member)
      ? value[member]
      : undefined

/** Only what the expression reads, as the library wants it: objects as maps, so that no key has a meaning. */
export function contextOf(reading: Reading): Map<string, unknown> {
  const context = new Map<string, unknown>()
  const partial = new WeakSet<object>()
  const budget = { left: VALUES }
  for (const { path, top } of reading) mirror(path, top, context, partial, budget)
  return context
}

function mirror(
  path: Path,
  top: Value | undefined,
  context: Map<string, unknown>,
  partial: WeakSet<object>,
  budget: Budget,
): void {
  let at = context
  let key = variable(path.root)
  let value = top
  for (const member of path.members) {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || isBlobRef(value)) break
    const there = at.get(key)
    const next = there instanceof Map ? there : new Map<string, unknown>()
    if (next !== there) {
      partial.add(next)
      at.set(key, next)
    }
    at = next
    key = String(member)
    value = Object.hasOwn(value, member) ? value[member] : undefined
  }
  const there = at.get(key)
  if (value === undefined || (at.has(key) && !(there instanceof Map && partial.has(there)))) return
  at.set(key, converted(value, path, budget, 0))
}

type Budget = { left: number }

function converted(value: Value, path: Path, budget: Budget, depth: number): unknown {
  if (--budget.left < 0 || depth > 100) throw new Stop(`${path.text} is too large to look into`)
  if (typeof value !== 'object' || value === null) return value
  if (isBlobRef(value)) return new LargeValue(value)
  if (Array.isArray(value)) {
    if (value.length > expressionLimits.list)
      throw new Stop(
        `${path.text} has ${value.length} items, and an expression looks at no more than ${expressionLimits.list}`,
      )
    return value.map((item) => converted(item, path, budget, depth + 1))
  }
  const map = new Map<string, unknown>()
  for (const key of Object.keys(value)) map.set(key, converted(value[key] as Json, path, budget, depth + 1))
  return map
}

/** What the library yields, as JSON: whole numbers as numbers, maps as objects. */
export function plainJson(value: unknown, depth: number): Json {
  if (depth > 100) throw new Stop('the result is nested more than 100 deep')
  if (value === null || typeof value === 'boolean' || typeof value === 'string' || typeof value === 'number')
    return value
  if (typeof value === 'bigint') {
    if (Number.isSafeInteger(Number(value))) return Number(value)
    throw new Stop(`${value} is too large a whole number; use string(…)`)
  }
  if (value instanceof LargeValue) return LargeValue.referenceOf(value)
  if (Array.isArray(value)) return value.map((item) => plainJson(item, depth + 1))
  if (typeof value !== 'object') throw new Stop('the result is no JSON value')
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  const object = Object.fromEntries(entries.map(([key, item]) => [String(key), plainJson(item, depth + 1)]))
  // Our own references are large values here: this one was written in the expression.
  if (isBlobRef(object)) throw new Stop(LOOKS_LIKE_A_REFERENCE)
  return object
}

/** The first large value that lies in what a path names, and where. */
export function largeIn(value: Value | undefined, text: string, depth = 0): { text: string; value: BlobRef } | null {
  if (isBlobRef(value)) return { text, value }
  if (typeof value !== 'object' || value === null || depth > 3) return null
  for (const [key, item] of Object.entries(value)) {
    const found = largeIn(item, pathText(text, [Array.isArray(value) ? Number(key) : key]), depth + 1)
    if (found !== null) return found
  }
  return null
}

export const largeReason = (text: string, { bytes }: BlobRef): string =>
  `${text} is a large value (${bytes} bytes), held by reference: it can be passed on as it is (=${text}), but not looked into. Let whoever makes it give what is asked for in a small field of its own (output_schema)`

/** Names the path and, where it is known, why nothing is there: `agreement` has `agreement_reason` beside it. */
export function missingReason(found: Found, lookup: Lookup): string {
  const { path, value, parent, top } = found
  if (isBlobRef(value)) return largeReason(path.text, value)
  if (top === undefined) return `${path.root} is not in scope`
  if (isBlobRef(found.stopped)) return largeReason(found.stoppedText, found.stopped)
  if (found.stopped === null && value === undefined) return `${found.stoppedText} is null, so there is no ${path.text}`
  const what = value === null ? 'null' : 'absent'
  const last = path.members.at(-1)
  const sibling =
    last === undefined
      ? lookup(`${path.root}_reason`)
      : isObject(parent) && Object.hasOwn(parent, `${last}_reason`)
        ? (parent as JsonObject)[`${last}_reason`]
        : undefined
  if (typeof sibling === 'string' && sibling !== '') return `${path.text} is ${what}: ${excerpt(sibling)}`
  const status = isObject(top) ? (top as JsonObject).status : undefined
  return `${path.text} is ${what}${path.members.length > 0 && (status === 'skipped' || status === 'failed') ? `: ${path.root} ${status === 'failed' ? 'failed' : 'was skipped'}` : ''}`
}

type JsonObject = { [key: string]: Json }
const isObject = (value: Value | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !isBlobRef(value)

/** A value for the record: whole when it is small, else what it is. */
export function shortened(value: Value | undefined): Json {
  if (value === undefined || value === null || typeof value === 'boolean' || typeof value === 'number')
    return value ?? null
  if (typeof value === 'string') return excerpt(value)
  if (isBlobRef(value)) return `a value of ${value.bytes} bytes`
  const size = Array.isArray(value) ? value.length : Object.keys(value).length
  const text = size <= 10 ? JSON.stringify(value) : ''
  return text !== '' && text.length <= 120
    ? value
    : Array.isArray(value)
      ? `a list of ${size}`
      : `an object of ${size} fields`
}
