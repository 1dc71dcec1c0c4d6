/** What the address of the list of runs may say. Anything else in it is left out. */
import type { RunFilter } from '../server/queries.ts'

export type RunSearch = Pick<RunFilter, 'status' | 'kind' | 'text' | 'definition'>
type RunStatus = NonNullable<RunSearch['status']>[number]

const known: Record<RunStatus, true> = {
  queued: true,
  planning: true,
  running: true,
  waiting: true,
  paused: true,
  completed: true,
  partial: true,
  failed: true,
  cancelled: true,
}
export const runStatuses = Object.keys(known) as RunStatus[]
export const hasEnded = (status: RunStatus): boolean => runStatuses.indexOf(status) >= runStatuses.indexOf('completed')

export function readRunSearch(given: Record<string, unknown>): RunSearch {
  const status = [given.status ?? []].flat().filter((one): one is RunStatus => runStatuses.includes(one as RunStatus))
  const { kind } = given
  return {
    ...(status.length > 0 && { status }),
    ...((kind === 'workflow' || kind === 'swarm') && { kind }),
    ...textOf(given, 'text', 200),
    ...textOf(given, 'definition', 200),
  }
}

/** The address `?text=5` reads as a number. */
export function textOf<N extends string>(given: Record<string, unknown>, name: N, most: number): { [K in N]?: string } {
  const value = given[name]
  if (typeof value !== 'string' && typeof value !== 'number') return {}
  const text = String(value).slice(0, most)
  return text === '' ? {} : ({ [name]: text } as { [K in N]?: string })
}
