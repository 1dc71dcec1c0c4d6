/**
 * The events of a run: its whole truth. Folding them gives the state; the console draws them; replay and fork read them.
 *
 * Inputs are what happened to the run from outside (`task_finished`, `signal_received` …); they are fed to `next`.
 * The others are derived by `next` itself, so folding the inputs produces them again under the same sequence numbers.
 */
import type { Amounts, CountedUnit, Limits } from '../budget/amounts.ts'
import type { Failure } from '../failure.ts'
import type { Finding } from '../progress/finding.ts'
import type { Cause, Remedy } from '../progress/remedies.ts'
import type { PinnedBudget } from './command.ts'
import type { Cap, DividedTask, Lineage, StopName } from './decomposition/state.ts'
import type { Json, Value } from './value.ts'

/** Tokens of one call. `null` = the agent system does not report them; never 0 for unknown. */
export type Usage = {
  input_tokens: number | null
  output_tokens: number | null
  calls: number
  /** What it cost by the price table, in millionths of the currency; null = not known. Left out where nothing has a price. */
  money?: number | null
  /** Nobody counted some of the tokens: they are an estimate, on the high side. */
  estimated?: boolean
}

export type BudgetUnit = CountedUnit | 'wall_clock' | 'depth' | 'fan_out'

/** Which account denies what. Money in millionths, time in milliseconds. */
export type BudgetDenied = { account: string; unit: BudgetUnit; wanted: number; left: number; limit: number }

export type Metrics = {
  /** Tasks or ballots counted. */
  n: number
  succeeded: number
  failed: number
  /** Agreement of the outputs in [0, 1]; null when n < 2, with the reason. */
  agreement: number | null
  agreement_reason?: string
  tokens: number | null
  duration_ms: number
}

export type VoteResult = {
  status: 'decided' | 'no_quorum' | 'tie' | 'plurality_only'
  winner: string | null
  /** Share of the votes cast, by option. */
  shares: Record<string, number>
  counts: Record<string, number>
  eligible: number
  valid: number
  invalid: number
  quorum: number
  threshold: number
  reason: string
}

/** What else could be tried after a failed attempt, as far as the fleet knew then. */
export type Could = {
  /** `host/model` that the same agent could ask instead; null = it asks none, or there is no other. */
  other_model: string | null
  /** An agent that has not failed this task takes it. */
  other_agent: boolean
}

/** What a run has used in all; `unknown_usage` = calls whose tokens nobody reported. */
export type UsedSoFar = { input_tokens: number; output_tokens: number; unknown_usage: number; calls: number }

/** Data of each event type. */
export type EventData = {
  // inputs
  run_started: {
    goal: string | null
    /** Hash of the definition, or null: one has to be planned first. */
    definition: string | null
    inputs: { [name: string]: Value }
    parent?: { run: string; stage: string }
    /** `shared`: up to this number the events of this run were taken over; what they cost (`used`), the source has used. */
    forked_from?: { run: string; seq: number; shared?: number; used?: UsedSoFar }
    by: string
    /** Content hash of each agent that the definition names, as it was then; those that are not there are left out. */
    agents?: { [name: string]: string }
    /** Version of the program. */
    program?: string
    budget?: PinnedBudget
    /** What holds for votes that do not say it themselves, where the configuration does. */
    votes?: { threshold?: number; timeout_ms?: number }
    /** Of a run whose stages are the parts of a task of its parent. */
    decomposition?: Lineage
  }
  plan_proposed: {
    attempt: number
    source: 'model' | 'template'
    /** Hash of the stored definition when the proposal passed the check. */
    definition: string | null
    name: string | null
    problems: string[]
    model: string | null
    usage: Usage
    analysis: string | null
    raw: Value
    failure?: Failure
    /** Which account of several runs said no, when the failure is `budget_exhausted`. */
    denied?: BudgetDenied
    duration_ms: number
    /** As in run_started, of the agents that the plan names. */
    agents?: { [name: string]: string }
  }
  task_finished: {
    task: string
    attempt: number
    agent: string
    model: string | null
    output: Value
    usage: Usage
    duration_ms: number
    queued_ms: number
    /** Parts of `duration_ms`, where they are known: waiting for a place at the model, and loading it. */
    model_queued_ms?: number
    load_ms?: number
    why: string
    /** Hash of the prompt that was sent, where there was one. */
    prompt?: Value
    effect_key: string
    /** The ballot of a vote task: the option chosen. */
    ballot?: string
    /** Content hash of the agent as it was asked, and the digest of the model where its host gives one. */
    agent_hash?: string
    model_digest?: string
    /** That the attempt was slow for its agent. */
    finding?: Finding
  }
  task_failed: {
    task: string
    attempt: number
    agent: string | null
    failure: Failure
    retryable: boolean
    usage: Usage
    duration_ms: number
    queued_ms: number
    why: string
    /** Which account of several runs said no, when the failure is `budget_exhausted`. */
    denied?: BudgetDenied
    /** The program ended while the call was in hand: it is charged in full, and counts as no attempt. */
    interrupted?: true
    agent_hash?: string
    /** What a detector found (src/progress), where it ended the attempt, or its time ran out. */
    finding?: Finding
    could?: Could
  }
  collected: { stage: string; output: Value; metrics: Metrics }
  /** Items of a list that is held by reference, from the number `from` on; none when it cannot be read. */
  items_read: { stage: string; from: number; items: Value[]; failure?: Failure }
  timer_fired: { timer: string }
  signal_received: { name: string; data: Value; by: string }
  approval_given: { approval: string; decision: 'approve' | 'refuse'; comment: string; by: string }
  effect_resolved: { task: string; happened: boolean; comment: string; by: string; output?: Value }
  child_finished: {
    stage: string
    run: string
    status: string
    output: Value
    /** What the child and all below it used. */
    used?: { spent: Amounts; estimated: Amounts }
    /** Of a run that worked off the parts of a task (`stage` is its address): tasks planned in it and below it. */
    nodes?: number
    /** Whether what it was to reach is reached; its status alone does not say so. */
    goal_met?: boolean
  }
  /** How a planner would divide a task that failed for good, or is too large. Texts are cut and cleaned. */
  decomposition_proposed: {
    task: string
    attempt: number
    /** `and`: all parts, in this order. `or`: the first that succeeds. Null when nothing usable was said. */
    logic: 'and' | 'or' | null
    parts: { capability: string; does: string }[]
    /** Hash of the stored definition when the proposal passed the check. */
    definition: string | null
    problems: string[]
    model: string | null
    usage: Usage
    analysis: string | null
    raw: Value
    failure?: Failure
    denied?: BudgetDenied
    /** The program ended while the planner was asked: it is charged in full, and counts as no attempt. */
    interrupted?: true
    duration_ms: number
  }
  cancel_requested: { by: string; reason: string }
  pause_requested: { by: string; reason: string }
  resume_requested: { by: string; reason: string }
  /** A person, or a policy of one, lets the run use more. Money in millionths, time in milliseconds. */
  budget_raised: { unit: BudgetUnit; to: number; by: string; reason: string }
  /** From here on the run follows `definition`, a newer version; what had happened would have happened under it, too. */
  definition_changed: { definition: string; from: string; by: string }
  /** A newer version was to be followed and does not fit what has happened: the run stays with its own. */
  definition_kept: { definition: string; from: string; by: string; reason: string }
  /** Another version of the program drives the run from here on. `from` is null in logs that begin without it. */
  program_changed: { from: string | null; to: string }
  // derived
  /** What did the task is not what the run knew under this name: another content of the agent, or another model. */
  agent_changed: { agent: string; task: string; what: 'agent' | 'model'; from: string; to: string }
  plan_requested: { attempt: number; problems: string[] }
  definition_chosen: {
    definition: string
    name: string
    source: 'given' | 'model' | 'repaired' | 'template'
    reason: string
  }
  stage_started: { stage: string; kind: string }
  task_started: {
    task: string
    attempt: number
    agent: string | null
    capability: string | null
    excluded: string[]
    delay_ms: number
    /** What was reserved for it, in which account. */
    reserved?: { account: string } & Amounts
  }
  loop_iterated: { stage: string; iteration: number; until: boolean | null; reason: string }
  decision_made: {
    stage: string
    taken: number | 'otherwise'
    then: string[]
    when: string | null
    values: { [name: string]: Json }
    reason: string
  }
  vote_closed: { stage: string; result: VoteResult }
  timer_started: { timer: string; due: number }
  approval_requested: {
    approval: string
    stage: string
    question: string
    show: Value
    due: number
    default: 'approve' | 'refuse'
    /** Of a task that gets nowhere: its address. Approved, it is tried once more, and told the comment. */
    task?: string
  }
  effect_question: { task: string; question: string }
  /** What is done about a task that gets nowhere. `attempt`: the one that follows from it; null = none does. */
  remedy_tried: {
    task: string
    remedy: Remedy
    attempt: number | null
    /** Why: what was found, or the kind of failure. */
    cause: Cause
    facts: string
    agent: string | null
    model: string | null
  }
  /** What became of it. */
  remedy_ended: { task: string; remedy: Remedy; healed: boolean; reason: string }
  wait_started: { stage: string; signal: string; due: number }
  child_started: { stage: string; run: string; definition: string }
  /** A planner is asked to divide the task; `level` is that of the task, 1 at the top. */
  decomposition_requested: {
    task: string
    attempt: number
    level: number
    /** Parts that it may have at most. */
    breadth: number
    /** Why: what became of the task as a whole. */
    reason: string
    /** What was wrong with the proposal before. */
    problems: string[]
    reserved?: { account: string } & Amounts
  }
  /** A cap said no. */
  decomposition_denied: { task: string; cap: Cap; wanted: number; limit: number; reason: string }
  /** The parts begin, as a run of their own (`child_started`). */
  task_decomposed: DividedTask
  /** Why it came to its end, or did not begin. */
  decomposition_ended: {
    task: string
    stop: StopName
    reason: string
    level: number
    run: string | null
    /** Tasks planned below this one. */
    nodes: number
  }
  stage_finished: {
    stage: string
    status: 'completed' | 'failed' | 'skipped'
    reason: string
    metrics: Metrics | null
    output: Value
  }
  feedback_fired: { feedback: string; action: string; values: { [name: string]: Json } }
  compensation_started: { reason: string; tasks: string[] }
  compensation_finished: { task: string; undone: boolean; reason: string }
  budget_opened: {
    account: string
    parent: string | null
    limits: Limits
    /** Kept back for the close-out. */
    keep: Amounts
    wall_clock_ms: number | null
    depth: number | null
    fan_out: number | null
    /** What the planner had used by then, and the part of it that nobody reported. */
    spent?: Amounts
    estimated?: Amounts
    /** By which money is reserved, where anything has a price: for a million tokens. */
    price?: { input: number; output: number }
  }
  /** Two thirds are used; from now on the agents are told. */
  budget_notice: { account: string; unit: CountedUnit | 'wall_clock'; limit: number; spent: number; left: number }
  /** `by`: address of the task or stage that asked. */
  budget_denied: BudgetDenied & { by: string }
  /** Nothing new begins; what is in hand is waited for, then the best partial result is made. */
  close_out_started: { reason: string; in_hand: number }
  run_paused: { reason: string; by: string }
  run_resumed: { reason: string; by: string }
  run_finished: {
    status: 'completed' | 'partial' | 'failed' | 'cancelled'
    reason: string
    output: Value
    success: { id: string; met: boolean | null; reason: string }[]
    /** Feedback rules that have never fired, for want of a value: which one. */
    not_fired?: { id: string; reason: string }[]
  }
}

export type EventType = keyof EventData

/** Which events are inputs of `next`. Total, so that a new event type has to say. */
export const isInput = {
  run_started: true,
  plan_proposed: true,
  task_finished: true,
  task_failed: true,
  collected: true,
  items_read: true,
  timer_fired: true,
  signal_received: true,
  approval_given: true,
  effect_resolved: true,
  child_finished: true,
  decomposition_proposed: true,
  cancel_requested: true,
  pause_requested: true,
  resume_requested: true,
  budget_raised: true,
  definition_changed: true,
  definition_kept: true,
  program_changed: true,
  agent_changed: false,
  plan_requested: false,
  definition_chosen: false,
  stage_started: false,
  task_started: false,
  loop_iterated: false,
  decision_made: false,
  vote_closed: false,
  timer_started: false,
  approval_requested: false,
  effect_question: false,
  remedy_tried: false,
  remedy_ended: false,
  wait_started: false,
  child_started: false,
  decomposition_requested: false,
  decomposition_denied: false,
  task_decomposed: false,
  decomposition_ended: false,
  stage_finished: false,
  feedback_fired: false,
  compensation_started: false,
  compensation_finished: false,
  budget_opened: false,
  budget_notice: false,
  budget_denied: false,
  close_out_started: false,
  run_paused: false,
  run_resumed: false,
  run_finished: false,
} as const satisfies { [T in EventType]: boolean }

export type InputType = { [T in EventType]: (typeof isInput)[T] extends true ? T : never }[EventType]

/** Version of the event format; an older one is upcast on reading. */
export const EVENT_VERSION = 1

/** One line of the log. `cause` is the sequence number of the input that made it, or null for an input. */
export type RunEvent<T extends EventType = EventType> = {
  [K in T]: { run: string; seq: number; at: number; type: K; v: number; cause: number | null; data: EventData[K] }
}[T]

/** An input before it has a sequence number. `mail` numbers what came through the inbox. */
export type RunInput<T extends InputType = InputType> = {
  [K in T]: { at: number; type: K; data: EventData[K]; mail?: number }
}[T]
