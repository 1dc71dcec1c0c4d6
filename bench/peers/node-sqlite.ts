/**
 * The part of better-sqlite3 that LangGraph's `SqliteSaver` uses, over Node's own SQLite: better-sqlite3 12 aborts the process on
 * Node.js 24.19 and later when a statement is collected (`RemoveEnvironmentCleanupHook`, `(env) != nullptr`).
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite'
import type { SqliteSaver } from '@langchain/langgraph-checkpoint-sqlite'

type Database = ConstructorParameters<typeof SqliteSaver>[0]

export function openDatabase(file: string): Database {
  const db = new DatabaseSync(file)
  // What better-sqlite3 is compiled with (SQLITE_DEFAULT_WAL_SYNCHRONOUS=1).
  db.exec('pragma synchronous = normal')
  const statements = new Map<string, StatementSync>()
  const prepared = (sql: string): StatementSync => {
    const known = statements.get(sql) ?? db.prepare(sql)
    statements.set(sql, known)
    return known
  }
  // undefined is null there and an error here.
  const bound = (values: unknown[]): SQLInputValue[] => values.map((value) => (value ?? null) as SQLInputValue)
  const shown = {
    pragma: (text: string) => db.prepare(`pragma ${text}`).all(),
    exec: (text: string) => db.exec(text),
    prepare: (sql: string) => ({
      get: (...values: unknown[]) => prepared(sql).get(...bound(values)),
      all: (...values: unknown[]) => prepared(sql).all(...bound(values)),
      run: (...values: unknown[]) => prepared(sql).run(...bound(values)),
    }),
    transaction:
      <T>(work: (...values: unknown[]) => T) =>
      (...values: unknown[]): T => {
        db.exec('begin')
        try {
          const result = work(...values)
          db.exec('commit')
          return result
        } catch (error) {
          db.exec('rollback')
          throw error
        }
      },
    close: () => db.close(),
  }
  return shown as unknown as Database
}
