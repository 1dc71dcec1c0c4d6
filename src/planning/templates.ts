/**
 * Templates: definitions that are there before any model is. One file each in `templates/`, named like the definition
 * in it. They name capabilities, never agents, and take the goal as their input `goal`.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import { type Definition, definitionSchema, type Stage } from '../workflow/definition.ts'
import { isOfInputType } from '../workflow/input-type.ts'
import type { Json } from '../workflow/value.ts'
import type { PlanRequest } from './planner.ts'

export type TemplateInfo = {
  name: string
  title: string
  description: string
  inputs: NonNullable<Definition['inputs']>
}

const folder = join(import.meta.dirname, 'templates')
const texts = new Map<string, string>()
let parsed: Map<string, Definition> | null = null

/** Read once. A template that is no definition is a bug of ours and is thrown; a test holds all of them to the checker. */
function all(): Map<string, Definition> {
  if (parsed !== null) return parsed
  const found = new Map<string, Definition>()
  for (const file of readdirSync(folder).sort()) {
    if (!file.endsWith('.yaml')) continue
    const name = file.slice(0, -'.yaml'.length)
    const text = readFileSync(join(folder, file), 'utf8')
    const definition = definitionSchema.parse(parse(text))
    if (definition.name !== name) throw new Error(`template ${file} holds the definition ${definition.name}`)
    texts.set(name, text)
    found.set(name, definition)
  }
  parsed = found
  return found
}

/** All templates, by name. */
export function templates(): TemplateInfo[] {
  return [...all().values()].map(({ name, description, inputs }) => ({
    name,
    title: name.charAt(0).toUpperCase() + name.slice(1).replaceAll('_', ' '),
    description: description ?? '',
    inputs: inputs ?? {},
  }))
}

/** The document as it was written, with its comments and order; null when there is none of this name. */
export function templateText(name: string): string | null {
  return all().has(name) ? (texts.get(name) ?? null) : null
}

/**
 * A definition from a template, ready to run without further input: goal and inputs become the defaults of its inputs.
 * `not_found` for an unknown template, `invalid_input` for an unknown, missing or mistyped input.
 */
export function instantiate(
  name: string,
  given: { goal: string; inputs: { [name: string]: Json } },
): Result<Definition> {
  const template = all().get(name)
  if (template === undefined)
    return fail('not_found', `there is no template ${excerpt(name)}`, {
      field: 'template',
      value: excerpt(name),
      remedy: `Templates: ${[...all().keys()].join(', ')}.`,
    })
  if (given.goal.trim() === '')
    return fail('invalid_input', 'the goal is empty', { field: 'goal', remedy: 'Say what is to be reached.' })

  const declared = template.inputs ?? {}
  const unknown = Object.keys(given.inputs).find((input) => !Object.hasOwn(declared, input))
  if (unknown !== undefined)
    return fail('invalid_input', `template ${name} has no input ${excerpt(unknown)}`, {
      field: `inputs.${unknown}`,
      remedy: `Its inputs: ${Object.keys(declared).join(', ')}.`,
    })

  const inputs: NonNullable<Definition['inputs']> = {}
  for (const [input, { required, ...declaration }] of Object.entries(declared)) {
    const value = input === 'goal' ? (given.inputs.goal ?? given.goal) : given.inputs[input]
    if (value !== undefined && !isOfInputType(value, declaration.type))
      return fail('invalid_input', `input ${input} of template ${name} is no ${declaration.type}`, {
        field: `inputs.${input}`,
        value: excerpt(value),
        remedy: `Give a ${declaration.type}.`,
      })
    if (value === undefined && required === true && declaration.default === undefined)
      return fail('invalid_input', `template ${name} needs the input ${input}`, {
        field: `inputs.${input}`,
        remedy: declaration.description ?? `Give ${input}.`,
      })
    inputs[input] = value === undefined ? declaration : { ...declaration, default: value }
  }
  return ok({ ...template, goal: given.goal, inputs })
}

/** What to fall back to, in this order; the first takes a list of documents, the others any goal. */
const forLists = 'document_work'
const general = ['parallel_research_then_write', 'draft_review_revise', 'vote_then_act'] as const

export type ChosenTemplate = { name: string; definition: Definition; why: string }

/**
 * The template for a run whose goal no model has planned. Chosen by what is there, never by words of the goal: a list
 * among the inputs asks for `document_work`, else the first general template whose capabilities are all offered, else
 * the first one with each missing capability given to the one that most agents offer. Deterministic.
 */
export function templateFor(
  request: Pick<PlanRequest, 'goal' | 'inputs' | 'capabilities'>,
  check: (definition: Definition) => Failure[],
): Result<ChosenTemplate> {
  const offered = Object.entries(request.capabilities)
    .filter(([, agents]) => agents > 0)
    .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
    .map(([capability]) => capability)
  const [most] = offered
  if (most === undefined)
    return fail('unavailable', 'no agent offers a capability, so no template can run', {
      remedy: 'Add an agent with at least one capability.',
    })

  const list = request.inputs.find(({ type }) => type === 'list')?.name
  const candidates = list === undefined ? [...general] : [forLists, ...general]
  const fits = candidates.filter((name) => missingOf(name, offered).length === 0)
  const problems: string[] = []
  for (const name of [...fits, ...candidates.filter((candidate) => !fits.includes(candidate))]) {
    const definition = made(name, request, list, offered, most)
    const wrong = check(definition)
    if (wrong.length > 0)
      problems.push(`${name}: ${wrong.map(({ field, message }) => `${field ?? ''} ${message}`).join('; ')}`)
    else return ok({ name, definition, why: whyOf(name, list, offered, most) })
  }
  return fail('unavailable', `no template passes the check: ${excerpt(problems.join(' | '), 600)}`)
}

function made(
  name: string,
  request: Pick<PlanRequest, 'goal' | 'inputs'>,
  list: string | undefined,
  offered: string[],
  instead: string,
): Definition {
  const template = structuredClone(all().get(name)) as Definition
  const { documents, goal, ...others } = template.inputs ?? {}
  const taken = name === forLists ? list : undefined
  for (const task of tasksIn(template.stages))
    if (task.capability !== undefined && !offered.includes(task.capability)) task.capability = instead
  if (taken !== undefined)
    for (const stage of template.stages)
      if (stage.kind === 'for_each' && stage.items === '=inputs.documents') stage.items = `=inputs.${taken}`
  const rest = request.inputs.map(({ name: input }) => input).filter((input) => input !== taken && input !== 'goal')
  for (const task of firstTasks(template.stages))
    for (const input of rest) task.input = { ...task.input, [input]: `=inputs.${input}` }
  return {
    ...template,
    goal: request.goal,
    inputs: {
      ...others,
      goal: {
        type: 'text',
        ...(goal?.description === undefined ? {} : { description: goal.description }),
        default: request.goal,
      },
      ...(taken === undefined ? {} : { [taken]: documents ?? { type: 'list' } }),
      ...Object.fromEntries(rest.map((input) => [input, { type: 'any' as const }])),
    },
  }
}

function whyOf(name: string, list: string | undefined, offered: string[], instead: string): string {
  const missing = missingOf(name, offered)
  const fit =
    missing.length === 0
      ? 'all its capabilities are offered'
      : `nobody offers ${missing.join(', ')}: ${instead} does that work`
  return `template ${name}: ${name === forLists ? `the input ${list} is a list, ` : ''}${fit}`
}

const missingOf = (name: string, offered: string[]): string[] => {
  const needed = [...tasksIn(all().get(name)?.stages ?? [])].flatMap(({ capability }) => capability ?? [])
  return [...new Set(needed)].filter((capability) => !offered.includes(capability))
}

type Worker = { capability?: string | undefined; input?: { [name: string]: Json } | undefined }

/** Everything in these stages that is given to an agent: tasks, and votes as their voters. */
function* tasksIn(stages: Stage[]): Generator<Worker> {
  for (const stage of stages) {
    if (stage.kind === 'tasks') yield* stage.tasks
    else if (stage.kind === 'vote') yield stage
    else if ('stages' in stage) yield* tasksIn(stage.stages)
  }
}

/** The tasks that begin: those of the first stage, or of its body. */
function firstTasks(stages: Stage[]): Worker[] {
  const [first] = stages
  if (first === undefined) return []
  return 'stages' in first ? firstTasks(first.stages) : [...tasksIn([first])]
}
