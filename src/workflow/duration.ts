import { z } from 'zod'

const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Longest duration that a definition or a setting may name: 365 days. */
export const LONGEST_DURATION_MS = 365 * units.d

/** A span of time as people write it: `250ms`, `30s`, `5m`, `2h`, `7d`, or several in a row (`1h30m`). */
export const duration = z
  .string()
  .regex(/^(\d{1,9}(ms|s|m|h|d))+$/, 'write a duration such as 30s, 5m, 2h or 1h30m')
  .refine((text) => milliseconds(text) <= LONGEST_DURATION_MS, 'at most 365 days')
  .meta({ description: 'Duration: 250ms, 30s, 5m, 2h, 7d or 1h30m', examples: ['30s', '5m'] })

/** Milliseconds of a duration that has passed {@link duration}. */
export function milliseconds(text: string): number {
  let total = 0
  for (const [, amount, unit] of text.matchAll(/(\d+)(ms|s|m|h|d)/g))
    total += Number(amount) * units[unit as keyof typeof units]
  return total
}

/** The shortest way to write a number of milliseconds: 90000 → `1m30s`. */
export function durationText(ms: number): string {
  let rest = Math.round(ms)
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const n = Math.floor(rest / units[unit])
    if (n > 0) text += `${n}${unit}`
    rest -= n * units[unit]
  }
  return text || '0s'
}
