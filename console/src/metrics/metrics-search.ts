/** What the address of the metrics may say. Anything else in it is left out. */
import { type Range, readRange } from '../charts/range.ts'
import { textOf } from '../runs/run-search.ts'

export type MetricsSearch = { range?: Range; by?: 'model'; agent?: string }
export const readMetricsSearch = (given: Record<string, unknown>): MetricsSearch => ({
  ...readRange(given),
  ...(given.by === 'model' && { by: 'model' as const }),
  ...textOf(given, 'agent', 100),
})
