/**
 * The plan form: what a model fills in when a goal becomes a definition, and the grammar that holds it to the form.
 *
 * It is smaller than a definition, and nested where a definition refers by id, so that a model of 135 million
 * parameters can fill it and nearly everything that the grammar allows is right by construction: `start` holds two or
 * more parallel tasks, `decide` is always there, and ids, needs, inputs and conditions are written by the program
 * (`plan-to-definition.ts`). Only keywords that node-llama-cpp, Ollama and OpenAI-compatible servers share are used:
 * object, array with minItems and maxItems, string with minLength and maxLength, enum, const, `anyOf` for the kinds, and
 * `$ref` into `$defs`.
 */
import { z } from 'zod'
import { feedbackActions, type StageKind } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'

/** What a plan may draw on: all of it exists at the moment of planning. */
export type PlanVocabulary = {
  /** Capabilities that the fleet offers now; at least one. */
  capabilities: string[]
  /** Names of the run's inputs. */
  inputs: string[]
  /** Those of them that are lists. */
  lists: string[]
  /** Names of stored definitions that a `run` stage may start. Empty: the grammar offers no `run`. */
  definitions: string[]
  /** Whether a task may be marked as too large, so that it is planned again on its own. */
  divides?: boolean
}

/**
 * Bounds of a plan. At its largest (4 parallel tasks, three decisions by a vote of 5 with branches of 2 and 1, the
 * decision that is always there, one task at the end) it has 37 tasks: below the cap of 40 nodes for one plan.
 */
export const planLimits = {
  analysis: 160,
  does: 100,
  question: 100,
  option: 24,
  parallel: 4,
  stages: 3,
  tasks: 3,
  then: 2,
  otherwise: 1,
} as const

/** Text of `min` to `max` characters, counted in code points as grammars and JSON Schema do. */
export const text = (min: number, max: number) =>
  z
    .string()
    .refine((value) => {
      const length = [...value].length
      return length >= min && length <= max
    }, `${min} to ${max} characters`)
    .meta({ minLength: min, maxLength: max })

/** An enum that is only there when it has members: a grammar with an empty choice cannot be satisfied. */
export const oneOfNames = (names: string[]) => z.enum(names as [string, ...string[]])

/** The form for a vocabulary. One zod schema is the grammar, the check of what came back, and the type. */
export function planForm(vocabulary: PlanVocabulary) {
  const capability = oneOfNames(vocabulary.capabilities)
  const does = text(8, planLimits.does)
  const task = z.strictObject({ capability, does })
  const reading =
    vocabulary.inputs.length === 0
      ? task
      : z.strictObject({ capability, does, reads: oneOfNames(['all', ...vocabulary.inputs]) })
  const tasks = (most: number) => z.array(task).min(1).max(most)
  const ballot = {
    question: text(8, planLimits.question),
    options: z.array(text(2, planLimits.option)).min(2).max(3),
    capability,
    voters: z.literal([3, 5]),
  }

  /** What a decision looks at. Each carries all it needs, so a condition can never point at nothing. */
  const on = z.discriminatedUnion('measure', [
    z.strictObject({
      measure: z.literal('agreement'),
      is: z.enum(['>=', '<']),
      value: z.literal([0.5, 0.6, 0.7, 0.8, 0.9]),
    }),
    z.strictObject({ measure: z.literal('failed'), is: z.enum(['>', '==']), value: z.literal([0, 1]) }),
    z.strictObject({ measure: z.literal('succeeded'), is: z.enum(['>=', '<']), value: z.literal([1, 2]) }),
    z.strictObject({ measure: z.literal('vote'), ...ballot }),
    z.strictObject({
      measure: z.literal('score'),
      question: text(8, planLimits.question),
      capability,
      is: z.enum(['>=', '<']),
      value: z.literal([5, 6, 7, 8, 9]),
    }),
  ])
  const decision = {
    on,
    then: tasks(planLimits.then),
    otherwise: z.discriminatedUnion('do', [
      z.strictObject({ do: z.literal('continue') }),
      z.strictObject({ do: z.literal('end') }),
      z.strictObject({ do: z.literal('tasks'), tasks: tasks(planLimits.otherwise) }),
    ]),
  }

  const itemsFromTask = z.strictObject({ from: z.literal('task'), capability, does })
  const items =
    vocabulary.lists.length === 0
      ? itemsFromTask
      : z.discriminatedUnion('from', [
          itemsFromTask,
          z.strictObject({ from: z.literal('input'), input: oneOfNames(vocabulary.lists) }),
        ])

  /** Total over the kinds of stages: a new kind does not compile until it can be planned. */
  const kinds = {
    tasks: z.strictObject({ kind: z.literal('tasks'), tasks: tasks(planLimits.tasks) }),
    vote: z.strictObject({ kind: z.literal('vote'), ...ballot }),
    decide: z.strictObject({ kind: z.literal('decide'), ...decision }),
    loop: z.strictObject({
      kind: z.literal('loop'),
      make: task,
      review: task,
      until_score: z.literal([6, 7, 8, 9]),
      max: z.literal([2, 3]),
    }),
    for_each: z.strictObject({ kind: z.literal('for_each'), items, each: task, max: z.literal([3, 4, 5]) }),
    timer: z.strictObject({ kind: z.literal('timer'), for: z.enum(['10s', '1m', '10m']) }),
    wait: z.strictObject({
      kind: z.literal('wait'),
      signal: z.enum(['go_ahead', 'data_ready', 'feedback']),
      timeout: z.enum(['1m', '10m', '1h']),
    }),
    approval: z.strictObject({
      kind: z.literal('approval'),
      question: text(8, planLimits.question),
      timeout: z.enum(['10m', '1h', '1d']),
      default: z.enum(['approve', 'refuse']),
    }),
    run: z.strictObject({
      kind: z.literal('run'),
      definition: oneOfNames(vocabulary.definitions.length === 0 ? ['none'] : vocabulary.definitions),
    }),
  } as const satisfies { [K in StageKind]: z.ZodObject<{ kind: z.ZodLiteral<K> }> }
  const { run, ...always } = kinds
  const withoutRun = [
    always.tasks,
    always.vote,
    always.decide,
    always.loop,
    always.for_each,
    always.timer,
    always.wait,
    always.approval,
  ] as const
  const divide = z.strictObject({ kind: z.literal('divide'), capability, does })
  const stage = z.discriminatedUnion('kind', [
    ...withoutRun,
    ...(vocabulary.definitions.length === 0 ? [] : [run]),
    ...(vocabulary.divides === true ? [divide] : []),
  ])

  return z.strictObject({
    analysis: text(20, planLimits.analysis),
    start: z.array(reading).min(2).max(planLimits.parallel),
    stages: z.array(stage).max(planLimits.stages),
    decide: z.strictObject(decision),
    feedback: z
      .array(z.strictObject({ coherence_below: z.literal([0.3, 0.5, 0.7]), action: z.enum(feedbackActions) }))
      .max(1),
    finish: task,
  })
}

export type Plan = z.infer<ReturnType<typeof planForm>>
export type PlanTask = Plan['finish'] & { reads?: string }
export type PlanStage = Plan['stages'][number]
export type PlanDecision = Plan['decide']

/** The form as JSON Schema, for the model's grammar. Parts used more than once stand in `$defs`, so it stays small. */
export function planJsonSchema(vocabulary: PlanVocabulary): { [key: string]: Json } {
  return jsonSchemaOf(planForm(vocabulary))
}

/** A form as JSON Schema that all hosts can enforce. */
export function jsonSchemaOf(form: z.ZodType): { [key: string]: Json } {
  const { $schema: _, ...schema } = z.toJSONSchema(form, { reused: 'ref' }) as { [key: string]: Json }
  return withAnyOf(schema) as { [key: string]: Json }
}

/** `anyOf` where zod writes `oneOf`: OpenAI's structured outputs know no other, and the kinds exclude each other anyway. */
function withAnyOf(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(withAnyOf)
  if (typeof schema !== 'object' || schema === null) return schema
  return Object.fromEntries(
    Object.entries(schema).map(([key, value]) => [key === 'oneOf' ? 'anyOf' : key, withAnyOf(value)]),
  )
}
