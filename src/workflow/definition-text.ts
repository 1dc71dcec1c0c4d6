/** A definition as people read it: YAML, in the order in which one would write it. Reading it back gives the same. */
import { stringify } from 'yaml'
import type { Definition } from './definition.ts'
import type { Json } from './value.ts'

/** What comes first, in this order; all else follows by name. Long parts come last. */
const first = [
  'apiVersion',
  'name',
  'id',
  'kind',
  'title',
  'description',
  'goal',
  'type',
  'needs',
  'join',
  'agent',
  'capability',
  'question',
  'instructions',
  'when',
  'input',
  'inputs',
  'budget',
]
const last = ['tasks', 'stages', 'feedback', 'success', 'output', 'on_failure']
/** Names in these are the author's own: they keep their order. */
const open = new Set(['input', 'inputs', 'show', 'output_schema', 'default', 'output'])

export const definitionText = (definition: Definition): string =>
  stringify(ordered(definition as unknown as Json), { aliasDuplicateObjects: false, lineWidth: 100 })

const rank = (name: string): number => {
  const early = first.indexOf(name)
  if (early >= 0) return early - first.length
  return last.indexOf(name) + 1
}

function ordered(value: Json): Json {
  if (Array.isArray(value)) return value.map(ordered)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map(([name, item]) => [name, open.has(name) ? item : ordered(item)]),
  )
}
