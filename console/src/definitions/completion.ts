/**
 * What may be written at a place in the text of a definition: keys, values, names of agents, stages and inputs, whole
 * stages. Pure; from the published JSON Schema, so what a new version of the program knows is offered without a change here.
 */
import { isMap, isScalar } from 'yaml'
import type { StageKind } from '../../../src/workflow/definition.ts'
import { alternatives, formOf, keysOf, type Schema, schemasAt, valuesOf, wordsOf } from './schema-place.ts'
import { sampleFor, samples } from './stage-samples.ts'
import { keyAt, type Place, placeAt, stagesAround } from './text-place.ts'

export type Known = { schema: Schema; agents: readonly { name: string; capabilities: readonly string[] }[] }

export type Choice = {
  label: string
  /** Text with `${name}` where something is to be filled in; absent when the label is the text. */
  template?: string
  detail?: string
  info?: string
  kind: 'key' | 'value' | 'stage' | 'name'
  /** Once it is in, there is a choice to make for its value. */
  goesOn?: boolean
  /** Offered before the others. */
  first?: boolean
}
export type Choices = { from: number; to: number; choices: Choice[] }

const figures = ['n', 'succeeded', 'failed', 'agreement', 'agreement_reason', 'tokens', 'duration_ms']
/** What the result of a stage has, by its kind, and what a run has, as expressions see them. */
export const resultFields: { [K in StageKind]: readonly string[] } = {
  tasks: ['status', 'output', 'outputs', ...figures],
  vote: ['status', 'output', 'winner', 'shares', ...figures],
  decide: ['status', 'output'],
  loop: ['status', 'output', 'iteration'],
  for_each: ['status', 'output', 'outputs', ...figures],
  timer: ['status'],
  wait: ['status', 'output'],
  approval: ['status', 'output', 'decision'],
  run: ['status', 'output'],
}
export const runFields: readonly string[] = [
  ...['elapsed_ms', 'tokens', 'calls', 'tasks_done', 'tasks_failed', 'stages_failed'],
  ...['calls_left', 'tokens_left', 'money_left'],
]

const conditions = new Set(['when', 'until'])
const agentKeys = new Set(['agent', 'fallback', 'voters'])
const goals = new Set(['then', 'otherwise'])

export function choicesAt(text: string, offset: number, known: Known): Choices | null {
  const place = placeAt(text, offset)
  if (place === null) return null
  const { schema } = known
  const here = schemasAt(schema, place.levels)
  const field = fieldOf(place)
  if (place.at === 'value' && (conditions.has(field) || place.before.startsWith('='))) return inExpression(place)
  if (place.before !== '') return null
  const choices = place.at === 'key' ? keyChoices(place, known) : valueChoices(place, here, field, known)
  return choices.length === 0 ? null : { from: place.from, to: place.to, choices }
}

/** What the schema says of the key at the offset. */
export function wordsAt(
  text: string,
  offset: number,
  schema: Schema,
): { from: number; to: number; words: string } | null {
  const key = keyAt(text, offset)
  if (key === null) return null
  const schemas = schemasAt(schema, key.levels)
  if (schemas.length === 0) return null
  return { from: key.from, to: key.to, words: [formOf(schemas), wordsOf(schemas)].filter(Boolean).join('\n') }
}

/** The key whose value is written, in lists too. */
const fieldOf = ({ levels }: Place): string => String(levels.findLast(({ key }) => typeof key === 'string')?.key ?? '')

function keyChoices(place: Place, { schema }: Known): Choice[] {
  // The map itself says which of several forms it has; of a place that has no map yet, all are possible.
  const map = place.map ?? undefined
  return keysOf(schema, schemasAt(schema, place.levels, map))
    .filter(({ name }) => !place.present.includes(name))
    .map(({ name, required, schemas }) => ({
      label: name,
      kind: 'key' as const,
      detail: `${formOf(schemas)}${required ? ', required' : ''}`,
      info: wordsOf(schemas),
      template: keyTemplate(place, name, schemas),
      goesOn: valuesOf(schemas).length > 0 || agentKeys.has(name) || goals.has(name) || name === 'capability',
      first: required,
    }))
}

function keyTemplate(place: Place, name: string, schemas: readonly Schema[]): string {
  if (place.followed || place.closed) return name
  if (place.json) return place.quoted ? `${name}": \${}` : `"${name}": \${}`
  if (place.flow) return `${name}: \${}`
  const deeper = '\t'.repeat(place.line.dashes + 1)
  const only = (type: string) => schemas.length > 0 && schemas.every((one) => one.type === type)
  if (only('array')) return `${name}:\n${deeper}- \${}`
  if (only('object')) return `${name}:\n${deeper}\${}`
  return `${name}: \${}`
}

function valueChoices(place: Place, here: readonly Schema[], field: string, known: Known): Choice[] {
  const ownLine = place.line.start && !place.flow
  const items = here.flatMap((schema) => (schema.type === 'array' && schema.items ? [schema.items] : []))
  // A list that begins on a line of its own begins with a dash.
  const dash = ownLine && place.line.dashes === 0 && items.length > 0 ? '- ' : ''
  const stages = [
    ...(ownLine || place.flow ? stageChoices(place, here, '') : []),
    ...(dash === ''
      ? []
      : stageChoices(
          place,
          items.flatMap((one) => alternatives(known.schema, one)),
          dash,
        )),
  ]
  const keys = ownLine && here.some(({ type }) => type === 'object') ? keyChoices(place, known) : []
  if (stages.length + keys.length > 0) return [...keys, ...stages]
  const as = (kind: Choice['kind'], label: string, more: Partial<Choice>): Choice => {
    const text = place.json && !place.quoted && !/^(true|false)$/.test(label) ? JSON.stringify(label) : label
    return { label, kind, ...(dash + text !== label && { template: dash + text }), ...more }
  }
  const values = valuesOf(dash === '' ? here : items.flatMap((one) => alternatives(known.schema, one)))
  const bindings = field === 'items' || here.some(({ type }) => type === 'null')
  return [
    ...namesFor(place, field, known).map(([name, detail]) => as('name', name, { detail, first: true })),
    ...values.map((value) => as('value', value, { info: wordsOf(here) })),
    ...(bindings ? expressionNames(place).map(([name, detail]) => as('name', `=${name}`, { detail })) : []),
  ]
}

function namesFor(place: Place, field: string, { agents }: Known): [name: string, detail: string][] {
  const text = schemaFieldOf(place)
  if (agentKeys.has(text)) return agents.map(({ name }) => [name, 'agent'])
  if (text === 'capability')
    return [...new Set(agents.flatMap(({ capabilities }) => capabilities))].sort().map((name) => [name, 'capability'])
  const [siblings = []] = stagesAround(place.levels, place.document)
  const own = ownStage(place)
  if (field === 'needs') return siblings.filter(({ id }) => id !== own).map(({ id, kind }) => [id, kind])
  if (goals.has(text)) {
    const all = siblings.filter(({ id }) => id !== own).map(({ id, kind }): [string, string] => [id, kind])
    return text === 'otherwise' || place.levels.some(({ key }) => key === 'cases')
      ? [...all, ['end', 'ends the run as completed']]
      : all
  }
  return []
}

/** Not what a person calls a field of an input. */
function schemaFieldOf(place: Place): string {
  const at = place.levels.findLastIndex(({ key }) => typeof key === 'string')
  const above = place.levels[at - 1]?.key
  return above === 'input' || above === 'show' || above === 'inputs' ? '' : String(place.levels[at]?.key ?? '')
}

function ownStage({ levels }: Place): string | null {
  const at = levels.findLastIndex(({ key }, index) => typeof key === 'number' && levels[index - 1]?.key === 'stages')
  const id = levels
    .slice(at + 1)
    .find(({ in: node }) => isMap(node))
    ?.in.get('id')
  return typeof id === 'string' ? id : null
}

/** Names in a CEL expression: of the run first, of one of them after its dot. */
function inExpression(place: Place): Choices | null {
  const dot = place.word.lastIndexOf('.')
  const from = place.from + dot + 1
  const choice = ([label, detail]: [string, string]): Choice => ({ label, detail, kind: 'name' })
  const fields = dot < 0 ? expressionNames(place) : fieldsOf(place, place.word.slice(0, dot))
  return fields.length === 0 ? null : { from, to: place.to, choices: fields.map(choice) }
}

function expressionNames(place: Place): [string, string][] {
  const own = ownStage(place)
  const stages = stagesAround(place.levels, place.document)
    .flat()
    .filter(({ id }) => id !== own)
  const steps = place.levels.some(
    ({ in: node }) => isMap(node) && (node.get('kind') === 'loop' || node.get('kind') === 'for_each'),
  )
  return [
    ...stages.map(({ id, kind }): [string, string] => [id, `stage of kind ${kind}`]),
    ...['goal', ...declaredInputs(place)].map((name): [string, string] => [`inputs.${name}`, 'input']),
    ['coherence', 'agreement of the stages it needs, 0 to 1'],
    ['run', 'what the run has used'],
    ...(steps ? (['item', 'iteration', 'index'] as const).map((name): [string, string] => [name, 'of the loop']) : []),
  ]
}

function fieldsOf(place: Place, of: string): [string, string][] {
  if (of === 'inputs') return ['goal', ...declaredInputs(place)].map((name) => [name, 'input'])
  if (of === 'run') return runFields.map((name) => [name, 'of the run'])
  const stage = stagesAround(place.levels, place.document)
    .flat()
    .find(({ id }) => id === of)
  const fields = Object.entries(resultFields).find(([kind]) => kind === stage?.kind)?.[1] ?? []
  return fields.map((name) => [name, `of the stage ${of}`])
}

function declaredInputs({ document }: Place): string[] {
  const inputs = isMap(document) ? document.get('inputs') : null
  if (!isMap(inputs)) return []
  return inputs.items.flatMap(({ key }) => (isScalar(key) && typeof key.value === 'string' ? [key.value] : []))
}

/** Whole stages, where the schema takes one. */
function stageChoices(place: Place, here: readonly Schema[], prefix: string): Choice[] {
  const kinds = here.flatMap(({ properties }) => properties?.kind?.const ?? [])
  return samples
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, what, stage }) => ({
      label: `${kind} stage`,
      kind: 'stage' as const,
      detail: what,
      template: sampleFor(
        stage,
        place.json ? 'json' : place.flow ? 'flow' : { prefix, deeper: place.line.dashes + (prefix === '' ? 0 : 1) },
      ),
    }))
}
