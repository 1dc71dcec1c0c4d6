/**
 * One function for each kind of stage. Fields are those of a definition in YAML, letter for letter, without `kind`. They
 * give plain data; what the types know of it, {@link defineWorkflow} checks.
 */
import type {
  ApprovalStage,
  DecideStage,
  ForEachStage,
  LoopStage,
  RunStage,
  Stage,
  StageKind,
  Task,
  TasksStage,
  TimerStage,
  VoteStage,
  WaitStage,
} from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import type { Base, Built, Checked, Exactly, Expressions, OnFailure, ReadsOf } from './typed-stage.ts'

/** Values by name: a literal, or an expression that begins with `=`. */
type Bindings = { readonly [name: string]: Json }

type InputOf<T> = T extends { input: infer Input } ? Expressions<Input> : never

/** Sound because each function below takes the fields of its kind; the checker looks at all of them once more. */
function stage<B>(kind: StageKind, { id, ...fields }: { id: string }): B {
  return { id, kind, ...fields } as B
}

/** Tasks for agents, side by side. `min_success` (default 1) of them must succeed. */
export const tasks = <
  const Id extends string,
  const T extends readonly Task[],
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & { tasks: T & Exactly<T, Task>; min_success?: number; on_failure?: OnFailure<Then> },
): Built<TasksStage, Id, Needs | Then, InputOf<T[number]>> => stage('tasks', fields)

/**
 * A question with options, put to several agents; the most votes win. `quorum`: share of the voters whose ballot must
 * be valid (default 0.5), else the stage fails. `threshold`: share of the votes that the winner must exceed
 * (default 0.5), else the result is `plurality_only`.
 */
export const vote = <
  const Id extends string,
  const Input extends Bindings,
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & {
    question: string
    options: readonly string[]
    /** How many agents, or which ones. */
    voters: number | readonly string[]
    /** What the agents must be able to do, when only their number is given. */
    capability?: string
    input?: Input
    quorum?: number
    threshold?: number
    timeout?: string
    on_failure?: OnFailure<Then>
  },
): Built<VoteStage, Id, Needs | Then, Expressions<Input>> => stage('vote', fields)

/** Goes on with the first case whose condition holds, else with `otherwise`. `end` ends the run as completed. */
export const decide = <
  const Id extends string,
  const When extends string,
  const Then extends string,
  const Otherwise extends string,
  const Needs extends string = never,
>(
  fields: Base<Id, Needs> & {
    cases: readonly { when: When; then: Then | readonly Then[] }[]
    otherwise: Otherwise | readonly Otherwise[]
  },
): Built<DecideStage, Id, Needs | Then | Otherwise, `=${When}`> => stage('decide', fields)

/** Repeats its stages until a condition holds, at most `max` times; `=item` is what the last iteration yielded. */
export const loop = <
  const Id extends string,
  const Until extends string,
  const S extends readonly Stage[],
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & { max: number; until: Until; stages: S & Checked<S>; on_failure?: OnFailure<Then> },
): Built<LoopStage, Id, Needs | Then, `=${Until}` | ReadsOf<S[number]>> => stage('loop', fields)

/** Its stages once for each item of a list, `parallel` (default 8) at a time; `=item` and `=index` are in scope. */
export const for_each = <
  const Id extends string,
  const Items extends `=${string}`,
  const S extends readonly Stage[],
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & {
    items: Items
    max: number
    parallel?: number
    stages: S & Checked<S>
    on_failure?: OnFailure<Then>
  },
): Built<ForEachStage, Id, Needs | Then, Items | ReadsOf<S[number]>> => stage('for_each', fields)

/** Waits for a span of time (`30s`, `2h`); the run holds no place meanwhile. */
export const timer = <const Id extends string, const Needs extends string = never>(
  fields: Base<Id, Needs> & { for: string },
): Built<TimerStage, Id, Needs, never> => stage('timer', fields)

/** Waits for a signal by name. After `timeout` it yields `default`, or fails without one. */
export const wait = <
  const Id extends string,
  const Default extends Json = never,
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & { signal: string; timeout: string; default?: Default; on_failure?: OnFailure<Then> },
): Built<WaitStage, Id, Needs | Then, Expressions<Default>> => stage('wait', fields)

/** Asks a person; `default` counts when nobody answers within `timeout`. A refusal fails the stage. */
export const approval = <
  const Id extends string,
  const Show extends Bindings,
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & {
    question: string
    show?: Show
    timeout: string
    default: 'approve' | 'refuse'
    on_failure?: OnFailure<Then>
  },
): Built<ApprovalStage, Id, Needs | Then, Expressions<Show>> => stage('approval', fields)

/** Runs a stored definition (`name`, `name@version` or `sha256:…`) as a run of its own; its result is the output. */
export const run = <
  const Id extends string,
  const Input extends Bindings,
  const Needs extends string = never,
  const Then extends string = never,
>(
  fields: Base<Id, Needs> & { definition: string; input?: Input; on_failure?: OnFailure<Then> },
): Built<RunStage, Id, Needs | Then, Expressions<Input>> => stage('run', fields)
