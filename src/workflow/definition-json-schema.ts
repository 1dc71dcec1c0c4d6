/** The published JSON Schema of definitions (draft 2020-12), made from the schema that checks them. */
import { z } from 'zod'
import { definitionSchema } from './definition.ts'
import type { Json } from './value.ts'

/** Identifies the schema without pretending that anything can be fetched there. */
export const DEFINITION_SCHEMA_ID = 'urn:quorate:definition:v1'

type Schema = { [key: string]: Json }

let made: Schema | null = null

/** Under `$defs`: `stage` (any kind), one `<kind>_stage` for each kind, and `json` (any JSON value). */
export function definitionJsonSchema(): Schema {
  made ??= build()
  return made
}

function build(): Schema {
  const { $schema, $defs, ...rest } = z.toJSONSchema(definitionSchema, { io: 'input', cycles: 'ref' }) as Schema
  const properties = rest.properties as { stages: { items: { $ref: string } }; output: { $ref: string } }
  const names = new Map([
    [properties.stages.items.$ref, '#/$defs/stage'],
    [properties.output.$ref, '#/$defs/json'],
  ])
  const named: Schema = {}
  for (const [name, schema] of Object.entries($defs as Schema)) {
    const target = names.get(`#/$defs/${name}`)
    if (target === undefined) throw new Error(`the definition's schema refers to itself at a new place: ${name}`)
    named[target.slice('#/$defs/'.length)] = schema
  }
  const kinds = (named.stage as { oneOf: Schema[] }).oneOf
  named.stage = { oneOf: kinds.map((kind) => ({ $ref: `#/$defs/${nameOf(kind)}` })) }
  for (const kind of kinds) named[nameOf(kind)] = kind
  return renamed(
    {
      $schema: $schema as Json,
      $id: DEFINITION_SCHEMA_ID,
      title: 'Quorate definition',
      description: 'What a run executes: stages, decisions, loops, budgets, success criteria.',
      ...rest,
      $defs: named,
    },
    names,
  ) as Schema
}

const nameOf = (kind: Schema): string => `${(kind.properties as { kind: { const: string } }).kind.const}_stage`

function renamed(value: Json, names: Map<string, string>): Json {
  if (Array.isArray(value)) return value.map((item) => renamed(item, names))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === '$ref' && typeof item === 'string' ? (names.get(item) ?? item) : renamed(item, names),
    ]),
  )
}
