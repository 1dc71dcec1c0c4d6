/**
 * Whether an agent is well, as separate gates that must all be open: no weighted sum, which would hide a closed one
 * (algorithms: success as the lower end of its Wilson interval, breaker, p95 against its own baseline). A gate without
 * enough data is neither open nor closed.
 */
import { agentBreakerDefaults, type Breaker } from '../agents/circuit-breaker.ts'
import { wilson } from '../agents/track-record.ts'
import { binnedQuantile } from './latency-bins.ts'
import { LEAST_RESULTS } from './success-rate.ts'

export type HealthGate = {
  name: 'answers' | 'success' | 'breaker' | 'latency'
  /** Null: cannot be told yet. */
  open: boolean | null
  value: number | string | null
  limit: string
  n: number | null
  reason: string
}

/** A p95 of more than twice the usual one closes the gate. */
const SLOWER = 2

export type HealthEvidence = {
  /** What the last check or call said; null before the first. */
  answers: { ok: boolean; detail: string } | null
  breaker: Breaker['state']
  /** Results of the last day. */
  recent: { completed: number; failed: number }
  /** Durations by bin: of the last day, and of the 30 days before it. */
  recent_durations: ReadonlyMap<number, number>
  usual_durations: ReadonlyMap<number, number>
}

export function healthGates(evidence: HealthEvidence): HealthGate[] {
  const { answers, breaker, recent } = evidence
  const n = recent.completed + recent.failed
  const enough = n >= LEAST_RESULTS
  const lower = wilson(recent.completed, n)[0]
  const least = 1 - agentBreakerDefaults.failure_rate
  const now = binnedQuantile(evidence.recent_durations, 0.95, LEAST_RESULTS)
  const usual = binnedQuantile(evidence.usual_durations, 0.95, LEAST_RESULTS)
  const ratio = now === null || usual === null ? null : now / Math.max(1, usual)
  const counted = (bins: ReadonlyMap<number, number>) => [...bins.values()].reduce((sum, each) => sum + each, 0)
  return [
    {
      name: 'answers',
      open: answers?.ok ?? null,
      value: answers?.detail ?? null,
      limit: 'the last check or call was answered',
      n: null,
      reason: answers === null ? 'not checked yet' : answers.detail,
    },
    {
      name: 'success',
      open: enough ? lower >= least : null,
      value: enough ? lower : null,
      limit: `lower end of the interval of the last day ≥ ${least}`,
      n,
      reason: enough
        ? `${recent.completed} of ${n} succeeded`
        : `not enough data: needs ${LEAST_RESULTS} results of the last day, has ${n}`,
    },
    {
      name: 'breaker',
      open: breaker === 'closed',
      value: breaker,
      limit: 'closed',
      n: null,
      reason:
        breaker === 'closed'
          ? 'lets calls through'
          : `${breaker.replace('_', ' ')}: too many calls failed or were slow`,
    },
    {
      name: 'latency',
      open: ratio === null ? null : ratio <= SLOWER,
      value: ratio,
      limit: `p95 of the last day ≤ ${SLOWER} × that of the 30 days before`,
      n: counted(evidence.recent_durations),
      reason:
        ratio === null
          ? `not enough data: needs ${LEAST_RESULTS} completed tasks in the last day and in the 30 days before it, has ${counted(evidence.recent_durations)} and ${counted(evidence.usual_durations)}`
          : `${ratio.toFixed(2)} × the usual p95`,
    },
  ]
}

/** True when all are open, false when one is closed, null when none is closed and one cannot be told. */
export function allOpen(gates: readonly HealthGate[]): boolean | null {
  if (gates.some((gate) => gate.open === false)) return false
  return gates.every((gate) => gate.open === true) ? true : null
}
