/**
 * Evaluating CEL expressions over what a stage can see.
 *
 * A comparison or calculation with null or with something absent has no value: a condition is then null, and the
 * reason names the path. This holds for `==` and `!=` too, unless `null` is written there (`x == null` asks for it):
 * with nothing measured, `agreement != 1.0` must not be taken for true. What is absent counts as null there.
 * `||` and `&&` do without a side they do not need.
 */
import { excerpt, fail, ok, type Result } from '../failure.ts'
import { instrument, type Meter, Stop, UnknownOperand, WORK } from './expression-bounds.ts'
import { type Expression, errorStart, friendly, readExpression, remember } from './expression-syntax.ts'
import {
  contextOf,
  type Found,
  type Lookup,
  largeIn,
  largeReason,
  missingReason,
  plainJson,
  type Reading,
  read,
  resolve,
  shortened,
} from './expression-values.ts'
import { isBlobRef, type Json, LOOKS_LIKE_A_REFERENCE, type Value } from './value.ts'

export type { Lookup } from './expression-values.ts'

export type Evaluated = { value: boolean | null; reason: string; values: { [name: string]: Json } }

/**
 * A condition: true, false, or null (a value it needs is null or absent, or it is no boolean) with the reason; never
 * throws. `values` are the member paths that it read, shortened, for the record.
 */
export function evaluateCondition(text: string, lookup: Lookup): Evaluated {
  const values: { [name: string]: Json } = {}
  const prepared = prepare(text)
  if (!prepared.ok) return { value: null, reason: `the condition cannot be read: ${prepared.failure.message}`, values }
  const { expression } = prepared.value
  const reading = read(expression, lookup)
  for (const found of reading) values[found.path.text] = shortened(found.value)
  const result = run(prepared.value, reading, lookup)
  if (!result.ok) return { value: null, reason: result.failure.message, values }
  if (typeof result.value === 'boolean')
    return { value: result.value, reason: `${excerpt(text)} is ${result.value}`, values }
  const what = result.value === null ? 'null' : isBlobRef(result.value) ? 'a large value' : yielded(result.value)
  const found = reading[0]
  const cause =
    result.value === null && expression.plain && found
      ? missingReason(found, lookup)
      : `the condition yields ${what}, not true or false`
  return { value: null, reason: cause, values }
}

const yielded = (value: Json): string =>
  Array.isArray(value) ? 'a list' : typeof value === 'object' ? 'an object' : `a ${typeof value}`

/**
 * A binding: strings beginning with `=` are expressions (`==x` is the literal `=x`), inside arrays and objects too;
 * everything else is literal. A reference to a large value is passed on untouched, also by `? :` and within lists and
 * objects; calculating with one is a failure that says so.
 */
export function evaluateBinding(binding: Json, lookup: Lookup): Result<Value> {
  return bound(binding, lookup, 0)
}

function bound(binding: Json, lookup: Lookup, depth: number): Result<Value> {
  if (depth > 100) return fail('too_large', 'a binding is nested more than 100 deep', { remedy: 'Make it flatter.' })
  if (typeof binding === 'string') {
    if (!binding.startsWith('=')) return ok(binding)
    return binding.startsWith('==') ? ok(binding.slice(1)) : evaluated(binding.slice(1), lookup)
  }
  if (Array.isArray(binding)) {
    const items: Json[] = []
    for (const item of binding) {
      const result = bound(item, lookup, depth + 1)
      if (!result.ok) return result
      items.push(result.value as Json)
    }
    return ok(items)
  }
  if (typeof binding !== 'object' || binding === null) return ok(binding)
  const entries: [string, Json][] = []
  for (const [key, item] of Object.entries(binding)) {
    const result = bound(item, lookup, depth + 1)
    if (!result.ok) return result
    entries.push([key, result.value as Json])
  }
  const object = Object.fromEntries(entries)
  return isBlobRef(object) ? refuse(JSON.stringify(object), LOOKS_LIKE_A_REFERENCE) : ok(object)
}

function evaluated(text: string, lookup: Lookup): Result<Value> {
  const prepared = prepare(text)
  if (!prepared.ok) return prepared
  const { plain } = prepared.value.expression
  if (plain) {
    const found = resolve(plain, lookup(plain.root))
    return found.value === undefined ? refuse(text, missingReason(found, lookup)) : ok(found.value)
  }
  return run(prepared.value, read(prepared.value.expression, lookup), lookup)
}

/** An expression that is ready to run again and again, with a meter for its cost. */
type Prepared = { expression: Expression; meter: Meter }

const preparedCache = new Map<string, Result<Prepared>>()

function prepare(text: string): Result<Prepared> {
  const known = preparedCache.get(text)
  if (known) return known
  const result = prepareNew(text)
  remember(preparedCache, text, result)
  return result
}

function prepareNew(text: string): Result<Prepared> {
  const read = readExpression(text)
  if (!read.ok) return read
  const checked = read.value.check()
  if (!checked.valid)
    return fail('invalid_input', friendly(checked.error, text), {
      value: excerpt(text),
      column: errorStart(checked.error) + 1,
      remedy: 'Correct the expression.',
    })
  const meter = { left: WORK }
  instrument(read.value.root, meter, new Set())
  return ok({ expression: read.value, meter })
}

function run({ expression, meter }: Prepared, reading: Reading, lookup: Lookup): Result<Json> {
  meter.left = WORK
  try {
    return ok(plainJson(expression.run(contextOf(reading)), 0))
  } catch (error) {
    return refuse(expression.text, reasonFor(error, expression, reading, lookup))
  }
}

const refuse = (text: string, message: string): Result<never> =>
  fail('invalid_input', message, {
    value: excerpt(text),
    remedy: 'Change the expression, or guard it with has(…) or a comparison with null.',
  })

/** Why an evaluation has no value: the null, absent or large values in the part that failed come first. */
function reasonFor(error: unknown, expression: Expression, reading: Reading, lookup: Lookup): string {
  const range = (error as { range?: { start: number; end: number } }).range
  const inside = range ? reading.filter(({ path }) => path.start < range.end && path.end > range.start) : []
  const missing = (found: Found) => found.value === undefined || found.value === null
  const cause = inside.find(missing) ?? inside.find(({ value }) => isBlobRef(value))
  const unknown = error instanceof UnknownOperand
  if (error instanceof Stop && !unknown) return error.message
  if (cause) return missingReason(cause, lookup)
  const said = unknown ? error.message : friendly(error, expression.text)
  // Within a macro the part that failed reads a variable alone: what it stands for is read elsewhere.
  const suspects = /large ?value/i.test(said) ? [...inside, ...reading] : inside
  for (const { path, value } of suspects) {
    const large = largeIn(value, path.text)
    if (large) return largeReason(large.text, large.value)
  }
  return said
}

const parsedCache = new Map<string, Result<{ text: string; roots: string[]; paths: string[] }>>()

/** Parses (cached, bounded cache); failure with column in the expression. */
export function parseExpression(text: string): Result<{ text: string; roots: string[]; paths: string[] }> {
  const known = parsedCache.get(text)
  if (known) return known
  const read = readExpression(text)
  const result: Result<{ text: string; roots: string[]; paths: string[] }> = read.ok
    ? ok({ text, roots: read.value.roots, paths: [...new Set(read.value.paths.map((path) => path.text))] })
    : read
  remember(parsedCache, text, result)
  return result
}
