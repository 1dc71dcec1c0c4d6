/** A step of kind `plan` as a request to the planner, and the planner's proposal as what the run is told. */
import type { Step } from '../workflow/command.ts'
import type { EventData } from '../workflow/event.ts'
import { isBlobRef, type Value } from '../workflow/value.ts'
import type { PlanProposal, PlanRequest } from './planner.ts'

export function planRequest(
  run: string,
  step: Extract<Step, { do: 'plan' }>,
  capabilities: PlanRequest['capabilities'],
): PlanRequest {
  const inputs = Object.entries(step.inputs).map(([name, value]) => ({
    name,
    type: Array.isArray(value) ? 'list' : isBlobRef(value) || typeof value === 'string' ? 'text' : typeof value,
    bytes: isBlobRef(value) ? value.bytes : new TextEncoder().encode(JSON.stringify(value) ?? '').byteLength,
  }))
  return {
    run,
    goal: step.goal,
    inputs,
    problems: step.problems,
    attempt: step.attempt,
    template: step.template,
    capabilities,
  }
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
