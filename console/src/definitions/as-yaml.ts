/** A stored definition as people write it. It is stored as canonical JSON, whose keys stand in the order of the alphabet. */
import { isScalar, stringify } from 'yaml'

const order = [
  'apiVersion',
  'id',
  'name',
  'kind',
  'title',
  'description',
  'goal',
  'inputs',
  'budget',
  'needs',
  'join',
  'agent',
  'capability',
  'question',
  'cases',
  'when',
  'then',
  'otherwise',
  'items',
  'max',
  'until',
  'instructions',
  'input',
  'stages',
  'tasks',
]

const rank = (key: unknown): number => {
  const at = order.indexOf(String(isScalar(key) ? key.value : key))
  return at === -1 ? order.length : at
}

export const asYaml = (definition: unknown): string =>
  stringify(definition, { lineWidth: 110, sortMapEntries: (a, b) => rank(a.key) - rank(b.key) })
