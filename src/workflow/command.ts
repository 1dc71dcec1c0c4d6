/** What `next` asks the shell to do. */
import type { Amounts, CountedUnit, Limits } from '../budget/amounts.ts'
import type { Purpose } from '../budget/tree.ts'
import type { EvidenceKind } from '../progress/record.ts'
import type { Lineage } from './decomposition/state.ts'
import type { EffectClass, Task } from './definition.ts'
import type { BlobRef, Json, Value } from './value.ts'

/** An account that several runs draw on: it is kept in the store, under this id. */
export type OutsideAccount = { id: string; limits: Limits; keep: Amounts }

/** What the runs above, or the request, say about the budget of a run. Pinned when it starts. */
export type PinnedBudget = {
  /** Of the request, besides those of the definition. */
  limits?: Limits
  wall_clock_ms?: number
  /** Accounts of the runs above, nearest first. */
  outside?: OutsideAccount[]
  depth?: number
  fan_out?: number
  /** The dearest price of a call, by which money is reserved: for a million tokens. */
  price?: { input: number; output: number }
}

/** What was reserved for a call, and where else the shell has to reserve it. */
export type CallBudget = {
  account: string
  amounts: Amounts
  purpose: Purpose
  accounts: OutsideAccount[]
  /** What it may use at most, its own reservation included, as far as the run knows; null = nothing limits it. */
  left: { [U in CountedUnit]: number | null }
  /** When it was asked for: a call that was asked for before this process began may have been begun by the one before. */
  asked_at: number
}

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
  /** Facts about the budget, and about earlier attempts, that the agent is told, as data. */
  notice?: string
  /** Only an agent that has not failed this task. */
  only_others?: true
  /** `host/model` that is asked in place of the agent's own. */
  model?: string
  /** What the task declares as evidence of progress. */
  evidence?: EvidenceKind[]
  /** Of a run with a budget. */
  budget?: CallBudget
}

/** Asks a planner to divide one task into smaller ones. Task, failure and inputs are data to it, never instructions. */
export type DivideTask = {
  do: 'divide'
  /** Address of the task. */
  task: string
  attempt: number
  /** The task as its definition has it: what its parts keep of it. */
  whole: Pick<Task, 'instructions' | 'output_schema' | 'effect' | 'timeout' | 'attempts' | 'max_output_tokens'>
  input: { [name: string]: Value }
  /** CEL over `output`: what the result must fulfil. */
  success: string | null
  /** What became of the task as a whole. */
  failure: string
  /** Parts that it may have at most; at least 2. */
  breadth: number
  problems: string[]
  goal: string | null
  max_output_tokens: number | null
  budget?: CallBudget
}

export type Command =
  | {
      do: 'plan'
      attempt: number
      goal: string
      inputs: { [name: string]: Value }
      problems: string[]
      template: boolean
    }
  | CallAgent
  | {
      do: 'collect'
      stage: string
      outputs: { task: string; output: Value }[]
      started_at: number
      n: number
      succeeded: number
      failed: number
      tokens: number | null
    }
  /** The next items of a list that is held by reference: at least one, as many as are read at once. */
  | { do: 'read_items'; stage: string; list: BlobRef; from: number }
  | { do: 'start_timer'; timer: string; due: number }
  /** Ends the outside work of a step; its answer is not waited for. */
  | { do: 'cancel_step'; step: string }
  | {
      do: 'start_run'
      stage: string
      run: string
      definition: string
      inputs: { [name: string]: Value }
      budget?: PinnedBudget
      /** The stages of this run are parts of the task at `stage`. */
      decomposition?: Lineage
    }
  | DivideTask
  | { do: 'cancel_child'; stage: string; reason: string }

/** Commands that come back as an input event. Their address is unique within the run and never used again. */
export type Step = Extract<Command, { do: 'plan' | 'call_agent' | 'collect' | 'read_items' | 'start_run' | 'divide' }>

/** The planner's work on a task, beside the task. */
export const planOf = (task: string): string => `${task}~plan`

export function stepAddress(step: Step): string {
  switch (step.do) {
    case 'plan':
      return `plan#${step.attempt}`
    case 'collect':
      return `${step.stage}/collect`
    case 'read_items':
      return `${step.stage}/items#${step.from}`
    case 'start_run':
      return `${step.stage}/run`
    case 'call_agent':
      return `${step.task}#${step.attempt}`
    case 'divide':
      return `${planOf(step.task)}#${step.attempt}`
  }
}
