/**
 * The hot path on SQLite: writing events together with the row of their run.
 *
 * Invariants:
 *  C1. Events and row change of a batch are stored together or not at all.
 *  C2. A batch of an older epoch than the run's stores nothing; one of a newer epoch makes it the run's.
 *  C3. Storing a batch again changes nothing; a batch older than the row never overwrites it; one that says otherwise
 *      than what is stored under its number stores nothing.
 *  C4. A transaction begins and ends within one turn of the event loop, so nothing else on this connection gets between.
 *  C5. What an event adds to the sums over time is stored with it, once. What a run begins with adds nothing but its
 *      end: of a fork, these are its source's events.
 *  C6. A batch of a run whose row is damaged stores nothing, and keeps no other batch from being stored.
 *
 * Prepared statements, not Kysely: building and compiling an insert costs several times what SQLite needs to run it.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { usageFact } from '../metrics/usage-fact.ts'
import type { RunEvent } from '../workflow/event.ts'
import { bind } from './bind.ts'
import { eventSum, type RunColumns, runSum } from './checksum.ts'
import { fold } from './cursor.ts'
import type { EventBatch, RunRow, RunRowChange } from './store.ts'
import { usageWriter } from './usage-writer.ts'

export type Commit = {
  /** All in one commit; false for each whose id exists. */
  create: (runs: readonly { row: RunRow; events: readonly RunEvent[] }[]) => boolean[]
  /** `damaged`: runs among the fenced whose row is not what was written. */
  append: (batches: readonly EventBatch[]) => { stored: string[]; fenced: string[]; damaged: string[] }
}

type FenceRow = RunColumns & { sum: number }

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
    'insert into events (namespace, run, seq, at, type, v, cause, data, sum) values (?, ?, ?, ?, ?, ?, ?, ?, ?) on conflict (namespace, run, seq) do nothing',
  )
  const usage = usageWriter(db, namespace)
  const readFence = db.prepare(`select ${columns.join(', ')}, restored, sum from runs where namespace = ? and id = ?`)
  const readSum = db.prepare('select sum from events where namespace = ? and run = ? and seq = ?')
  const insertRun = db.prepare(
    `insert into runs (namespace, ${columns.join(', ')}, search_goal, search_name, sum) values (${Array(
      columns.length + 4,
    )
      .fill('?')
      .join(', ')}) on conflict (namespace, id) do nothing`,
  )
  /** One statement for each set of columns that writers change together; there are a handful. */
  const updates = new Map<string, StatementSync>()

  function transaction<T>(body: () => T): T {
    begin.run()
    try {
      const value = body()
      usage.write()
      commit.run()
      return value
    } catch (error) {
      usage.forget()
      // SQLite rolls back by itself on some errors (disk full).
      if (db.isTransaction) rollback.run()
      throw error
    }
  }

  /**
   * How many were not there yet; null when one was there and said otherwise. A batch follows from all that was stored before
   * it, so its first event tells: nothing of it is stored then. `began`: when the run started; null for what it is created with.
   */
  function insertEvents(run: string, events: readonly RunEvent[], began: number | null): number | null {
    let inserted = 0
    for (const e of events) {
      const [seq, at, v, cause] = [bind(e.seq), bind(e.at), bind(e.v), bind(e.cause)]
      const { type } = e
      const data = JSON.stringify(e.data)
      const sum = eventSum(namespace, run, { seq, at, type, v, cause, data })
      const { changes } = insertEvent.run(namespace, run, seq, at, type, v, cause, data, sum)
      if (changes === 0) {
        if ((readSum.get(namespace, run, seq) as { sum: number }).sum !== sum) return null
        continue
      }
      inserted++
      if (began === null && e.type !== 'run_finished') continue
      const fact = usageFact(e, began ?? e.at)
      if (fact !== null) usage.note(fact)
    }
    return inserted
  }

  function updateRow(row: RunColumns, change: RunRowChange, last: number, epoch: number): void {
    const set = changeable.filter((column) => column !== 'seq' && change[column] !== undefined)
    const { seq = last } = change
    const names: string[] = ['seq', 'epoch', 'sum', ...set]
    const sum = runSum(namespace, bound({ ...row, ...defined(change), seq, epoch }))
    const values: unknown[] = [seq, epoch, sum, ...set.map((column) => change[column])]
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
    statement.run(...values.map(bind), namespace, row.id)
  }

  return {
    create: (runs) =>
      transaction(() =>
        runs.map(({ row, events }) => {
          const values = columns.map((column) => bind(column === 'mail' ? (row.mail ?? 0) : row[column]))
          const { changes } = insertRun.run(
            namespace,
            ...values,
            bind(fold(row.goal ?? '')),
            bind(fold(row.definition_name ?? '')),
            runSum(namespace, bound({ ...row, mail: row.mail ?? 0, restored: 0 })),
          )
          if (changes === 0) return false
          insertEvents(row.id, events, null)
          return true
        }),
      ),

    append: (batches) =>
      transaction(() => {
        const stored = new Set<string>()
        const fenced = new Set<string>()
        const damaged = new Set<string>()
        for (const batch of batches) {
          const row = readFence.get(namespace, batch.run) as FenceRow | undefined
          const sound = row === undefined || row.sum === runSum(namespace, row)
          if (!sound) damaged.add(batch.run)
          if (!row || !sound || batch.epoch < row.epoch) {
            fenced.add(batch.run)
            continue
          }
          const inserted = insertEvents(batch.run, batch.events, row.started_at ?? row.created_at)
          if (inserted === null) {
            fenced.add(batch.run)
            continue
          }
          if (inserted > 0) stored.add(batch.run)
          const last = batch.events.at(-1)?.seq ?? batch.row.seq ?? row.seq
          if (last >= row.seq) updateRow(row, batch.row, last, batch.epoch)
        }
        return { stored: [...stored], fenced: [...fenced], damaged: [...damaged] }
      }),
  }
}

/** A column that is left out, or undefined, stays as it is. */
const defined = (change: RunRowChange): RunRowChange =>
  Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))

/** As the database will give it back. */
const bound = (row: RunColumns): RunColumns =>
  Object.fromEntries(Object.entries(row).map(([column, value]) => [column, bind(value)])) as RunColumns
