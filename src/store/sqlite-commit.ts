/**
 * The hot path on SQLite: writing events together with the row of their run.
 *
 * Invariants:
 *  C1. Events and row change of a batch are stored together or not at all.
 *  C2. A batch of an older epoch than the run's stores nothing.
 *  C3. Storing a batch again changes nothing; a batch older than the row never overwrites it.
 *  C4. A transaction begins and ends within one turn of the event loop, so nothing else on this connection gets between.
 *
 * Prepared statements, not Kysely: building and compiling an insert costs several times what SQLite needs to run it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { RunEvent } from '../workflow/event.ts'
import { fold } from './cursor.ts'
import { bind } from './sqlite-dialect.ts'
import type { EventBatch, RunRow, RunRowChange } from './store.ts'

export type Commit = {
  /** False when the id exists. */
  create: (row: RunRow, events: readonly RunEvent[]) => boolean
  append: (batches: readonly EventBatch[]) => { stored: string[]; fenced: string[] }
}

const changeable = [
  'goal',
  'definition',
  'definition_name',
  'status',
  'reason',
  'parent',
  'started_at',
  'ended_at',
  'seq',
  'mail',
  'input_tokens',
  'output_tokens',
  'unknown_usage',
  'calls',
] as const satisfies readonly (keyof RunRowChange)[]

const columns = ['id', 'kind', ...changeable, 'created_at', 'epoch'] as const satisfies readonly (keyof RunRow)[]

export function sqliteCommit(db: DatabaseSync, namespace: string): Commit {
  const begin = db.prepare('begin immediate')
  const commit = db.prepare('commit')
  const rollback = db.prepare('rollback')
  const insertEvent = db.prepare(
    'insert into events (namespace, run, seq, at, type, v, cause, data) values (?, ?, ?, ?, ?, ?, ?, ?) on conflict (namespace, run, seq) do nothing',
  )
  const readFence = db.prepare('select epoch, seq from runs where namespace = ? and id = ?')
  const insertRun = db.prepare(
    `insert into runs (namespace, ${columns.join(', ')}, search_goal, search_name) values (${Array(columns.length + 3)
      .fill('?')
      .join(', ')}) on conflict (namespace, id) do nothing`,
  )
  /** One statement for each set of columns that writers change together; there are a handful. */
  const updates = new Map<string, StatementSync>()

  function transaction<T>(body: () => T): T {
    begin.run()
    try {
      const value = body()
      commit.run()
      return value
    } catch (error) {
      // SQLite rolls back by itself on some errors (disk full).
      if (db.isTransaction) rollback.run()
      throw error
    }
  }

  function insertEvents(run: string, events: readonly RunEvent[]): boolean {
    let inserted = false
    for (const e of events) {
      const { changes } = insertEvent.run(
        namespace,
        run,
        bind(e.seq),
        bind(e.at),
        e.type,
        bind(e.v),
        bind(e.cause),
        JSON.stringify(e.data),
      )
      if (changes !== 0) inserted = true
    }
    return inserted
  }

  function updateRow(run: string, change: RunRowChange, seq: number): void {
    const set = changeable.filter((column) => column !== 'seq' && change[column] !== undefined)
    const names: string[] = ['seq', ...set]
    const values: unknown[] = [change.seq ?? seq, ...set.map((column) => change[column])]
    if (change.goal !== undefined) {
      names.push('search_goal')
      values.push(fold(change.goal ?? ''))
    }
    if (change.definition_name !== undefined) {
      names.push('search_name')
      values.push(fold(change.definition_name ?? ''))
    }
    const key = names.join()
    let statement = updates.get(key)
    if (!statement) {
      statement = db.prepare(
        `update runs set ${names.map((name) => `${name} = ?`).join(', ')} where namespace = ? and id = ?`,
      )
      updates.set(key, statement)
    }
    statement.run(...values.map(bind), namespace, run)
  }

  return {
    create: (row, events) =>
      transaction(() => {
        const values = columns.map((column) => bind(column === 'mail' ? (row.mail ?? 0) : row[column]))
        const { changes } = insertRun.run(
          namespace,
          ...values,
          bind(fold(row.goal ?? '')),
          bind(fold(row.definition_name ?? '')),
        )
        if (changes === 0) return false
        insertEvents(row.id, events)
        return true
      }),

    append: (batches) =>
      transaction(() => {
        const stored = new Set<string>()
        const fenced = new Set<string>()
        for (const batch of batches) {
          const row = readFence.get(namespace, batch.run) as { epoch: number; seq: number } | undefined
          if (!row || batch.epoch < row.epoch) {
            fenced.add(batch.run)
            continue
          }
          if (insertEvents(batch.run, batch.events)) stored.add(batch.run)
          const last = batch.events.at(-1)?.seq ?? batch.row.seq ?? row.seq
          if (last >= row.seq) updateRow(batch.run, batch.row, last)
        }
        return { stored: [...stored], fenced: [...fenced] }
      }),
  }
}
