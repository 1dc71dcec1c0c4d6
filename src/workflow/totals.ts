/** What a run has used in all. */
import type { Usage } from './event.ts'
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
