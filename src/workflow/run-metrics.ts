/**
 * Metrics that conditions read by name, over this run alone. One that cannot be measured within a run is null with a
 * reason: a condition over it never holds, and the event says why.
 */
import type { Stage } from './definition.ts'

/** Names of one thing: how alike the outputs are, from 0 to 1 (src/metrics/agreement.ts). */
export const agreementNames = ['coherence', 'agreement', 'collective_sync'] as const

const INTEGRATION =
  'integration is measured over many tasks of several agents, not within one run (GET /intelligence_metrics)'

/** Names of what no single run can show. */
export const unmeasured: { readonly [name: string]: { type: 'double' | 'bool'; reason: string } } = {
  integration_score: { type: 'double', reason: INTEGRATION },
  information_integration: { type: 'double', reason: INTEGRATION },
  phi: { type: 'double', reason: INTEGRATION },
  system_state_level: { type: 'double', reason: 'the system level is not measured yet (GET /intelligence_metrics)' },
  novel_pattern_detected: { type: 'bool', reason: 'patterns of several runs are not compared with each other yet' },
}

export const isAgreement = (name: string): boolean => (agreementNames as readonly string[]).includes(name)

export const isUnmeasured = (name: string): boolean => Object.hasOwn(unmeasured, name)

/** Whether a stage can have an agreement at all: it takes two outputs, or two ballots. */
export function hasAgreement(stage: Stage): boolean {
  if (stage.kind === 'tasks') return stage.tasks.length > 1
  if (stage.kind === 'vote') return (typeof stage.voters === 'number' ? stage.voters : stage.voters.length) > 1
  return stage.kind === 'for_each'
}
