/**
 * What is recorded of an attempt for the detectors: bounded, plain JSON, without any text but short excerpts. Asking the
 * detectors again about a record gives the same finding (examine.ts).
 */
import type { Summary } from './accrual.ts'

/** Kinds of evidence of progress that a task may declare. */
export const evidenceKinds = ['artifact', 'check', 'answer', 'fact'] as const
export type EvidenceKind = (typeof evidenceKinds)[number]

/** One thing that the agent did, and what it saw of it: an answer of a model, and what the next request brought along. */
export type Step = {
  /** Milliseconds since the attempt began. */
  at: number
  /** Hash of the answer: the tools it calls with their arguments, or its text. */
  did: string
  /** Hash of what was new in the request that followed; null where nothing was. */
  saw: string | null
  /** It called tools. */
  acts: boolean
  /** What it saw says that it failed. */
  error: boolean
  /** The model could not be asked: `did` is the request, `saw` the kind of failure. */
  unanswered?: true
  /** Of the answer's text and calls, see words.ts. */
  sketch: number[]
  /** What was new, by what a task may declare. */
  fresh: { [kind in EvidenceKind]: boolean }
  /** Characters of the request that followed. */
  context: number
  /** Excerpts for people. */
  said: string
  heard: string
}

/** What the attempt is at, and what would be a sign of life in it. */
export const phases = ['start', 'queue', 'first_token', 'stream', 'tool', 'output'] as const
export type Phase = (typeof phases)[number]

export type Quiet = {
  phase: Phase
  /** Milliseconds since the attempt began: the last sign of life. */
  since: number
  /** Milliseconds without a sign of life that are taken for a fault; null = only the time-out ends it. */
  limit: number | null
  /** What the limit comes from: how long it took this agent before, or what holds for agents that nothing is known of. */
  known: Summary | null
}

export type AttemptRecord = {
  v: 1
  /** What the task declares; null: whatever is new. */
  evidence: EvidenceKind[] | null
  steps: Step[]
  /** All steps, with those that have left the record. */
  step_count: number
  quiet: Quiet
  /** Since when nothing came that had not come before, and by how many signs of life. */
  nothing_new: { since: number; signs: number }
  /** Tokens that were streamed. */
  tokens: number
  models: string[]
}

/** Steps that are kept. */
export const KEPT_STEPS = 24

export const newRecord = (evidence: readonly EvidenceKind[] | null, limit: number | null): AttemptRecord => ({
  v: 1,
  evidence: evidence === null || evidence.length === 0 ? null : [...evidence],
  steps: [],
  step_count: 0,
  quiet: { phase: 'start', since: 0, limit, known: null },
  nothing_new: { since: 0, signs: 0 },
  tokens: 0,
  models: [],
})
