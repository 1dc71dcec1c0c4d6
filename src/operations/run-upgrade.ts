/** What an upgrade means for one run. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RunRow } from '../store/store.ts'
import type { Definition } from '../workflow/definition.ts'
import { openMigration } from '../workflow/migration.ts'
import { hasEnded } from '../workflow/run-state.ts'
import { type Changed, changedSince, type Present } from './changed-since.ts'
import type { OperationContext } from './operation.ts'
import { readLog } from './read-log.ts'

export type Version = { hash: string; version: number }

export type RunUpgrade = {
  run_id: string
  status: RunRow['status']
  definition: string | null
  /** What the run follows, and the newest version of that name. */
  from: Version | null
  to: Version | null
  verdict: 'continues' | 'migrated' | 'pinned'
  reason: string
  /** What decides that it stays pinned. */
  stage: string | null
  task: string | null
  field: string | null
  /** Version of the program that has driven it, and this one. */
  program: { from: string | null; to: string }
  changed: Changed[]
  /** Number of the event up to which this was looked at. */
  seq: number
}

/** Definitions by these were made for one run: a newer one of the same name was made for another. */
const madeForOneRun = new Set(['planner', 'template'])

/** Reads the log of the run; other work goes on between its pages. */
export async function runUpgrade(context: OperationContext, row: RunRow, present: Present): Promise<RunUpgrade> {
  const upgrade: RunUpgrade = {
    run_id: row.id,
    status: row.status,
    definition: row.definition_name,
    from: null,
    to: null,
    verdict: 'continues',
    reason: '',
    stage: null,
    task: null,
    field: null,
    program: { from: null, to: context.version },
    changed: [],
    seq: row.seq,
  }
  if (hasEnded(row.status)) return { ...upgrade, reason: 'it has ended' }
  const own = row.definition === null ? null : await context.store.definitions.get(row.definition)
  const newest = own === null ? null : await present.newest(own.name)
  let madeForIt = row.kind === 'swarm' || (own !== null && madeForOneRun.has(own.by))
  const goesOver = own !== null && newest !== null && newest.hash !== own.hash && !madeForIt ? newest : null

  const definitions = new Map<string, Definition>()
  if (goesOver !== null) {
    const stored = await context.store.definitions.get(goesOver.hash)
    if (stored !== null) definitions.set(stored.hash, stored.definition)
  }
  const migration = openMigration(row.id, goesOver?.hash ?? null, (hash) => definitions.get(hash) as Definition)
  const read = await readLog(context, row, definitions, (events) => {
    for (const event of events)
      if (event.type === 'definition_chosen' && event.data.source !== 'given') madeForIt = true
    return migration.add(events)
  })
  await nextTurn()
  const { state, unread_from, misfit } = migration.result()
  const seen: RunUpgrade = {
    ...upgrade,
    from: own === null ? null : { hash: own.hash, version: own.version },
    to: own === null ? null : { hash: (newest ?? own).hash, version: (newest ?? own).version },
    program: { ...upgrade.program, from: state.program },
    changed: await changedSince(state, own?.definition ?? null, present),
  }
  if (!read.ok) return { ...seen, verdict: 'pinned', reason: read.failure.message }
  if (unread_from !== null)
    return {
      ...seen,
      verdict: 'pinned',
      reason: `Quorate ${context.version} reads its log otherwise from event ${unread_from} on: it waits for a version that reads it as it was written`,
    }
  if (own === null) return { ...seen, reason: 'its definition is being made' }
  if (madeForIt) return { ...seen, to: seen.from, reason: 'its definition was made for it alone' }
  if (goesOver === null) return { ...seen, reason: 'it follows the newest version' }
  if (misfit !== null) return { ...seen, verdict: 'pinned', ...misfit }
  return {
    ...seen,
    verdict: 'migrated',
    reason: 'all that has happened would have happened so under the newer version',
  }
}
