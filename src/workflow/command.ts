/** What `next` asks the shell to do. */
import type { EffectClass } from './definition.ts'
import type { EventData, EventType } from './event.ts'
import type { Json, Value } from './value.ts'

/** One attempt of one task by one agent. */
export type CallAgent = {
  do: 'call_agent'
  /** Address of the task within the run, `improve[2].write/draft`. */
  task: string
  attempt: number
  agent: string | null
  capability: string | null
  /** Agents named as fall-back, in order. */
  fallback: string[]
  /** Agents not to be used, because they failed this task. */
  excluded: string[]
  instructions: string
  input: { [name: string]: Value }
  output_schema: { [key: string]: Json } | null
  effect: EffectClass | null
  timeout_ms: number | null
  max_output_tokens: number | null
  /** Wait before this attempt (back-off with jitter, decided by seed: same run, task, attempt → same wait). */
  delay_ms: number
  goal: string | null
}

export type Command =
  | { do: 'emit'; type: EventType; data: EventData[EventType] }
  | { do: 'plan'; attempt: number; goal: string; inputs: { [name: string]: Value }; problems: string[]; last: boolean }
  | CallAgent
  | { do: 'collect'; stage: string; outputs: { task: string; output: Value }[]; started_at: number; succeeded: number; failed: number; tokens: number | null }
  | { do: 'start_timer'; timer: string; due: number }
  | { do: 'cancel_call'; task: string }
  | { do: 'start_run'; stage: string; run: string; definition: string; inputs: { [name: string]: Value } }
  | { do: 'cancel_run'; run: string; reason: string }

/** Commands that come back as an input event with the same address. */
export type Step = Extract<Command, { do: 'plan' | 'call_agent' | 'collect' }>

export const stepAddress = (step: Step): string =>
  step.do === 'plan' ? `plan:${step.attempt}` : step.do === 'collect' ? `collect:${step.stage}` : `${step.task}#${step.attempt}`
