/** A range of time in buckets, as operations that answer over time take it. */
import { z } from 'zod'
import { fail, ok, type Result } from '../failure.ts'
import { durationText } from '../workflow/duration.ts'

const HOUR = 3_600_000
const DAY = 24 * HOUR
export const ranges = {
  '1h': HOUR,
  '6h': 6 * HOUR,
  '24h': DAY,
  '7d': 7 * DAY,
  '30d': 30 * DAY,
  '90d': 90 * DAY,
  '365d': 365 * DAY,
} as const
export const buckets = { '5m': 300_000, '15m': 900_000, '1h': HOUR, '6h': 6 * HOUR, '1d': DAY } as const
export type Range = keyof typeof ranges
export type Bucket = keyof typeof buckets

/** What suits a range: some dozens to some hundreds of buckets. */
const suits = {
  '1h': '5m',
  '6h': '15m',
  '24h': '1h',
  '7d': '6h',
  '30d': '1d',
  '90d': '1d',
  '365d': '1d',
} as const satisfies Record<Range, Bucket>
/** Buckets of one answer. */
const MOST_BUCKETS = 400
/** Sizes of the slots that the store sums up in; see src/store/usage-grains.ts. The finest are kept for 8 days. */
const slots = [DAY, HOUR, 300_000]
const FINEST_REACH_MS = 7 * DAY

export const timeRangeInput = {
  range: z
    .enum(Object.keys(ranges) as [Range, ...Range[]])
    .default('24h')
    .meta({ description: 'How far back' }),
  bucket: z
    .enum(Object.keys(buckets) as [Bucket, ...Bucket[]])
    .optional()
    .meta({
      description: `What is summed up in one point; by default what suits the range. At most ${MOST_BUCKETS} points; 5m and 15m reach 7 days back.`,
    }),
  until: z.int().min(0).optional().meta({ description: 'End of the range, in ms since 1970; now by default' }),
}

export type TimeRange = {
  /** The beginning of each bucket, ascending. */
  buckets: number[]
  bucket_ms: number
  from: number
  to: number
  /** Largest size of slot that fits the buckets. */
  grain: number
}

export function timeRange(
  input: { range: Range; bucket?: Bucket | undefined; until?: number | undefined },
  now: number,
): Result<TimeRange> {
  const bucket = input.bucket ?? suits[input.range]
  const size = buckets[bucket]
  const until = Math.min(input.until ?? now, now)
  const to = (Math.floor(until / size) + 1) * size
  const count = Math.max(1, Math.round(ranges[input.range] / size))
  const refused = (message: string) =>
    fail('invalid_input', message, {
      field: 'bucket',
      value: bucket,
      remedy: `leave it out, or use a larger one: ${suits[input.range]} suits ${input.range}`,
    })
  if (count > MOST_BUCKETS)
    return refused(`${input.range} in buckets of ${bucket} are ${count} points, and ${MOST_BUCKETS} are the most`)
  const from = to - count * size
  if (size < HOUR && from < now - FINEST_REACH_MS - size)
    return refused(`buckets of ${bucket} reach ${durationText(FINEST_REACH_MS)} back`)
  return ok({
    buckets: Array.from({ length: count }, (_, i) => from + i * size),
    bucket_ms: size,
    from,
    to,
    grain: slots.find((slot) => size % slot === 0) ?? 300_000,
  })
}
