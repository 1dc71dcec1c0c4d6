/**
 * A definition: what a run executes, as data. Hand-written, planned and derived definitions are the same thing.
 *
 * Control flow is a directed acyclic graph of stages. A stage starts when all stages in `needs` are settled (without
 * `needs`: the stage before it in the list) and at least one of them was not skipped (`join: all`: none was skipped).
 * A decision selects the stages named by the case it takes; stages named only by cases not taken are skipped
 * (dead-path elimination, as in BPEL). Repetition exists only as `loop` and `for_each`, both with a bound.
 *
 * A string that begins with `=` where a value is expected is a CEL expression over what is in scope; results of other
 * stages reach a task only as such values, never pasted into its instructions: data stays data.
 */
import { z } from 'zod'
import { evidenceKinds } from '../progress/record.ts'
import { decomposeSchema } from './decomposition/schema.ts'
import { duration } from './duration.ts'
import type { Json } from './value.ts'

export const API_VERSION = 'quorate/v1'

/** Limits that hold for every definition; the checker names the one that is exceeded. */
export const definitionLimits = {
  stages: 10_000,
  tasks_per_stage: 500,
  depth: 5,
  instructions: 20_000,
  bytes: 4_000_000,
  loop: 100_000,
} as const

export const identifier = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/, 'lower-case letters, digits and _, beginning with a letter, at most 64')
  .meta({ description: 'Identifier: lower-case letters, digits and _, beginning with a letter' })

/** Agent names may carry dashes and dots, as the outside world's do. */
export const agentName = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,99}$/, 'letters, digits, _ . : and -, at most 100')

export const effectClass = z.enum(['none', 'pure', 'idempotent', 'reconcilable', 'repeatable', 'unsafe'])
export type EffectClass = z.infer<typeof effectClass>

const json: z.ZodType<Json> = z.json() as z.ZodType<Json>

/** A CEL expression that must yield a boolean, written without `=`: `review.failed > 2`. */
export const condition = z.string().min(1).max(2_000)
/** A literal, or a string beginning with `=` that is a CEL expression. */
export const binding = json

const instructions = z.string().min(1).max(definitionLimits.instructions)

export const compensationSchema = z.strictObject({
  agent: agentName.optional(),
  capability: identifier.optional(),
  instructions,
  input: z.record(identifier, binding).optional(),
})

const evidenceKind = z.enum(evidenceKinds)
export const evidenceSchema = z.union([evidenceKind, z.array(evidenceKind).min(1).max(evidenceKinds.length)]).meta({
  description: 'What of a task is evidence of progress. Without it: whatever is new.',
})

export const whenStuckSchema = z
  .union([
    z.literal('fail'),
    z.strictObject({ ask: duration.refine((text) => !/^(0+\D+)+$/.test(text), 'more than 0s') }),
  ])
  .meta({ description: 'When every remedy has failed: fail, or ask a person and wait that long for the answer.' })

export const taskSchema = z.strictObject({
  id: identifier,
  title: z.string().max(200).optional(),
  agent: agentName.optional().meta({ description: 'A registered agent by name. Either this or capability.' }),
  capability: identifier.optional().meta({ description: 'Any agent that has this capability; Quorate chooses.' }),
  instructions,
  input: z.record(identifier, binding).optional(),
  /** JSON Schema of the answer; enforced by grammar where the agent's model can, checked always. */
  output_schema: z.record(z.string(), json).optional(),
  effect: effectClass.optional(),
  timeout: duration.optional(),
  /** Tries in all, over all agents. */
  attempts: z.int().min(1).max(10).optional(),
  /** The stage fails when this task fails. */
  required: z.boolean().optional(),
  fallback: z.array(agentName).max(10).optional(),
  max_output_tokens: z.int().min(1).max(1_000_000).optional(),
  compensate: compensationSchema.optional(),
  decompose: decomposeSchema.optional(),
  evidence: evidenceSchema.optional(),
  when_stuck: whenStuckSchema.optional(),
})
export type Task = z.infer<typeof taskSchema>

const common = {
  id: identifier,
  title: z.string().max(200).optional(),
  needs: z.array(identifier).max(500).optional(),
  join: z.enum(['any', 'all']).optional(),
}

const limit = z.int().min(1).max(Number.MAX_SAFE_INTEGER)
const counted = {
  tokens: limit.optional().meta({ description: 'Most tokens, in and out' }),
  calls: limit.optional().meta({ description: 'Most calls of agents and models' }),
  money: z
    .number()
    .min(0.000001)
    .max(1_000_000_000)
    .optional()
    .meta({ description: 'Most money, in the currency that the prices are written in; up to six decimals' }),
}
/** The budget of a stage: what it and all it starts may use. It draws on the budget of the run. */
export const stageBudgetSchema = z.strictObject(counted)
export type StageBudget = z.infer<typeof stageBudgetSchema>

/** The task that ends a run whose budget is used up: it turns what there is into the best partial result. */
export const closeOutSchema = z.strictObject({
  agent: agentName.optional(),
  capability: identifier.optional(),
  instructions,
  /** Kept back of every limit for this task. */
  share: z.number().min(0.01).max(0.5).optional(),
  max_output_tokens: z.int().min(1).max(1_000_000).optional(),
})

export const budgetSchema = z.strictObject({
  ...counted,
  wall_clock: duration.optional(),
  depth: z.int().min(0).max(8).optional().meta({ description: 'Levels of runs that may be started below this one' }),
  fan_out: z
    .int()
    .min(1)
    .max(definitionLimits.loop)
    .optional()
    .meta({ description: 'Most tasks, ballots or items of one stage, here and in the runs below' }),
  when_used_up: z
    .enum(['close_out', 'park'])
    .optional()
    .meta({ description: 'End with the best partial result (default), or wait until a person raises the budget' }),
  close_out: closeOutSchema.optional(),
})

const onFailure = z
  .union([z.enum(['fail', 'continue']), z.strictObject({ then: identifier })])
  .meta({ description: 'When the stage fails: fail the run (default), continue, or go to a stage' })

const tasksStage = z.strictObject({
  ...common,
  kind: z.literal('tasks'),
  tasks: z.array(taskSchema).min(1).max(definitionLimits.tasks_per_stage),
  /** How many tasks must succeed; default 1, so one agent's failure does not sink the stage. */
  min_success: z.int().min(0).max(definitionLimits.tasks_per_stage).optional(),
  budget: stageBudgetSchema.optional(),
  /** For its tasks that say nothing themselves. */
  decompose: decomposeSchema.optional(),
  on_failure: onFailure.optional(),
})

const voteStage = z.strictObject({
  ...common,
  kind: z.literal('vote'),
  question: instructions,
  options: z.array(z.string().min(1).max(200)).min(2).max(50),
  voters: z.union([z.int().min(1).max(101), z.array(agentName).min(1).max(101)]),
  capability: identifier.optional(),
  input: z.record(identifier, binding).optional(),
  /** Share of eligible voters that must cast a valid ballot. */
  quorum: z.number().min(0).max(1).optional(),
  /** Share of the votes cast that the winner must exceed. */
  threshold: z.number().min(0).max(1).optional(),
  timeout: duration.optional(),
  budget: stageBudgetSchema.optional(),
  on_failure: onFailure.optional(),
})

const decideStage = z.strictObject({
  ...common,
  kind: z.literal('decide'),
  cases: z
    .array(z.strictObject({ when: condition, then: z.union([identifier, z.array(identifier).min(1).max(100)]) }))
    .min(1)
    .max(50),
  /** Mandatory: taken when no case holds, and when a value a case needs is null. `end` ends the run as completed. */
  otherwise: z.union([identifier, z.array(identifier).min(1).max(100)]),
})

const timerStage = z.strictObject({ ...common, kind: z.literal('timer'), for: duration })

const waitStage = z.strictObject({
  ...common,
  kind: z.literal('wait'),
  signal: identifier,
  timeout: duration,
  /** What the stage yields when nothing came in time; without it the stage fails. */
  default: binding.optional(),
  on_failure: onFailure.optional(),
})

const approvalStage = z.strictObject({
  ...common,
  kind: z.literal('approval'),
  question: instructions,
  show: z.record(identifier, binding).optional(),
  timeout: duration,
  default: z.enum(['approve', 'refuse']),
  /** A refusal fails the stage. */
  on_failure: onFailure.optional(),
})

const runStage = z.strictObject({
  ...common,
  kind: z.literal('run'),
  definition: z.string().min(1).max(200).meta({ description: 'name, name@version or sha256:… of a stored definition' }),
  input: z.record(identifier, binding).optional(),
  budget: stageBudgetSchema.optional(),
  on_failure: onFailure.optional(),
})

export type TasksStage = z.infer<typeof tasksStage>
export type VoteStage = z.infer<typeof voteStage>
export type DecideStage = z.infer<typeof decideStage>
export type TimerStage = z.infer<typeof timerStage>
export type WaitStage = z.infer<typeof waitStage>
export type ApprovalStage = z.infer<typeof approvalStage>
export type RunStage = z.infer<typeof runStage>
type Common = Omit<TimerStage, 'kind' | 'for'>
export type LoopStage = Common & {
  kind: 'loop'
  max: number
  until: string
  stages: Stage[]
  budget?: StageBudget | undefined
  on_failure?: z.infer<typeof onFailure> | undefined
}
export type ForEachStage = Common & {
  kind: 'for_each'
  items: string
  max: number
  parallel?: number | undefined
  stages: Stage[]
  budget?: StageBudget | undefined
  on_failure?: z.infer<typeof onFailure> | undefined
}
export type Stage =
  | TasksStage
  | VoteStage
  | DecideStage
  | TimerStage
  | WaitStage
  | ApprovalStage
  | RunStage
  | LoopStage
  | ForEachStage
export type StageKind = Stage['kind']

const body = z.lazy(() => z.array(stageSchema).min(1).max(definitionLimits.stages))

const loopStage = z.strictObject({
  ...common,
  kind: z.literal('loop'),
  max: z.int().min(1).max(definitionLimits.loop).meta({ description: 'Most iterations: every loop has a bound' }),
  until: condition.meta({ description: 'CEL; evaluated after each iteration; true ends the loop' }),
  stages: body,
  budget: stageBudgetSchema.optional(),
  on_failure: onFailure.optional(),
})

const forEachStage = z.strictObject({
  ...common,
  kind: z.literal('for_each'),
  items: z.string().regex(/^=/, 'an expression beginning with ='),
  max: z.int().min(1).max(definitionLimits.loop),
  parallel: z.int().min(1).max(200).optional(),
  stages: body,
  budget: stageBudgetSchema.optional(),
  on_failure: onFailure.optional(),
})

/** The total table of stage kinds. A new kind is added here and then fails to compile wherever it is unhandled. */
export const stageSchemas = {
  tasks: tasksStage,
  vote: voteStage,
  decide: decideStage,
  loop: loopStage,
  for_each: forEachStage,
  timer: timerStage,
  wait: waitStage,
  approval: approvalStage,
  run: runStage,
} as const satisfies { [K in StageKind]: z.ZodType }

export const stageKinds = Object.keys(stageSchemas) as StageKind[]

export const stageSchema: z.ZodType<Stage> = z.discriminatedUnion('kind', [
  tasksStage,
  voteStage,
  decideStage,
  loopStage,
  forEachStage,
  timerStage,
  waitStage,
  approvalStage,
  runStage,
]) as unknown as z.ZodType<Stage>

export const inputDeclaration = z.strictObject({
  type: z.enum(['text', 'number', 'boolean', 'list', 'object', 'any']),
  description: z.string().max(2_000).optional(),
  required: z.boolean().optional(),
  default: json.optional(),
})

export const feedbackActions = [
  'amplify_successful_patterns',
  'synchronize_agents',
  'explore_and_strengthen',
  'accelerate_system_state',
  'stabilize_new_level',
] as const

export const definitionSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  name: agentName,
  description: z.string().max(4_000).optional(),
  goal: z.string().max(20_000).optional(),
  inputs: z.record(identifier, inputDeclaration).optional(),
  budget: budgetSchema.optional(),
  /** For all tasks whose stage and who themselves say nothing. */
  decompose: decomposeSchema.optional(),
  stages: z.array(stageSchema).min(1).max(definitionLimits.stages),
  feedback: z
    .array(
      z.strictObject({
        id: identifier,
        when: condition,
        action: z.enum(feedbackActions),
        max: z.int().min(1).max(100),
      }),
    )
    .max(50)
    .optional(),
  success: z
    .array(z.strictObject({ id: identifier, when: condition }))
    .max(50)
    .optional(),
  /** The run's result; default: the output of the last stage that was not skipped. */
  output: binding.optional(),
})
export type Definition = z.infer<typeof definitionSchema>

/** Words that `then` and `otherwise` may name besides stages. */
export const END = 'end'
/** Names that no stage may have, because conditions use them for something else. */
export const reservedNames = [
  'inputs',
  'run',
  'item',
  'index',
  'iteration',
  'end',
  'coherence',
  'agreement',
  'collective_sync',
  'integration_score',
  'information_integration',
  'phi',
  'system_state_level',
  'novel_pattern_detected',
  'true',
  'false',
  'null',
] as const
