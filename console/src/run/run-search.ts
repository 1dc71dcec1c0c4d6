/** What the address of a run may say: which view of it, and what of it is looked at. */
import { textOf } from '../runs/run-search.ts'

export const runViews = ['graph', 'timeline', 'events', 'result'] as const
export type RunView = (typeof runViews)[number]
export type RunPageSearch = { view?: RunView; stage?: string; task?: string }

export function readRunPageSearch(given: Record<string, unknown>): RunPageSearch {
  const view = runViews.find((one) => one === given.view)
  return {
    ...(view && view !== 'graph' && { view }),
    ...textOf(given, 'stage', 1_000),
    ...textOf(given, 'task', 1_000),
  }
}

/** Where a fork parts from its source: before a stage, or after the turn of an event; without either at its end. */
export type ForkSearch = { stage?: string; at?: number }

export function readForkSearch(given: Record<string, unknown>): ForkSearch {
  const at = Number(given.at)
  return {
    ...textOf(given, 'stage', 500),
    ...(given.stage === undefined && Number.isSafeInteger(at) && at >= 1 && { at }),
  }
}
