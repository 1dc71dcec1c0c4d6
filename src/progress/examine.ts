/** All detectors over what was recorded of an attempt; the first that finds something speaks. */
import type { Finding } from './finding.ts'
import { silence } from './liveness.ts'
import { noEvidence } from './no-evidence.ts'
import type { AttemptRecord } from './record.ts'
import { alternating, reworded, sameCall } from './repetition.ts'

/** @param now milliseconds since the attempt began  @param over its time is over */
export function examine(record: AttemptRecord, now: number, over = false): Finding | null {
  const { steps, models } = record
  const finding =
    sameCall(steps) ?? alternating(steps) ?? reworded(steps) ?? noEvidence(record) ?? silence(record, now, over)
  return finding === null || models.length === 0 ? finding : { ...finding, models: [...models] }
}
