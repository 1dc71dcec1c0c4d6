/**
 * The package `quorate`: define agents and workflows in code, run them here (`openQuorate`) or on a server (`connect`).
 * Names in data (stages, events, agents) are those of the API and of YAML; see docs/library.md.
 */
// biome-ignore-all lint/performance/noBarrelFile: a package has one door; nothing inside imports it.
export type { Failure, FailureKind } from '../failure.ts'
export type { Definition, Stage, StageKind, Task } from '../workflow/definition.ts'
export type { EventData, EventType, RunEvent } from '../workflow/event.ts'
export type { BlobRef, Json, Value } from '../workflow/value.ts'
export { connect, type Quorate, type Run, type RunResult } from './connect.ts'
export {
  type DefinedAgent,
  defineAgent,
  type FunctionAgent,
  type FunctionContext,
  type FunctionTask,
  type SystemAgent,
} from './define-agent.ts'
export { defineWorkflow, type Workflow } from './define-workflow.ts'
export { type OpenOptions, openQuorate } from './open-quorate.ts'
export { QuorateError } from './quorate-error.ts'
export { approval, decide, for_each, loop, run, tasks, timer, vote, wait } from './stages.ts'
export type { Inputs, InputsReceived, InputValues } from './typed-stage.ts'
