/**
 * One input out of path, query and body. Path and query are text, so numbers, booleans and lists in them are read by
 * the operation's schema; a body says itself what it means and is taken as it is. A field may come from one place only.
 */
import { z } from 'zod'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { Operation } from '../operations/operation.ts'
import type { Json } from '../workflow/value.ts'
import { oddText, parseJson } from './parse-json.ts'
import { bodyKind, readBody } from './read-body.ts'

export type InputLimits = { body_bytes: number; json_depth: number }

/** Names that the door itself understands in a query, whatever the operation. */
const doorParameters = new Set(['stream'])

/** JSON types that each field of an operation's input allows; how text is read follows from it. */
export type FieldTypes = Map<string, Set<string>>

export function fieldTypes(operation: Operation): FieldTypes {
  const schema = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  return new Map(Object.entries(schema.properties ?? {}).map(([name, property]) => [name, typesOf(property)]))
}

type JsonSchema = { type?: string; anyOf?: JsonSchema[]; properties?: Record<string, JsonSchema> }

function typesOf(schema: JsonSchema): Set<string> {
  if (schema.anyOf !== undefined) return new Set(schema.anyOf.flatMap((each) => [...typesOf(each)]))
  return new Set(schema.type === undefined ? [] : [schema.type])
}

export async function readInput(
  operation: Operation,
  types: FieldTypes,
  request: Request,
  path: Record<string, string>,
  limits: InputLimits,
): Promise<Result<Record<string, unknown>>> {
  const fields: [string, unknown][] = []
  for (const [name, text] of Object.entries(path)) {
    const read = readText(name, [text], types)
    if (!read.ok) return read
    fields.push([name, read.value])
  }
  const query = readPairs(new URL(request.url).searchParams, types)
  if (!query.ok) return query
  fields.push(...query.value.filter(([name]) => !doorParameters.has(name)))
  if (operation.method !== 'GET') {
    const body = await readFields(operation, types, request, limits)
    if (!body.ok) return body
    fields.push(...body.value)
  }
  const input = Object.fromEntries(fields)
  if (Object.keys(input).length === fields.length) return ok(input)
  const twice = fields.find(([name], i) => fields.findIndex(([other]) => other === name) < i)?.[0] ?? ''
  return fail('invalid_input', `${excerpt(twice)} is given twice: in the address and in the body`, {
    field: excerpt(twice),
    remedy: 'give it once',
  })
}

async function readFields(
  operation: Operation,
  types: FieldTypes,
  request: Request,
  limits: InputLimits,
): Promise<Result<[string, unknown][]>> {
  const text = await readBody(request, limits.body_bytes)
  if (!text.ok) return text
  if (text.value.trim() === '') return ok([])
  const kind = bodyKind(request.headers.get('content-type'))
  if (!kind.ok) return kind
  if (kind.value === 'yaml') {
    if (!types.has('definition')) return { ok: false, failure: notYaml(operation) }
    const odd = oddText(text.value)
    if (odd !== null)
      return fail('invalid_input', `the definition ${odd}`, {
        field: 'definition',
        remedy: 'send well-formed Unicode without NUL',
      })
    return ok([['definition', text.value]])
  }
  if (kind.value === 'form' && !/^\s*[[{"]/.test(text.value)) return readPairs(new URLSearchParams(text.value), types)
  const json = parseJson(text.value, { depth: limits.json_depth })
  if (!json.ok) return json
  if (!isObject(json.value)) {
    return fail('invalid_input', 'the body is not an object', {
      field: 'body',
      value: excerpt(json.value),
      remedy: 'send an object: {"field": value}',
    })
  }
  return ok(Object.entries(json.value))
}

const isObject = (value: Json): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const notYaml = (operation: Operation): Failure => ({
  kind: 'unsupported',
  message: `${operation.name} takes no definition, so it takes no YAML`,
  field: 'content-type',
  remedy: 'send application/json',
})

function readPairs(pairs: URLSearchParams, types: FieldTypes): Result<[string, unknown][]> {
  const fields: [string, unknown][] = []
  for (const name of new Set(pairs.keys())) {
    const read = readText(name, pairs.getAll(name), types)
    if (!read.ok) return read
    fields.push([name, read.value])
  }
  return ok(fields)
}

/** `limit=5` is a number where a number is wanted; `status=a,b` and `status=a&status=b` are lists where a list is. */
function readText(name: string, texts: string[], types: FieldTypes): Result<unknown> {
  const shown = excerpt(name, 80)
  const odd = [name, ...texts].map(oddText).find((reason) => reason !== null)
  if (odd !== undefined)
    return fail('invalid_input', `${shown.replaceAll('\0', '')} ${odd}`, {
      remedy: 'send well-formed Unicode without NUL',
    })
  const wanted = types.get(name)
  if (wanted?.has('array')) return ok(texts.flatMap((text) => text.split(',')).filter((text) => text !== ''))
  const [text, ...more] = texts
  if (text === undefined || more.length > 0)
    return fail('invalid_input', `${shown} is given ${texts.length} times`, { field: shown, remedy: 'give it once' })
  if (wanted === undefined || wanted.has('string')) return ok(text)
  if ((wanted.has('integer') || wanted.has('number')) && /^-?\d{1,15}(\.\d{1,15})?$/.test(text)) return ok(Number(text))
  if (wanted.has('boolean') && (text === 'true' || text === '1')) return ok(true)
  if (wanted.has('boolean') && (text === 'false' || text === '0')) return ok(false)
  return ok(text)
}
