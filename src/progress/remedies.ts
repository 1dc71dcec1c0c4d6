/**
 * What is tried when an attempt got nowhere, in this order; each at most as often as it is capped. What does not help
 * against a cause is left out of its ladder: to a tool that hangs nothing can be told.
 */
import type { FailureKind } from '../failure.ts'
import type { Detector, Finding } from './finding.ts'

export const remedies = [
  'tell',
  'restart',
  'other_model',
  'other_agent',
  'smaller_task',
  'set_aside',
  'ask_person',
] as const
export type Remedy = (typeof remedies)[number]

/** Times that a task is given each remedy at most. */
export const remedyCaps: Record<Remedy, number> = {
  tell: 1,
  restart: 1,
  other_model: 1,
  other_agent: 2,
  smaller_task: 1,
  set_aside: 1,
  ask_person: 1,
}

/** Attempts in all when a ladder is climbed and the definition does not say how many there may be. */
export const LADDER_ATTEMPTS = 5

/** Remedies that give the task to an agent once more. */
export const asksAgain = (remedy: Remedy): boolean =>
  remedy === 'tell' || remedy === 'restart' || remedy === 'other_model' || remedy === 'other_agent'

const goesInCircles: readonly Remedy[] = ['tell', 'other_model', 'other_agent', 'smaller_task']
const isStuck: readonly Remedy[] = ['restart', 'other_model', 'other_agent', 'smaller_task']

export type Cause = Detector | 'model_missing' | 'too_large' | 'repeated_failure'

const ladders: Record<Cause, readonly Remedy[]> = {
  same_call: goesInCircles,
  alternating: goesInCircles,
  reworded: goesInCircles,
  no_evidence: goesInCircles,
  silence: isStuck,
  stalled_stream: isStuck,
  // It has been begun anew often enough.
  crash_loop: ['other_model', 'other_agent', 'smaller_task'],
  poison: ['smaller_task'],
  // Nothing fails for being slow.
  slow: [],
  // Given back, not failed.
  lease: [],
  model_missing: ['other_model', 'other_agent'],
  too_large: ['smaller_task', 'other_agent'],
  repeated_failure: ['other_model'],
}

/** Every ladder that a detector begins ends so. */
const atTheEnd: readonly Remedy[] = ['set_aside', 'ask_person']

/** Which ladder is climbed after a failure; null = none, it is tried again as ever. @param times that it failed like this */
export function causeOf(finding: Finding | null, kind: FailureKind, times: number): Cause | null {
  if (finding !== null) return finding.detector
  if (kind === 'model_missing' || kind === 'too_large') return kind
  return times >= 2 ? 'repeated_failure' : null
}

export const ladderOf = (cause: Cause, found: boolean): readonly Remedy[] =>
  found ? [...ladders[cause], ...atTheEnd] : ladders[cause]
