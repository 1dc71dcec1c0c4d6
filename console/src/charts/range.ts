/** How far back a view may look. */
import type { TimeFilter } from '../server/queries.ts'

export type Range = NonNullable<TimeFilter['range']>
export const rangeNames: Record<Range, string> = {
  '1h': '1 h',
  '6h': '6 h',
  '24h': '24 h',
  '7d': '7 d',
  '30d': '30 d',
  '90d': '90 d',
  '365d': '1 y',
}
export const ranges = Object.keys(rangeNames) as Range[]

export function readRange(given: Record<string, unknown>): { range?: Range } {
  const range = ranges.find((one) => one === given.range)
  return range === undefined ? {} : { range }
}
