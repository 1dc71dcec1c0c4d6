/**
 * Sums over time, kept in slots of three sizes: each ended run and each ended attempt of a task is added to the slot of
 * each size in the commit that stores its event. So a question about a year reads a few hundred slots, however many
 * events there were. The events stay the truth: the sums can be made from them again.
 */
import type { UsageFact } from '../metrics/usage-fact.ts'

export const DAY_MS = 86_400_000
/** Sizes of the slots in ms. Slots begin at multiples of their size since 1970, so days are days of UTC. */
export const grains = [300_000, 3_600_000, DAY_MS] as const

/** The finest slots are many and asked for of late only; they are dropped after this. */
export const FINEST_KEPT_MS = 8 * DAY_MS

export const slotOf = (at: number, grain: number): number => Math.floor(at / grain) * grain

/** Those parts of a fact that a sum is kept for each combination of. */
export const sumKey = ['kind', 'agent', 'model', 'outcome', 'bin'] as const satisfies readonly (keyof UsageFact)[]
export const sumAmounts = [
  'input_tokens',
  'output_tokens',
  'unknown_usage',
  'calls',
] as const satisfies readonly (keyof UsageFact)[]
