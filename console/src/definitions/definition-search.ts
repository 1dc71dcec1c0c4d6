/** What the address of the definitions may say. */
import { textOf } from '../runs/run-search.ts'

export type DefinitionSearch = {
  /** name, name@version or hash. */
  definition?: string
  text?: string
  /** Name of a template, or `new`. */
  from?: string
  view?: 'versions'
  /** The two versions whose differences are shown. */
  old?: string
  now?: string
  as?: 'text'
}

export const readDefinitionSearch = (given: Record<string, unknown>): DefinitionSearch => ({
  ...textOf(given, 'definition', 200),
  ...textOf(given, 'text', 100),
  ...textOf(given, 'from', 100),
  ...(given.view === 'versions' && { view: given.view }),
  ...textOf(given, 'old', 200),
  ...textOf(given, 'now', 200),
  ...(given.as === 'text' && { as: given.as }),
})
