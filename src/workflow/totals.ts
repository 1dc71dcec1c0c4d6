/** What a run has used in all. */
import type { Usage, UsedSoFar } from './event.ts'
import type { RunState } from './run-state.ts'

export function count(state: RunState, usage: Usage): void {
  const { totals } = state
  totals.calls += usage.calls
  totals.input_tokens += usage.input_tokens ?? 0
  totals.output_tokens += usage.output_tokens ?? 0
  totals.money += usage.money ?? 0
  if (usage.calls > 0 && (usage.input_tokens === null || usage.output_tokens === null))
    totals.unknown_usage += usage.calls
}

export const usedOf = ({ input_tokens, output_tokens, unknown_usage, calls }: UsedSoFar): UsedSoFar => ({
  input_tokens,
  output_tokens,
  unknown_usage,
  calls,
})

/** What a run has used itself: of a fork, without what it shares with its source. Lists and sums over runs count this. */
export function ownUse({ totals, before_fork }: Pick<RunState, 'totals' | 'before_fork'>): UsedSoFar {
  const { input_tokens, output_tokens, unknown_usage, calls } = usedOf(totals)
  return {
    input_tokens: input_tokens - (before_fork?.input_tokens ?? 0),
    output_tokens: output_tokens - (before_fork?.output_tokens ?? 0),
    unknown_usage: unknown_usage - (before_fork?.unknown_usage ?? 0),
    calls: calls - (before_fork?.calls ?? 0),
  }
}
