/** The shape of a run as people look at it; run-view.ts builds it from the events. */
import type { Failure } from '../failure.ts'
import type { Finding } from '../progress/finding.ts'
import type { BudgetView } from './budget-view.ts'
import type { StopName } from './decomposition/state.ts'
import type { EventData, Metrics, VoteResult } from './event.ts'
import type { Json, Value } from './value.ts'

export type AttemptView = {
  attempt: number
  agent: string | null
  started_at: number
  /** From `started_at` on: the back-off of a repetition, and then waiting for the agent's place. */
  delay_ms: number
  queued_ms: number | null
  duration_ms: number | null
  /** Parts of `duration_ms`: waiting for a place at the model, and loading it; null where nobody says. */
  model_queued_ms: number | null
  load_ms: number | null
  failure: Failure | null
  /** What a detector found: why the attempt was ended, what it looked like when its time was over, or that it was slow. */
  finding?: Finding
}

/** What was done about a task that got nowhere. */
export type RemedyView = Omit<EventData['remedy_tried'], 'task'> & {
  at: number
  /** Null = not known yet. */
  healed: boolean | null
  reason: string
}

export type TaskView = {
  id: string
  address: string
  /** `cancelled`: called off before it had settled, because its stage or the run was over without it. */
  state: 'running' | 'completed' | 'failed' | 'asking' | 'cancelled'
  agent: string | null
  capability: string | null
  model: string | null
  attempts: AttemptView[]
  input_tokens: number | null
  output_tokens: number | null
  started_at: number
  duration_ms: number | null
  queued_ms: number | null
  /** Why this agent. */
  why: string
  ballot: string | null
  output: Value
  failure: Failure | null
  /** What was done when it got nowhere; absent while all goes well. */
  remedies?: RemedyView[]
  /** Set when it was, or was to be, divided into smaller tasks. */
  parts: PartsView | null
}

/** How a task was divided. `run` is the run of its parts, once they have begun. */
export type PartsView = {
  state: 'planning' | 'running' | 'ended'
  level: number
  /** What became of the task as a whole; from the end on, what became of its parts. */
  reason: string
  logic: 'and' | 'or' | null
  parts: { capability: string; does: string }[]
  run: string | null
  stop: StopName | null
}

export type StageView = {
  id: string
  kind: string
  /** `cancelled`: called off before it had ended, because the loop around it or the run was over. */
  state: 'running' | 'completed' | 'failed' | 'skipped' | 'cancelled'
  reason: string
  started_at: number
  ended_at: number | null
  iteration: number | null
  metrics: Metrics | null
  vote: VoteResult | null
  child: string | null
  output: Value
  tasks: TaskView[]
}

export type DecisionView = {
  at: number
  seq: number
  stage: string
  kind: 'decide' | 'loop' | 'vote' | 'feedback' | 'compensation' | 'plan'
  taken: string
  then: string[]
  when: string | null
  /** What the decision saw. */
  inputs: { [name: string]: Json }
  reason: string
}

export type PlanView = Pick<
  EventData['plan_proposed'],
  'attempt' | 'source' | 'name' | 'problems' | 'model' | 'usage' | 'analysis' | 'duration_ms'
> & {
  accepted: boolean
  failure: Failure | null
}

export type RunView = {
  goal: string | null
  inputs: { [name: string]: Value }
  by: string
  parent: { run: string; stage: string } | null
  forked_from: { run: string; seq: number; shared?: number } | null
  state: 'queued' | 'planning' | 'running' | 'paused' | EventData['run_finished']['status']
  reason: string
  definition: { hash: string; name: string | null; source: string; reason: string } | null
  plan: PlanView[]
  stages: StageView[]
  decisions: DecisionView[]
  approvals: {
    approval: string
    stage: string
    question: string
    show: Value
    requested_at: number
    due: number
    default: 'approve' | 'refuse'
    /** Address of the task that gets nowhere, where this is about one. */
    task?: string | undefined
  }[]
  effect_questions: { task: string; question: string; asked_at: number }[]
  waits: { stage: string; signal: string; due: number }[]
  result: Value
  success: EventData['run_finished']['success']
  cost: {
    input_tokens: number
    output_tokens: number
    unknown_usage: number
    calls: number
    duration_ms: number | null
    /** What of it the source of a fork has used. */
    shared?: { input_tokens: number; output_tokens: number; calls: number }
  }
  /** What limits the run and what is used of it; null when nothing does. */
  budget: BudgetView | null
  counts: { stages: number; tasks: number; tasks_completed: number; tasks_failed: number; events: number }
  started_at: number | null
  ended_at: number | null
  /** Number of the last event seen. */
  seq: number
  /** What a huge run has more of than is shown; null when everything is here. */
  left_out: { stages: number; tasks: number; decisions: number; hint: string } | null
}

/** A view under construction: `view` is current after each `addEvents`. */
export type RunFold = {
  view: RunView
  stages: Map<string, StageView>
  tasks: Map<string, TaskView>
  left: { stages: number; tasks: number; decisions: number }
}
