/** A step of kind `plan` as a request to the planner, and the planner's proposal as what the run is told. */
import type { DivideTask, Step } from '../workflow/command.ts'
import type { EventData } from '../workflow/event.ts'
import { isBlobRef, type Value } from '../workflow/value.ts'
import type { DivisionRequest, PlanProposal, PlanRequest } from './planner.ts'

export function planRequest(
  run: string,
  step: Extract<Step, { do: 'plan' }>,
  capabilities: PlanRequest['capabilities'],
): PlanRequest {
  return {
    run,
    goal: step.goal,
    inputs: inputsOf(step.inputs),
    problems: step.problems,
    attempt: step.attempt,
    template: step.template,
    capabilities,
  }
}

const inputsOf = (inputs: { [name: string]: Value }): PlanRequest['inputs'] =>
  Object.entries(inputs).map(([name, value]) => ({
    name,
    type: Array.isArray(value) ? 'list' : isBlobRef(value) || typeof value === 'string' ? 'text' : typeof value,
    bytes: isBlobRef(value) ? value.bytes : new TextEncoder().encode(JSON.stringify(value) ?? '').byteLength,
  }))

/** A step of kind `divide` as a request to the planner. */
export function divisionRequest(
  run: string,
  { do: _, input, budget: __, ...step }: DivideTask,
  capabilities: PlanRequest['capabilities'],
): DivisionRequest {
  return { run, ...step, inputs: inputsOf(input), capabilities }
}

export function planProposed(
  attempt: number,
  proposal: PlanProposal,
  stored: { hash: string; name: string } | null,
  raw: Value,
): EventData['plan_proposed'] {
  return {
    attempt,
    source: proposal.source,
    definition: stored?.hash ?? null,
    name: stored?.name ?? null,
    problems: proposal.problems,
    model: proposal.model,
    usage: proposal.usage,
    analysis: proposal.analysis,
    raw,
    ...(proposal.failure === undefined ? {} : { failure: proposal.failure }),
    duration_ms: proposal.duration_ms,
  }
}
