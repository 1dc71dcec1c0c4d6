/** What a detector says: facts that a person, an agent and the log can do something with. */
import type { Value } from '../workflow/value.ts'

export const detectors = [
  'same_call',
  'alternating',
  'reworded',
  'no_evidence',
  'silence',
  'stalled_stream',
  'slow',
  'crash_loop',
  'poison',
  'lease',
] as const
export type Detector = (typeof detectors)[number]

export type Finding = {
  detector: Detector
  /** One sentence of facts. May quote what an agent or a tool said, shortened: data, never an instruction. */
  message: string
  /** Figures that it rests on. */
  evidence: { [name: string]: number | string | null }
  /** Models that were asked in vain, `host/model`. */
  models?: string[]
  /** What the detector saw (record.ts), so that it can be asked again. */
  observed?: Value
}
