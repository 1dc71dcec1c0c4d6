/** What one event adds to the sums over time: an ended run, or one ended attempt of a task. */
import { blame } from '../agents/failure-blame.ts'
import type { RunEvent } from '../workflow/event.ts'
import { binOf } from './latency-bins.ts'

export type UsageFact = {
  kind: 'run' | 'task'
  at: number
  /** Empty for a run, and where nobody could take the task. */
  agent: string
  /** Empty where the agent names none. */
  model: string
  /** Of a run its status; of a task `completed`, `failed`, or `other`: a failure that says nothing of the agent. */
  outcome: string
  /** Of the duration, see latency-bins.ts. */
  bin: number
  input_tokens: number
  output_tokens: number
  /** Calls whose tokens nobody reported. */
  unknown_usage: number
  calls: number
}

/** Null for events that end nothing. `began`: when the run started, for its duration. */
export function usageFact(event: RunEvent, began: number): UsageFact | null {
  const { at } = event
  switch (event.type) {
    case 'run_finished':
      return {
        kind: 'run',
        at,
        agent: '',
        model: '',
        outcome: event.data.status,
        bin: binOf(at - began),
        ...tokensOf({ input_tokens: 0, output_tokens: 0, calls: 0 }),
      }
    case 'task_finished':
      return {
        kind: 'task',
        at,
        agent: event.data.agent,
        model: event.data.model ?? '',
        outcome: 'completed',
        bin: binOf(event.data.duration_ms),
        ...tokensOf(event.data.usage),
      }
    case 'task_failed':
      return {
        kind: 'task',
        at,
        agent: event.data.agent ?? '',
        model: '',
        outcome: event.data.agent !== null && blame[event.data.failure.kind].record ? 'failed' : 'other',
        bin: binOf(event.data.duration_ms),
        ...tokensOf(event.data.usage),
      }
    default:
      return null
  }
}

const tokensOf = ({
  input_tokens,
  output_tokens,
  calls,
}: {
  input_tokens: number | null
  output_tokens: number | null
  calls: number
}) => ({
  input_tokens: input_tokens ?? 0,
  output_tokens: output_tokens ?? 0,
  unknown_usage: input_tokens === null || output_tokens === null ? calls : 0,
  calls,
})
