/**
 * What is known of the output of a stage before it has run: the JSON Schema that its tasks have to satisfy. Only what a
 * schema says plainly is used (`type`, `properties`, `items`, `enum`, `const`); where it says it otherwise, nothing is known.
 */
import type { Stage } from '../definition.ts'
import type { Json } from '../value.ts'
import { suggestion } from './nearest.ts'
import { declared } from './result-types.ts'

type Schema = { [keyword: string]: Json }
type Members = readonly (string | number)[]

/** What a path into an output leads to; null where nothing is known. A `mistake` cannot be right, a `doubt` may be. */
export type OutputType =
  | { schema: Schema }
  | { mistake: string; remedy: () => string }
  | { doubt: string; remedy: () => string }
  | null

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Keywords by which a schema says more than its own type and properties. */
const indirect = [
  '$ref',
  '$dynamicRef',
  'anyOf',
  'oneOf',
  'allOf',
  'not',
  'if',
  'patternProperties',
  'dependentSchemas',
]

/** @param members the path from the result of the stage on: `output`, `points` */
export function outputType(stage: Stage, members: Members, text: string): OutputType {
  if (stage.kind !== 'tasks' || members.length === 0) return null
  const [field, first] = members
  // Of several tasks the output is theirs by id, as in `outputs`.
  const byTask = field === 'outputs' || (field === 'output' && stage.tasks.length > 1)
  if (!byTask && field !== 'output') return null
  const task = byTask ? stage.tasks.find(({ id }) => id === first) : stage.tasks[0]
  if (!isObject(task?.output_schema)) return null
  return within(task.output_schema, members.slice(byTask ? 2 : 1), text)
}

function within(schema: Schema, members: Members, text: string): OutputType {
  let at = schema
  for (const member of members) {
    if (indirect.some((keyword) => keyword in at)) return null
    const types = [at['type'] ?? []].flat()
    if (types.length > 0 && !types.includes(typeof member === 'number' ? 'array' : 'object'))
      return {
        mistake: `${text} is nothing: by its output_schema there is ${typeof member === 'number' ? 'no list' : 'no object'} to read ${JSON.stringify(member)} of`,
        remedy: () => 'Read the value itself, or change the output_schema.',
      }
    const next = typeof member === 'number' ? at['items'] : field(at, member, text)
    if (next !== null && typeof next === 'object' && ('mistake' in next || 'doubt' in next)) return next as OutputType
    if (!isObject(next)) return null
    at = next
  }
  return indirect.some((keyword) => keyword in at) ? null : { schema: at }
}

function field(schema: Schema, name: string, text: string): Json | OutputType {
  const properties = schema['properties']
  if (!isObject(properties)) return null
  if (Object.hasOwn(properties, name)) return properties[name] ?? null
  if (isObject(schema['additionalProperties'])) return null
  const remedy = (): string => suggestion(name, Object.keys(properties), 'field of the output_schema')
  return schema['additionalProperties'] === false
    ? { mistake: `${text} is nothing: the output_schema has no "${name}"`, remedy }
    : { doubt: `no output_schema speaks of ${text}`, remedy }
}

/** The variable that stands for a value of this schema when types are checked. */
export function declaredAs(schema: Schema): string {
  const types = [schema['type'] ?? []].flat().filter((type) => type !== 'null')
  const type = types.length === 1 ? types[0] : textsOf(schema) ? 'string' : undefined
  switch (type) {
    case 'integer':
    case 'number':
      return declared.number
    case 'string':
      return declared.text
    case 'boolean':
      return declared.boolean
    case 'array':
      return declared.list
    case 'object':
      return declared.map
    default:
      return declared.any
  }
}

/** All texts that a value can be, where the schema lists them. */
export function textsOf(schema: Schema): readonly string[] | null {
  const listed = Array.isArray(schema['enum']) ? schema['enum'] : 'const' in schema ? [schema['const'] ?? null] : []
  const texts = listed.filter((one) => typeof one === 'string')
  return texts.length > 0 && texts.length === listed.length ? texts : null
}
