/** The state of a run: what folding its events gives. Plain JSON; it is stored between segments. */
import type { Metrics, Usage, VoteResult } from './event.ts'
import type { BlobRef, Value } from './value.ts'

export const STATE_VERSION = 1

export const runStatuses = ['queued', 'planning', 'running', 'waiting', 'paused', 'completed', 'partial', 'failed', 'cancelled'] as const
export type RunStatus = (typeof runStatuses)[number]
export const endedStatuses: readonly RunStatus[] = ['completed', 'partial', 'failed', 'cancelled']
export const hasEnded = (status: RunStatus): boolean => endedStatuses.includes(status)

/** One task of a running stage; gone when its stage has settled. */
export type TaskState = {
  s: 'running' | 'done' | 'failed' | 'asking'
  attempt: number
  /** Agents that failed this task already. */
  tried: string[]
  out?: Value
  agent?: string
  ballot?: string
  reason?: string
  tokens?: number | null
}

export type StageState = {
  s: 'running' | 'done' | 'failed' | 'skipped'
  started_at?: number
  tasks?: { [id: string]: TaskState }
  open?: number
  /** Body of a loop: the iteration that runs now. */
  scope?: Scope
  iteration?: number
  /** Bodies of a for_each that run now, by index. */
  items?: { [index: string]: Scope }
  pending?: Value[]
  next_item?: number
  outputs?: Value[]
  out?: Value
  metrics?: Metrics
  vote?: VoteResult
  due?: number
  child?: string
}

/** One level of stages: the definition's own, an iteration of a loop, an item of a for_each. */
export type Scope = {
  stages: { [id: string]: StageState }
  /** Stages not settled yet. */
  open: number
  /** Stages selected by a decision (`true`) or ruled out (`false`) so far. */
  picked: { [id: string]: boolean }
  last?: string
  item?: Value
  index?: number
  iteration?: number
}

export type RunState = {
  v: typeof STATE_VERSION
  run: string
  /** `new` until run_started was fed. */
  status: RunStatus | 'new'
  reason: string
  /** Sequence number of the last event, inputs and derived ones alike. */
  seq: number
  /** Number of the last mail fed. */
  mail: number
  goal: string | null
  definition: string | null
  inputs: { [name: string]: Value }
  started_at: number
  ended_at?: number
  plan?: { attempt: number; problems: string[] }
  top: Scope
  /** Addresses of calls that were asked for and have not come back. */
  calls: { [address: string]: true }
  timers: { [id: string]: number }
  signals: { [name: string]: { data: Value; by: string }[] }
  approvals: { [id: string]: string }
  totals: { input_tokens: number; output_tokens: number; unknown_usage: number; calls: number; tasks_done: number; tasks_failed: number; stages_done: number; stages_failed: number }
  paused?: { by: string; reason: string }
  /** Commands held back while the run is paused. */
  held: import('./command.ts').Command[]
  output?: Value
  feedback: { [id: string]: number }
}

export type { BlobRef, Usage }
