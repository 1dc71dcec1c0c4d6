/** The state of a run: what folding its events gives. Plain JSON; it is stored between segments. */

import type { FailureSeen } from '../progress/failures.ts'
import type { Remedy } from '../progress/remedies.ts'
import type { PinnedBudget } from './command.ts'
import type { Lineage, PartsState } from './decomposition/state.ts'
import type { EventData, Metrics, UsedSoFar, VoteResult } from './event.ts'
import type { RunBudget } from './run-budget.ts'
import type { BlobRef, Value } from './value.ts'

export const STATE_VERSION = 1

export const runStatuses = [
  'queued',
  'planning',
  'running',
  'waiting',
  'paused',
  'completed',
  'partial',
  'failed',
  'cancelled',
] as const
export type RunStatus = (typeof runStatuses)[number]
export const endedStatuses: readonly RunStatus[] = ['completed', 'partial', 'failed', 'cancelled']
export const hasEnded = (status: RunStatus): boolean => endedStatuses.includes(status)

/** One task of a running stage; gone when its stage has settled. */
export type TaskState = {
  /** `stuck`: a person is asked whether it is tried once more. */
  s: 'running' | 'done' | 'failed' | 'asking' | 'parked' | 'stuck'
  attempt: number
  /** Attempts that ended because the program did: they do not count. */
  interrupted?: number
  /** Agents that failed this task already. */
  tried: string[]
  /** What it was given first, and is given again at each attempt. */
  input?: { [name: string]: Value }
  out?: Value
  agent?: string
  ballot?: string | null
  reason?: string
  tokens: number | null
  /** Attempts that failed, the last ones, and what was tried about them; absent while all goes well. */
  trouble?: Trouble
  /** Set from the time on that it is, or was to be, divided into smaller ones. */
  parts?: PartsState
}

/** Of a task that failed at least once. */
export type Trouble = {
  failures: FailureSeen[]
  /** Remedies in the order in which they were tried; of the last one the outcome may be open. */
  remedies: { remedy: Remedy; open: boolean }[]
  /** What its next attempts are told: facts, and what a person said. */
  told?: string
  /** How its next attempt is made, other than the definition says. */
  next?: { agent?: string; model?: string; only_others?: true }
}

export type StageState = {
  s: 'running' | 'done' | 'failed' | 'skipped'
  started_at: number
  ended_at?: number
  /** Tasks of a stage that runs; dropped when it has settled. */
  tasks?: { [id: string]: TaskState }
  /** Tasks, items or children that have not settled. */
  open?: number
  /** Body of a loop: the iteration that runs now. */
  scope?: Scope
  iteration?: number
  /** Bodies of a for_each that run now, by index. */
  items?: { [index: string]: Scope }
  /** The list a for_each goes through, and how far it is. Of a list held by reference, the items read last. */
  list?: Value[] | BlobRef
  window?: { from: number; items: Value[] }
  next_item?: number
  item_failures?: number
  /** Outputs of the tasks or items, by id or index; kept for stages of at most {@link KEPT_OUTPUTS} of them. */
  outs?: { [id: string]: Value }
  out?: Value
  metrics?: Metrics
  vote?: VoteResult
  decision?: 'approve' | 'refuse'
  reason?: string
}

/** A settled stage keeps the outputs of its single tasks only up to this many, so that state stays small. */
export const KEPT_OUTPUTS = 50

/** One level of stages: the definition's own, an iteration of a loop, an item of a for_each. */
export type Scope = {
  stages: { [id: string]: StageState }
  /** Stages not settled yet. */
  open: number
  /** Stages selected by a decision or by a failure. */
  picked: { [id: string]: true }
  /** The stage that completed last. */
  last?: string
  failed: number
  item?: Value
  index?: number
  iteration?: number
}

export type Totals = UsedSoFar & {
  /** In millionths. */
  money: number
  tasks_done: number
  tasks_failed: number
  stages_done: number
  stages_failed: number
}

/** A task whose effect has to be undone should the run fail. */
export type Undo = {
  task: string
  agent: string | null
  capability: string | null
  instructions: string
  input: { [name: string]: Value }
}

/** What feedback loops have changed so far. */
export type FeedbackState = {
  fired: { [id: string]: number }
  /** Which value was missing when a rule was looked at, the first time. */
  no_value?: { [id: string]: string }
  /** Tasks completed, by capability and agent. */
  wins: { [capability: string]: { [agent: string]: number } }
  amplified?: true
  /** The stage that explores; empty until one begins. */
  exploring?: string
  shared?: true
  hastened?: true
  /** Stages for which nothing fires. */
  frozen: number
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
  parent: { run: string; stage: string } | null
  started_at: number
  ended_at?: number
  top: Scope
  /** Steps that were asked for and have not come back, in the order they were asked for. */
  steps: { [address: string]: true }
  timers: { [id: string]: number }
  /** Signals that came before anything waited for them. */
  signals: { [name: string]: Value[] }
  /** Open approvals: id to address of the stage. */
  approvals: { [id: string]: string }
  totals: Totals
  /** Of a fork: what of the totals its source has used. */
  before_fork?: UsedSoFar
  paused: { by: string; reason: string } | null
  undo: Undo[]
  /** Set while a run that fails or was cancelled undoes what it did. */
  ending?: { status: 'failed' | 'cancelled'; reason: string; attempt: number; failed: string[] }
  /** Set while a run whose budget is used up finishes what is in hand and makes its best partial result. */
  closing?: { reason: string; attempt: number; output?: Value }
  /** What the request and the runs above say about the budget. */
  pinned?: PinnedBudget
  /** What holds for votes that do not say it themselves. */
  votes?: EventData['run_started']['votes']
  /** From the time the definition is known, where something limits the run. */
  budget?: RunBudget
  /** Of a run whose stages are the parts of a task of its parent; `given` is what `left` began with. */
  decomposition?: Lineage & { given: number; met?: boolean }
  feedback: FeedbackState
  /** What the run knows each agent as: its content, and the model that answered for it last. */
  agents: { [name: string]: { hash: string; model?: string } }
  /** Version of the program that drives the run; null where the log does not say. */
  program: string | null
  output?: Value
}

/** True when no stage may begin any more: the run has ended, is closing out, or is undoing what it did. */
export const isOver = (state: RunState): boolean =>
  state.ended_at !== undefined || state.ending !== undefined || state.closing !== undefined
