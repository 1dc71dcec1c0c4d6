/** The row of a run that lists show, from its state. */
import type { RunRowChange } from '../store/store.ts'
import type { DefinitionOf } from '../workflow/next.ts'
import type { RunState } from '../workflow/run-state.ts'
import { ownUse } from '../workflow/totals.ts'

export function rowOf(state: RunState, definitionOf: DefinitionOf): RunRowChange {
  return {
    goal: state.goal,
    definition: state.definition,
    definition_name: state.definition === null ? null : definitionOf(state.definition).name,
    status: state.status === 'new' ? 'queued' : state.status,
    reason: state.reason,
    started_at: state.started_at,
    ended_at: state.ended_at ?? null,
    seq: state.seq,
    mail: state.mail,
    ...ownUse(state),
  }
}

/** What differs: a column that is set again costs its index an entry, whether it changes or not. */
export const rowChange = (before: RunRowChange, now: RunRowChange): RunRowChange =>
  Object.fromEntries(
    Object.entries(now).filter(([column, value]) => before[column as keyof RunRowChange] !== value),
  ) as RunRowChange
