/** Much was done and nothing came of it: the context grows, and nothing in it is evidence of progress. */
import type { Finding } from './finding.ts'
import type { AttemptRecord, EvidenceKind, Step } from './record.ts'

/** Steps without anything new, where the task does not say what would be evidence. */
export const IDLE_STEPS = 10
/** Steps without what the task declares as evidence. */
export const IDLE_STEPS_DECLARED = 8

/** Something new: what was seen, or what was said. An artifact is a call that says something new; it needs no word of its own. */
const ANYTHING: readonly EvidenceKind[] = ['check', 'answer']

const isEvidence = (step: Step, kinds: readonly EvidenceKind[]): boolean => kinds.some((kind) => step.fresh[kind])

export function noEvidence({ steps, evidence }: AttemptRecord): Finding | null {
  const needed = evidence === null ? IDLE_STEPS : IDLE_STEPS_DECLARED
  const last = steps.filter((step) => step.unanswered !== true).slice(-needed)
  const [first] = last
  const latest = last.at(-1)
  if (first === undefined || latest === undefined || last.length < needed) return null
  if (last.some((step) => isEvidence(step, evidence ?? ANYTHING))) return null
  // Who asks about one thing after another, each in a request of its own, does not grow.
  if (evidence === null && latest.context <= first.context) return null
  const wanted = evidence === null ? 'anything new' : `evidence of progress (${evidence.join(', ')})`
  return {
    detector: 'no_evidence',
    message: `${needed} steps in a row without ${wanted}; the last one: ${latest.said}${latest.heard === '' ? '' : ` → ${latest.heard}`}`,
    evidence: { steps: needed, context_from: first.context, context_to: latest.context },
  }
}
