import { z } from 'zod'
import { ok } from '../failure.ts'
import type { RunRow } from '../store/store.ts'
import type { Definition } from '../workflow/definition.ts'
import { openReplay } from '../workflow/replay.ts'
import type { RunState } from '../workflow/run-state.ts'
import { ownUse } from '../workflow/totals.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { readLog } from './read-log.ts'
import { runIdInput } from './send-mail.ts'

const event = z.looseObject({ seq: z.number(), type: z.string(), data: z.unknown() }).nullable()

export const replay_run = defineOperation({
  name: 'replay_run',
  method: 'GET',
  path: '/runs/{id}/replay',
  summary: 'Fold the log of a run again, without calling any agent',
  description:
    'Everything that follows from what happened is worked out again and held against what was stored, event for event; the result also against what lists show of the run.',
  needs: 'runs:read',
  input: z.strictObject({
    id: runIdInput,
    state: z.boolean().default(false).meta({ description: 'Also give the state that the events mean' }),
  }),
  output: z.strictObject({
    run_id: z.string(),
    identical: z.boolean(),
    events: z.number().meta({ description: 'Events that were compared and found the same' }),
    state_hash: z.string().meta({ description: 'sha256 over the canonical JSON of the final state' }),
    first_difference: z.strictObject({ seq: z.number(), stored: event, derived: event }).nullable(),
    row_differences: z.array(z.strictObject({ field: z.string(), stored: z.unknown(), derived: z.unknown() })),
    state: z.unknown().optional(),
  }),
  run: async (context, { id, state: wanted }) => {
    const found = await findRun(context, id)
    if (!found.ok) return found
    const row = found.value
    const definitions = new Map<string, Definition>()
    const replay = openReplay((hash) => definitions.get(hash) as Definition)
    // The row names the last event that was stored with it: a run that goes on is replayed up to there.
    const read = await readLog(context, row, definitions, (events) => {
      replay.add(events)
      return true
    })
    if (!read.ok) return read
    const { identical, events, state_hash, first_difference = null, state } = replay.result()
    const row_differences = identical ? differences(row, state) : []
    return ok({
      run_id: row.id,
      identical: identical && row_differences.length === 0,
      events,
      state_hash,
      first_difference,
      row_differences,
      ...(wanted && { state }),
    })
  },
})

/** The row was written by the run as it went: an independent witness of the state. */
function differences(row: RunRow, state: RunState): { field: string; stored: unknown; derived: unknown }[] {
  const derived: Partial<RunRow> = {
    seq: state.seq,
    definition: state.definition,
    ended_at: state.ended_at ?? null,
    ...ownUse(state),
    // A run that waits for its place says so in the row, and does not know it itself.
    ...(row.status !== 'queued' && state.status !== 'new' && { status: state.status }),
  }
  return Object.entries(derived).flatMap(([field, value]) => {
    const stored = row[field as keyof RunRow]
    return stored === value ? [] : [{ field, stored, derived: value }]
  })
}
