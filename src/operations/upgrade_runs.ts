import { z } from 'zod'
import { ok, type Result } from '../failure.ts'
import { readCursor, writeCursor } from '../store/cursor.ts'
import type { RunRow } from '../store/store.ts'
import { hasEnded, runStatuses } from '../workflow/run-state.ts'
import { presentOf } from './changed-since.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { goOver } from './go-over.ts'
import { pageInput, runStatus } from './list_runs.ts'
import type { OperationContext } from './operation.ts'
import { type RunUpgrade, runUpgrade } from './run-upgrade.ts'

/** A page ends here, whatever its limit: runs may have long logs, and whoever asks waits for the answer. */
const PAGE_MS = 10_000

const version = z.strictObject({ hash: z.string(), version: z.number() }).nullable()
const row = z.strictObject({
  run_id: z.string(),
  status: runStatus,
  definition: z.string().nullable(),
  from: version.meta({ description: 'The version that the run follows' }),
  to: version.meta({ description: 'The newest version of this name' }),
  verdict: z.enum(['continues', 'migrated', 'pinned']),
  reason: z.string(),
  stage: z.string().nullable().meta({ description: 'With task and field: what decides that it stays pinned' }),
  task: z.string().nullable(),
  field: z.string().nullable(),
  program: z.strictObject({ from: z.string().nullable(), to: z.string() }),
  changed: z
    .array(
      z.strictObject({
        what: z.enum(['agent', 'model', 'definition']),
        name: z.string(),
        from: z.string().nullable(),
        to: z.string().nullable(),
        effect: z.string(),
      }),
    )
    .meta({ description: 'Agents, models and definitions that are others than the run knows, or gone' }),
  seq: z.number().meta({ description: 'Number of the event up to which this was looked at' }),
  done: z
    .boolean()
    .nullable()
    .meta({ description: 'Null in a dry run. False: the change is accepted, and made as soon as the run is driven' }),
})

export const upgrade_runs = defineOperation({
  name: 'upgrade_runs',
  method: 'POST',
  path: '/runs/upgrade',
  summary: 'Take runs that have not ended over to the newest version of their definition, where it fits',
  description:
    'A run is migrated when everything that has happened in it would have happened just so under the newer version; else it stays pinned to its own, and the reason names what decides. With dry_run nothing is changed. Oldest runs first; a page may be shorter than its limit and go on.',
  needs: 'runs:write',
  input: z.strictObject({
    dry_run: z.boolean().default(false),
    definition: z.string().min(1).max(200).optional().meta({ description: 'Only runs of this definition, by name' }),
    run: z.array(z.string().min(1).max(100)).min(1).max(200).optional().meta({ description: 'Only these runs, by id' }),
    ...pageInput,
  }),
  output: z.strictObject({
    dry_run: z.boolean(),
    items: z.array(row),
    next: z.string().nullable(),
    total: z.number().nullable(),
  }),
  run: async (context, { dry_run, definition, run, limit, cursor }) => {
    const until = context.now() + PAGE_MS
    const found = run === undefined ? await livePage(context, { definition, limit, cursor }) : await named(context, run)
    if (!found.ok) return found
    const { rows, next, total } = found.value
    const present = await presentOf(context)
    const seen: RunUpgrade[] = []
    for (const each of rows) {
      if (context.signal.aborted || (run === undefined && seen.length > 0 && context.now() > until)) break
      seen.push(await runUpgrade(context, each, present))
    }
    const last = rows[seen.length - 1]
    const rest =
      seen.length < rows.length && last !== undefined ? writeCursor({ at: last.created_at, id: last.id }) : next
    const items = dry_run
      ? seen.map((upgrade) => ({ ...upgrade, done: null }))
      : await Promise.all(seen.map((upgrade) => goOver(context, upgrade)))
    return ok({ dry_run, items, next: rest, total })
  },
})

type Found = { rows: RunRow[]; next: string | null; total: number | null }

async function livePage(
  { store }: OperationContext,
  { definition, limit, cursor }: { definition: string | undefined; limit: number; cursor: string | undefined },
): Promise<Result<Found>> {
  const from = cursor === undefined ? ok(null) : readCursor(cursor)
  if (!from.ok) return from
  const { items, next, total } = await store.runs.list({
    status: runStatuses.filter((status) => !hasEnded(status)),
    order: 'oldest',
    limit,
    ...(definition !== undefined && { definition }),
    ...(cursor !== undefined && { cursor }),
  })
  return ok({ rows: items, next, total })
}

async function named(context: OperationContext, ids: string[]): Promise<Result<Found>> {
  const rows: RunRow[] = []
  for (const id of new Set(ids)) {
    const found = await findRun(context, id)
    if (!found.ok) return { ok: false, failure: { ...found.failure, field: 'run' } }
    rows.push(found.value)
  }
  return ok({ rows, next: null, total: rows.length })
}
