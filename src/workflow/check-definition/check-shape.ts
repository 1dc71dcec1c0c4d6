/** Fields, types and limits: what the schema says, told so that a person can act on it. */
import type { z } from 'zod'
import {
  budgetSchema,
  closeOutSchema,
  compensationSchema,
  type Definition,
  definitionLimits,
  definitionSchema,
  inputDeclaration,
  stageBudgetSchema,
  stageKinds,
  stageSchemas,
  taskSchema,
} from '../definition.ts'
import { nearest, suggestion } from './nearest.ts'
import { type Findings, fieldText, type Path } from './problems.ts'

/** Deeper values than this are not looked at: no definition is. */
const DEPTH = 100

/**
 * The definition when its shape is right, or right but for fields that nobody knows, so that the rest is checked too;
 * else null. The problems found decide whether it may run.
 */
export function checkShape(value: unknown, findings: Findings): Definition | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    findings.problem([], `a definition is an object, not ${kindOf(value)}`, {
      remedy: 'Begin with apiVersion: quorate/v1, then name and stages.',
      value,
    })
    return null
  }
  if (tooDeep(value)) {
    findings.problem([], `nested more than ${DEPTH} deep`, { remedy: 'Make it flatter.', kind: 'too_large' })
    return null
  }
  if (!checkLevels(value as { stages?: unknown }, findings)) return null
  const parsed = definitionSchema.safeParse(value)
  if (parsed.success) return parsed.data
  for (const issue of parsed.error.issues) report(issue, value, findings)
  const unknown = parsed.error.issues.filter((issue) => issue.code === 'unrecognized_keys')
  if (unknown.length < parsed.error.issues.length) return null
  const rest = structuredClone(value)
  for (const issue of unknown)
    for (const key of issue.keys) delete (at(rest, issue.path as Path) as { [key: string]: unknown })[key]
  return definitionSchema.safeParse(rest).data ?? null
}

function tooDeep(value: object): boolean {
  let level: object[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH) return true
    const next: object[] = []
    for (const one of level)
      for (const child of Object.values(one)) if (typeof child === 'object' && child !== null) next.push(child)
    level = next
  }
  return false
}

/** Number and depth of stages, all levels together, before anything walks them. */
function checkLevels(definition: { stages?: unknown }, findings: Findings): boolean {
  const open: { stages: unknown[]; path: Path; depth: number }[] = []
  const add = (stages: unknown, path: Path, depth: number): void => {
    if (Array.isArray(stages)) open.push({ stages, path, depth })
  }
  add(definition.stages, ['stages'], 1)
  let count = 0
  for (let level = open.pop(); level; level = open.pop()) {
    count += level.stages.length
    if (count > definitionLimits.stages) {
      findings.problem(level.path, `more than ${definitionLimits.stages} stages, bodies counted`, {
        remedy: 'Use for_each for what repeats, or a stage of kind run for a part.',
        kind: 'too_large',
      })
      return false
    }
    if (level.depth > definitionLimits.depth) {
      findings.problem(level.path, `stages nested ${level.depth} deep, at most ${definitionLimits.depth}`, {
        remedy: 'Move the inner part to a definition of its own and start it by a stage of kind run.',
        kind: 'too_large',
      })
      return false
    }
    for (const [at, stage] of level.stages.entries())
      if (typeof stage === 'object' && stage !== null && 'stages' in stage)
        add(stage.stages, [...level.path, at, 'stages'], level.depth + 1)
  }
  return true
}

type Issue = z.core.$ZodIssue

function report(issue: Issue, root: unknown, findings: Findings): void {
  const path = issue.path as Path
  const value = at(root, path)
  switch (issue.code) {
    case 'unrecognized_keys':
      for (const key of issue.keys) unknownField(key, path, root, findings)
      return
    case 'invalid_union':
      return reportUnion(issue, path, root, findings)
    case 'invalid_type':
      if (value === undefined) return missing(path, issue.expected, root, findings)
      return findings.problem(path, `${last(path)} must be ${expected(issue.expected)}, not ${kindOf(value)}`, {
        remedy: remedyForType(issue.expected, value, path),
        value,
      })
    case 'invalid_value':
      return reportValue(issue.values, path, value, root, findings)
    case 'too_big':
      return findings.problem(path, `${last(path)} ${tooMuch(issue.origin, Number(issue.maximum), value, 'at most')}`, {
        remedy: 'Make it smaller.',
        value,
      })
    case 'too_small':
      return findings.problem(
        path,
        `${last(path)} ${tooMuch(issue.origin, Number(issue.minimum), value, 'at least')}`,
        {
          remedy: value === '' || (Array.isArray(value) && value.length === 0) ? 'Fill it in.' : 'Make it larger.',
          value,
        },
      )
    case 'invalid_key':
      return findings.problem(path, `the name "${last(path)}" is not allowed here`, {
        remedy: 'Use lower-case letters, digits and _, beginning with a letter, at most 64.',
        at: 'key',
        value: last(path),
      })
    case 'invalid_format':
      if (last(path) === 'items' && typeof value === 'string')
        return findings.problem(path, 'items is a text, not an expression', {
          remedy: `Write items: =${value}.`,
          value,
        })
      return findings.problem(path, `${last(path)} is not written as it must be`, {
        remedy: sentence(issue.message),
        value,
      })
    default:
      return findings.problem(path, `${last(path)}: ${issue.message}`, { remedy: sentence(issue.message), value })
  }
}

function reportUnion(issue: Issue & { code: 'invalid_union' }, path: Path, root: unknown, findings: Findings): void {
  const value = at(root, path)
  if (issue.errors.length === 0) {
    const kindPath = last(path) === 'kind' ? path : [...path, 'kind']
    const kind = at(root, kindPath)
    if (kind === undefined) return missing(kindPath, 'string', root, findings)
    return findings.problem(kindPath, `unknown kind of stage "${String(kind)}"`, {
      remedy: suggestion(String(kind), stageKinds, 'kind of stage'),
      value: kind,
    })
  }
  if (value === undefined) return missing(path, 'value', root, findings)
  // The member of the union that fits the value's own type says best what is wrong.
  const fitting = issue.errors.filter(
    (errors) =>
      !errors.some((one) => one.path.length === 0 && (one.code === 'invalid_type' || one.code === 'invalid_value')),
  )
  const chosen = fitting.length === 1 ? fitting[0] : undefined
  if (chosen) {
    for (const one of chosen) report({ ...one, path: [...issue.path, ...one.path] } as Issue, root, findings)
    return
  }
  findings.problem(
    path,
    `${last(path)} cannot be ${typeof value === 'string' ? `"${value.slice(0, 60)}"` : kindOf(value)}`,
    { remedy: unionRemedies[last(path)] ?? 'See the schema for what is allowed here.', value },
  )
}

const unionRemedies: { [field: string]: string } = {
  on_failure: 'Write fail, continue, or { then: stage }.',
  then: 'Name a stage, a list of stages, or end.',
  otherwise: 'Name a stage, a list of stages, or end.',
  voters: 'Write a number of voters, or a list of agents.',
}

function reportValue(values: readonly unknown[], path: Path, value: unknown, root: unknown, findings: Findings): void {
  if (value === undefined) return missing(path, 'value', root, findings)
  const names = values.map(String)
  if (names.length === 1)
    return findings.problem(path, `${last(path)} must be ${names[0]}`, {
      remedy: `Write ${last(path)}: ${names[0]}.`,
      value,
    })
  findings.problem(path, `${last(path)} cannot be "${String(value).slice(0, 60)}"`, {
    remedy: suggestion(String(value), names, last(path)),
    value,
  })
}

const mandatory: { [field: string]: string } = {
  otherwise: 'Add otherwise: what to do when no case holds, or when a value that a case needs is null.',
  max: 'Add max: every loop has a bound.',
  until: 'Add until: the condition that ends the loop.',
  timeout: 'Add timeout: how long to wait, such as 1h.',
  default: 'Add default: what holds when nobody answers in time.',
  apiVersion: 'Add apiVersion: quorate/v1 as the first line.',
  kind: `Add kind: one of ${stageKinds.join(', ')}.`,
}

function missing(path: Path, type: string, root: unknown, findings: Findings): void {
  const field = last(path)
  const owner = path.slice(0, -1)
  const where = describe(owner, root)
  findings.problem(owner, `${field} is missing${where ? ` in ${where}` : ''}`, {
    remedy: mandatory[field] ?? `Add ${field}${type === 'value' ? '' : `: ${expected(type)}`}.`,
  })
}

/** `stage "review"`, `task "draft"`: what a path leads to, for messages. */
function describe(path: Path, root: unknown): string {
  const value = at(root, path)
  if (path.length === 0) return 'the definition'
  const id = typeof value === 'object' && value !== null && 'id' in value ? ` "${String(value.id).slice(0, 64)}"` : ''
  const list = path.at(-2)
  if (list === 'stages') return `stage${id || ` ${Number(path.at(-1)) + 1}`}`
  if (list === 'tasks') return `task${id || ` ${Number(path.at(-1)) + 1}`}`
  return fieldText(path)
}

const fields = (schema: { shape: object }): string[] => Object.keys(schema.shape)
const stageFields = [...new Set(stageKinds.flatMap((kind) => fields(stageSchemas[kind])))]

/** The fields that the object at this path may have. */
function fieldsAt(path: Path, root: unknown): string[] {
  const [list, own] = [path.at(-2), path.at(-1)]
  if (path.length === 0) return fields(definitionSchema)
  if (list === 'stages') {
    const stage = at(root, path) as { kind?: unknown }
    const kind = stageKinds.find((one) => one === stage?.kind)
    return kind ? fields(stageSchemas[kind]) : stageFields
  }
  if (list === 'tasks') return fields(taskSchema)
  if (own === 'compensate') return fields(compensationSchema)
  if (own === 'budget') return fields(path.length === 1 ? budgetSchema : stageBudgetSchema)
  if (own === 'close_out') return fields(closeOutSchema)
  if (list === 'inputs') return fields(inputDeclaration)
  if (list === 'cases') return ['when', 'then']
  if (list === 'feedback') return ['id', 'when', 'action', 'max']
  if (list === 'success') return ['id', 'when']
  return own === 'on_failure' ? ['then'] : []
}

function unknownField(key: string, path: Path, root: unknown, findings: Findings): void {
  const known = fieldsAt(path, root)
  const where = describe(path, root)
  findings.problem([...path, key], `unknown field "${key.slice(0, 80)}" in ${where}`, {
    remedy: unknownRemedy(key, path, root, known),
    at: 'key',
  })
}

function unknownRemedy(key: string, path: Path, root: unknown, known: string[]): string {
  if (key === '<<') return 'Merge keys are not part of YAML 1.2: write the fields out.'
  const close = nearest(key, known)
  if (close.length > 0) return suggestion(key, known, 'field')
  const stage = at(root, path) as { kind?: unknown }
  if (path.at(-2) === 'stages' && stageFields.includes(key)) {
    const kinds = stageKinds.filter((kind) => fields(stageSchemas[kind]).includes(key))
    return `Stages of kind ${kinds.join(', ')} have it; this one is of kind ${String(stage.kind)}. If it belongs to something inside, indent it further.`
  }
  if (path.length === 0 && stageFields.includes(key))
    return `"${key}" is a field of a stage: has its indentation been lost?`
  if (path.at(-2) !== 'tasks' && fields(taskSchema).includes(key))
    return `"${key}" is a field of a task: indent it under one.`
  if (fields(definitionSchema).includes(key))
    return `"${key}" belongs to the definition itself: move it to the left edge.`
  return known.length > 0 ? suggestion(key, known, 'field') : 'Remove it.'
}

const at = (root: unknown, path: Path): unknown =>
  path.reduce<unknown>(
    (value, member) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, member)
        ? (value as Record<string | number, unknown>)[member]
        : undefined,
    root,
  )

const last = (path: Path): string => {
  const end = path.at(-1)
  return end === undefined ? 'the definition' : typeof end === 'number' ? `${String(path.at(-2))}[${end}]` : end
}

const names: { [type: string]: string } = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
  null: 'empty',
}
const expected = (type: string): string => names[type] ?? type
const kindOf = (value: unknown): string =>
  value === null ? 'empty' : Array.isArray(value) ? 'a list' : (names[typeof value] ?? typeof value)

const durations: readonly unknown[] = ['for', 'timeout', 'wall_clock']

function remedyForType(type: string, value: unknown, path: Path): string {
  if (durations.includes(path.at(-1)) && typeof value === 'number')
    return `Write it with its unit, such as ${value}s or ${value}m.`
  if (path.length === 2 && path[0] === 'inputs' && typeof value === 'string')
    return `Write { type: ${inputDeclaration.shape.type.options.find((name) => name === value) ?? 'text'} }.`
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'Put it in quotes.'
  if (type === 'array' && typeof value === 'object' && value !== null) return 'Begin each entry with "- ".'
  if (type === 'array') return 'Write it as a list: one "- " for each entry.'
  if (value === null) return 'Fill it in, or check that what follows is indented under it.'
  return `Write ${expected(type)}.`
}

function tooMuch(origin: string, limit: number, value: unknown, bound: string): string {
  if (origin === 'string')
    return `must have ${bound} ${limit} character${limit === 1 ? '' : 's'}${typeof value === 'string' ? `, it has ${value.length}` : ''}`
  if (origin === 'array')
    return `must have ${bound} ${limit} entr${limit === 1 ? 'y' : 'ies'}${Array.isArray(value) ? `, it has ${value.length}` : ''}`
  return `must be ${bound} ${limit}`
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1).replace(/\.$/, '')}.`
