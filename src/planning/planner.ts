/** From a goal to a definition. The model proposes under a grammar; the checker judges; the reducer in `workflow/` counts the tries. */
import type { Failure } from '../failure.ts'
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

export type Planner = { propose: (request: PlanRequest, signal: AbortSignal) => Promise<PlanProposal> }
