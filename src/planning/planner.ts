/** From a goal to a definition. The model proposes under a grammar; the checker judges; the reducer in `workflow/` counts the tries. */
import type { Failure } from '../failure.ts'
import type { DivideTask } from '../workflow/command.ts'
import type { Definition } from '../workflow/definition.ts'
import type { Usage } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'

export type PlanRequest = {
  run: string
  goal: string
  /** Names and sizes of the inputs the run has, so that stages can use them. */
  inputs: { name: string; type: string; bytes: number }[]
  /** What was wrong with the attempt before. */
  problems: string[]
  attempt: number
  /** Take a template now: no more repairs, or no model. */
  template: boolean
  capabilities: { [capability: string]: number }
}

export type PlanProposal = {
  source: 'model' | 'template'
  /** Set when it passed every check. */
  definition: Definition | null
  problems: string[]
  analysis: string | null
  model: string | null
  usage: Usage
  /** What the model said, for the record. */
  raw: Json
  failure?: Failure
  duration_ms: number
}

/** A task that is to be divided into smaller ones. All texts are data to the planner. */
export type DivisionRequest = {
  run: string
  /** Address of the task. */
  task: string
  attempt: number
  whole: DivideTask['whole']
  /** The goal that the task serves. */
  goal: string | null
  /** What became of the task as a whole. */
  failure: string
  inputs: PlanRequest['inputs']
  /** Parts that it may have at most; at least 2. */
  breadth: number
  problems: string[]
  /** CEL over `output`: what the result must fulfil. */
  success: string | null
  max_output_tokens: number | null
  capabilities: PlanRequest['capabilities']
}

export type DivisionProposal = Omit<PlanProposal, 'source'> & {
  /** `and`: all parts, in this order. `or`: the first that succeeds. Null when nothing usable was said. */
  logic: 'and' | 'or' | null
  /** As the model said them, cleaned, however many. */
  parts: { capability: string; does: string }[]
}

export type Planner = {
  propose: (request: PlanRequest, signal: AbortSignal) => Promise<PlanProposal>
  divide: (request: DivisionRequest, signal: AbortSignal) => Promise<DivisionProposal>
}
