/**
 * JSON Schema → what node-llama-cpp 3.22 can enforce while the model writes. Read from its types and generator
 * (`dist/utils/gbnfJson`), version 3.22.1:
 *
 * Enforced: `type` (also a list), `const` and `enum` of scalars, `oneOf`, `properties`, `additionalProperties`,
 * `minProperties`/`maxProperties` (only beside `additionalProperties`), `items`, `prefixItems`, `minItems`, `maxItems`,
 * `minLength`, `maxLength`, `format` (date-time, time, date), `$defs` with `$ref: '#/$defs/NAME'`, also recursive.
 *
 * Brought into that form here: `anyOf` → `oneOf`; `definitions` → `$defs`; `allOf` of one; `const`/`enum` of objects and
 * arrays; `minimum`/`maximum`/`exclusive…`/`multipleOf` of an integer with at most 512 values → `enum`.
 *
 * Not enforced, only checked on the whole answer: `pattern`, other `format`s, bounds of `number` and of wide integers,
 * `uniqueItems`, `contains`, `not`, `if`, `allOf` of several, `patternProperties`, `propertyNames`, `dependent…`,
 * `minLength`/`maxLength`/`minItems`/`maxItems` above 1000 (llama.cpp refuses longer repetitions).
 *
 * Different from JSON Schema: every property is written, in the order of `properties`, whether `required` or not (make
 * it nullable if the model shall be able to leave it out), and no other property unless `additionalProperties` says so.
 *
 * Alternatives cost time with each token: a short answer of SmolLM2 took 0.4 s as a free `number`, 1.2 s as one of 512
 * integers, 17 s as one of 3,000 strings (a busy machine, once each).
 */
import type { Json } from '../../../workflow/value.ts'

type Schema = { [key: string]: Json }

const DEPTH_LIMIT = 64
/** llama.cpp refuses when rules × repetitions exceed 2,000; an item with its comma is two rules. */
const REPETITION_LIMIT = 1000
const INTEGER_VALUES = 512
const FORMATS = ['date-time', 'time', 'date']

const ANY: Schema = {
  oneOf: [
    { type: ['string', 'number', 'boolean', 'null'] },
    { type: 'array' },
    { type: 'object', additionalProperties: true },
  ],
}

/** Throws when the schema is nested deeper than 64. */
export function grammarSchema(schema: Schema): Schema {
  const defs = { ...asObject(schema.definitions), ...asObject(schema.$defs) }
  const converted = convert(schema, 0)
  if (Object.keys(defs).length === 0) return converted
  const $defs = mapValues(defs, (value) => convert(value, 1))
  // Definitions are read from objects, arrays, refs and unions only; a root of another kind cannot refer to any.
  return { ...converted, $defs }
}

function convert(schema: Json | undefined, depth: number): Schema {
  if (depth > DEPTH_LIMIT) throw new Error(`nested deeper than ${DEPTH_LIMIT}`)
  if (!isObject(schema)) return ANY
  if (typeof schema.$ref === 'string') return reference(schema.$ref)
  if ('const' in schema) return literal(schema.const ?? null)
  if (Array.isArray(schema.enum)) return union(schema.enum.map(literal))
  const union_of = schema.oneOf ?? schema.anyOf
  if (Array.isArray(union_of)) return union(union_of.map((option) => convert(option, depth + 1)))
  if (Array.isArray(schema.allOf) && schema.allOf.length === 1 && schema.properties === undefined) {
    return convert(schema.allOf[0], depth + 1)
  }
  const types = Array.isArray(schema.type) ? schema.type : [schema.type ?? implied(schema)]
  return union(types.map((type) => ofType(type, schema, depth)))
}

function implied(schema: Schema): Json {
  if (schema.properties !== undefined || schema.additionalProperties !== undefined) return 'object'
  if (schema.items !== undefined || schema.prefixItems !== undefined) return 'array'
  if (schema.minLength !== undefined || schema.maxLength !== undefined || schema.pattern !== undefined) return 'string'
  return null
}

function ofType(type: Json, schema: Schema, depth: number): Schema {
  switch (type) {
    case 'object':
      return objectSchema(schema, depth)
    case 'array':
      return arraySchema(schema, depth)
    case 'string':
      if (FORMATS.includes(String(schema.format))) return { type, format: schema.format ?? null }
      return { type, ...repetition(schema, 'minLength', 'maxLength') }
    case 'integer':
      return integerRange(schema) ?? { type }
    case 'number':
    case 'boolean':
    case 'null':
      return { type }
    default:
      return ANY
  }
}

function objectSchema(schema: Schema, depth: number): Schema {
  const properties = mapValues(asObject(schema.properties), (value) => convert(value, depth + 1))
  for (const name of Array.isArray(schema.required) ? schema.required : []) {
    if (typeof name === 'string') properties[name] ??= ANY
  }
  const more = schema.additionalProperties
  // A JSON Schema without properties means any object; one with properties is meant to list them.
  const open = more === undefined ? Object.keys(properties).length === 0 : more
  const result: Schema = { type: 'object', properties }
  if (open === false) return result
  const bounds = repetition(schema, 'minProperties', 'maxProperties')
  return { ...result, ...bounds, additionalProperties: open === true ? true : convert(open, depth + 1) }
}

function arraySchema(schema: Schema, depth: number): Schema {
  const result: Schema = { type: 'array', ...repetition(schema, 'minItems', 'maxItems') }
  if (Array.isArray(schema.prefixItems)) {
    const prefix = schema.prefixItems
    result.prefixItems = prefix.map((item) => convert(item, depth + 1))
    if (schema.items === false) result.maxItems = prefix.length
  }
  if (isObject(schema.items)) result.items = convert(schema.items, depth + 1)
  return result
}

function repetition(schema: Schema, least: string, most: string): Schema {
  const result: Schema = {}
  for (const key of [least, most]) {
    const value = schema[key]
    if (typeof value === 'number' && value >= 0 && value <= REPETITION_LIMIT) result[key] = Math.floor(value)
  }
  return result
}

function integerRange(schema: Schema): Schema | null {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const low = Math.max(
    typeof minimum === 'number' ? Math.ceil(minimum) : -Infinity,
    typeof exclusiveMinimum === 'number' ? Math.floor(exclusiveMinimum) + 1 : -Infinity,
  )
  const high = Math.min(
    typeof maximum === 'number' ? Math.floor(maximum) : Infinity,
    typeof exclusiveMaximum === 'number' ? Math.ceil(exclusiveMaximum) - 1 : Infinity,
  )
  if (!Number.isFinite(high - low) || high < low || high - low >= INTEGER_VALUES) return null
  const step = typeof multipleOf === 'number' && multipleOf > 0 ? multipleOf : 1
  const values = Array.from({ length: high - low + 1 }, (_, i) => low + i).filter((value) => value % step === 0)
  return values.length > 0 ? { enum: values } : null
}

function literal(value: Json): Schema {
  if (Array.isArray(value)) {
    return { type: 'array', prefixItems: value.map(literal), minItems: value.length, maxItems: value.length }
  }
  if (isObject(value)) return { type: 'object', properties: mapValues(value, literal) }
  return { const: value }
}

/** Scalars together become one `enum`, which makes the shorter grammar. */
function union(options: Schema[]): Schema {
  if (options.length === 1 && options[0]) return options[0]
  const constants = options.map((option) => option.const)
  if (constants.every((value) => value !== undefined)) return { enum: constants }
  return { oneOf: options }
}

function reference($ref: string): Schema {
  const name = /^#\/(?:\$defs|definitions)\/([^/]+)$/.exec($ref)?.[1]
  return name === undefined ? ANY : { $ref: `#/$defs/${name}` }
}

const isObject = (value: Json | undefined): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const asObject = (value: Json | undefined): Schema => (isObject(value) ? value : {})
const mapValues = (object: Schema, map: (value: Json) => Schema): Schema =>
  Object.fromEntries(Object.entries(object).map(([key, value]) => [key, map(value)]))
