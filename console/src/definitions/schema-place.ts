/** What the definition's JSON Schema (draft 2020-12, as far as definitions use it) says of a place. */
import { isMap } from 'yaml'
import type { Level } from './text-place.ts'

export type Schema = {
  $ref?: string
  $defs?: Record<string, Schema>
  type?: string
  description?: string
  const?: unknown
  enum?: unknown[]
  examples?: unknown[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  properties?: Record<string, Schema>
  required?: string[]
  additionalProperties?: Schema | boolean
  items?: Schema
  minimum?: number
  maximum?: number
}

/** Every form that the value at the end of the levels may have, without references and alternatives. */
export function schemasAt(root: Schema, levels: readonly Level[], last?: Level['in']): Schema[] {
  let now = forms(root, root, levels[0]?.in ?? last)
  for (const [at, { key }] of levels.entries())
    now = now
      .flatMap((schema) => below(schema, key))
      .flatMap((schema) => forms(root, schema, levels[at + 1]?.in ?? last))
  return now
}

function below(schema: Schema, key: string | number): Schema[] {
  if (typeof key === 'number') return schema.items ? [schema.items] : []
  // The text names the key: what every object has by nature is no property of the schema.
  const named = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : undefined
  if (named) return [named]
  return typeof schema.additionalProperties === 'object' ? [schema.additionalProperties] : []
}

/** Where what is written settles which alternative is meant (`kind: vote`), the others fall away. */
function forms(root: Schema, schema: Schema, node: Level['in'] | undefined): Schema[] {
  const plain = alternatives(root, schema)
  const meant = plain.filter((one) =>
    Object.entries(one.properties ?? {}).every(([name, { const: wanted }]) => {
      const written = wanted === undefined || !isMap(node) ? undefined : node.get(name)
      return typeof written !== 'string' || written === wanted
    }),
  )
  return meant.length > 0 ? meant : plain
}

/** The forms of a schema that has no place yet. */
export function alternatives(root: Schema, schema: Schema): Schema[] {
  const said = schema.description === undefined ? {} : { description: schema.description }
  const named = schema.$ref?.startsWith('#/$defs/') ? root.$defs?.[schema.$ref.slice('#/$defs/'.length)] : undefined
  const list = named ? [named] : (schema.anyOf ?? schema.oneOf)
  if (list === undefined) return [schema]
  return list.flatMap((one) => alternatives(root, one)).map((one) => ({ ...one, ...said }))
}

export type Key = { name: string; required: boolean; schemas: Schema[] }

/** The keys that a map of these forms may have, in the order of the schema. */
export function keysOf(root: Schema, schemas: readonly Schema[]): Key[] {
  const keys = new Map<string, Key>()
  for (const { properties = {}, required = [] } of schemas)
    for (const [name, schema] of Object.entries(properties)) {
      const key = keys.get(name) ?? { name, required: true, schemas: [] }
      key.required &&= required.includes(name)
      key.schemas.push(...alternatives(root, schema))
      keys.set(name, key)
    }
  return [...keys.values()]
}

/** The values that a schema names; of a boolean both. */
export const valuesOf = (schemas: readonly Schema[]): string[] => [
  ...new Set(
    schemas.flatMap((schema) => {
      if (schema.const !== undefined) return [String(schema.const)]
      if (schema.enum) return schema.enum.map(String)
      return schema.type === 'boolean' ? ['true', 'false'] : (schema.examples ?? []).map(String)
    }),
  ),
]

/** In a word or two: what is written there. */
export function formOf(schemas: readonly Schema[]): string {
  const words = schemas.map(({ type, enum: values, const: one, minimum, maximum }) => {
    if (values !== undefined || one !== undefined) return 'choice'
    if (type === undefined) return 'any value'
    const least = minimum ?? Number.MIN_SAFE_INTEGER
    const most = maximum ?? Number.MAX_SAFE_INTEGER
    if ((type === 'integer' || type === 'number') && most < 1e9) return `${least} to ${most}`
    return { string: 'text', array: 'list', object: 'map', integer: 'number' }[type] ?? type
  })
  return new Set(words).size > 4 ? 'any value' : [...new Set(words)].join(' or ')
}

/** What the schema says of it, for a person to read. */
export function wordsOf(schemas: readonly Schema[]): string {
  const said = [...new Set(schemas.flatMap(({ description }) => description ?? []))]
  const values = schemas.some((one) => one.enum ?? one.const) ? valuesOf(schemas) : []
  return [...said, ...(values.length > 0 ? [`One of: ${values.join(', ')}`] : [])].join('\n')
}
