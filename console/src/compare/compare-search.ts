/** What the address of a comparison may say. */
import { textOf } from '../runs/run-search.ts'

export type CompareSearch = { left?: string; right?: string; stage?: string; all?: boolean }

export const readCompareSearch = (given: Record<string, unknown>): CompareSearch => ({
  ...textOf(given, 'left', 100),
  ...textOf(given, 'right', 100),
  ...textOf(given, 'stage', 1_000),
  ...(given.all === true && { all: true }),
})
