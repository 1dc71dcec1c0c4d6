import { type ExpressionBuilder, type SelectQueryBuilder, sql } from 'kysely'
import { fail, ok } from '../failure.ts'
import { hasEnded, type RunStatus, runStatuses } from '../workflow/run-state.ts'
import { runSum, verifySum } from './checksum.ts'
import { type Cursor, likePattern, pageSize, readCursor, searchWords, writeCursor } from './cursor.ts'
import type { EventCommits } from './event-commits.ts'
import { repeated } from './repeated.ts'
import type { StoreAccess, StoreSchema } from './schema.ts'
import type { RunFilter, RunRow, Store } from './store.ts'
import type { Watchers } from './watchers.ts'

const shown = [
  'id',
  'kind',
  'goal',
  'definition',
  'definition_name',
  'status',
  'reason',
  'parent',
  'created_at',
  'started_at',
  'ended_at',
  'seq',
  'epoch',
  'mail',
  'input_tokens',
  'output_tokens',
  'unknown_usage',
  'calls',
] as const satisfies readonly (keyof RunRow)[]

export const unfinishedStatuses = runStatuses.filter((status) => !hasEnded(status))

/** Sorted here: asked to sort, SQLite reads the index by time, which is all runs, instead of the one by status. */
export const oldestFirst = (a: { created_at: number; id: string }, b: { created_at: number; id: string }): number =>
  a.created_at - b.created_at || (a.id < b.id ? -1 : 1)

export function runStore({ db, namespace }: StoreAccess, commits: EventCommits, watchers: Watchers): Store['runs'] {
  const matching = (filter: RunFilter, status: RunStatus | null) => {
    let query = db.selectFrom('runs').where('namespace', '=', namespace)
    if (status) query = query.where('status', '=', status)
    if (filter.kind) query = query.where('kind', '=', filter.kind)
    if (filter.parent !== undefined) query = query.where('parent', '=', filter.parent)
    if (filter.definition !== undefined) {
      query = query.where(
        filter.definition.startsWith('sha256:') ? 'definition' : 'definition_name',
        '=',
        filter.definition,
      )
    }
    for (const word of searchWords(filter.text ?? '')) query = query.where((eb) => contains(eb, word))
    return query
  }

  /** One status at a time is read in order from its index; several are merged, so none is sorted as a whole. */
  const page = (filter: RunFilter, statuses: (RunStatus | null)[], cursor: Cursor | null, limit: number) => {
    const [first, ...rest] = statuses.map((status) =>
      inOrder(after(matching(filter, status).select(shown), filter, cursor), filter).limit(limit),
    )
    if (!first) throw new Error('a list needs at least one status or none at all')
    if (rest.length === 0) return first.execute()
    let merged = db.selectFrom(first.as('r')).select(shown)
    for (const other of rest) merged = merged.unionAll(db.selectFrom(other.as('r')).select(shown))
    return inOrder(db.selectFrom(merged.as('runs')).select(shown), filter)
      .limit(limit)
      .execute()
  }

  const count = async (filter: RunFilter, statuses: (RunStatus | null)[]): Promise<number> => {
    let total = 0
    for (const status of statuses) {
      const row = await matching(filter, status)
        .select((eb) => eb.fn.countAll<number>().as('n'))
        .executeTakeFirstOrThrow()
      total += row.n
    }
    return total
  }

  const rowOf = repeated(
    db,
    db
      .selectFrom('runs')
      .select([...shown, 'restored', 'sum'])
      .where('namespace', '=', '')
      .where('id', '=', ''),
  )
  const childrenOf = repeated(
    db,
    db
      .selectFrom('runs')
      .select('id')
      .where('namespace', '=', '')
      .where('parent', '=', '')
      .where('status', 'in', unfinishedStatuses),
  )

  return {
    async create(row, events) {
      if (!(await commits.create(row, events))) {
        return fail('conflict', `a run with the id ${row.id} exists already`, { field: 'id', value: row.id })
      }
      watchers.stored(row.id)
      return ok(undefined)
    },

    async get(id) {
      const [row] = await rowOf(namespace, id)
      if (!row) return null
      const { sum, restored, ...run } = row
      verifySum(`the row of ${id}`, sum, runSum(namespace, { ...run, restored }))
      return run
    },

    async list(filter) {
      let cursor: Cursor | null = null
      if (filter.cursor !== undefined) {
        const read = readCursor(filter.cursor)
        if (!read.ok) return { items: [], next: null, total: null }
        cursor = read.value
      }
      const statuses: (RunStatus | null)[] = filter.status?.length ? [...new Set(filter.status)] : [null]
      const size = pageSize(filter.limit)
      const rows = await page(filter, statuses, cursor, size + 1)
      const items = rows.slice(0, size).map((row): RunRow => ({ ...row }))
      const last = rows.length > size ? items.at(-1) : undefined
      // Counting what a text matches would read every goal; counting the rest reads an index, once for all pages.
      const total = filter.text || cursor ? null : await count(filter, statuses)
      return { items, next: last ? writeCursor({ at: last.created_at, id: last.id }) : null, total }
    },

    async counts(kind) {
      let query = db
        .selectFrom('runs')
        .select((eb) => ['status', eb.fn.countAll<number>().as('n')])
        .where('namespace', '=', namespace)
      if (kind) query = query.where('kind', '=', kind)
      const counts = Object.fromEntries(runStatuses.map((status) => [status, 0])) as Record<RunStatus, number>
      for (const row of await query.groupBy('status').execute()) counts[row.status] = row.n
      return counts
    },

    async unfinished(status = unfinishedStatuses) {
      const wanted = status.filter((s) => !hasEnded(s))
      if (wanted.length === 0) return []
      const rows = await db
        .selectFrom('runs')
        .select([...shown, 'restored', 'sum'])
        .where('namespace', '=', namespace)
        .where('status', 'in', wanted)
        .execute()
      for (const row of rows) verifySum(`the row of ${row.id}`, row.sum, runSum(namespace, row))
      return rows.sort(oldestFirst).map(({ id, status, seq }) => ({ id, status, seq }))
    },

    async unfinished_children(parent) {
      return (await childrenOf(namespace, parent, ...unfinishedStatuses)).map(({ id }) => id)
    },

    /** The condition is that of the index `events_asking`, word for word. */
    async asking(limit) {
      const { rows } = await sql<{ id: string; seq: number }>`
        select id, seq from runs r where namespace = ${namespace} and status in ('running', 'waiting', 'paused')
          and exists (select 1 from events e where e.namespace = r.namespace and e.run = r.id
            and e.type in ('approval_requested', 'effect_question', 'wait_started'))
        order by created_at, id limit ${pageSize(limit)}`.execute(db)
      return rows
    },
  }
}

function contains(eb: ExpressionBuilder<StoreSchema, 'runs'>, word: string) {
  const pattern = likePattern(word)
  return eb.or([
    sql<boolean>`${eb.ref('search_goal')} like ${pattern} escape '\\'`,
    sql<boolean>`${eb.ref('search_name')} like ${pattern} escape '\\'`,
  ])
}

type RunQuery<O> = SelectQueryBuilder<StoreSchema, 'runs', O>

const inOrder = <O>(query: RunQuery<O>, { order }: RunFilter): RunQuery<O> => {
  const direction = order === 'oldest' ? 'asc' : 'desc'
  return query.orderBy('runs.created_at', direction).orderBy('runs.id', direction)
}

const after = <O>(query: RunQuery<O>, { order }: RunFilter, cursor: Cursor | null): RunQuery<O> =>
  cursor
    ? query.where((eb) =>
        eb(eb.refTuple('created_at', 'id'), order === 'oldest' ? '>' : '<', eb.tuple(cursor.at, cursor.id)),
      )
    : query
