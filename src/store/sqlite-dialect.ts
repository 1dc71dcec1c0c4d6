/** Kysely over node:sqlite. The built-in dialect takes any object of the right shape; these are the differences. */
import type { DatabaseSync } from 'node:sqlite'
import { CompiledQuery, type DatabaseConnection, type Driver, SqliteAdapter, SqliteDialect, SqliteDriver } from 'kysely'
import { bind } from './bind.ts'

class ImmediateDriver extends SqliteDriver implements Driver {
  /** Takes the write lock at once: a transaction that reads first and then writes would fail when another process wrote between. */
  override async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }
}

class TransactionalAdapter extends SqliteAdapter {
  /** SQLite can roll back DDL; Kysely's adapter says it cannot, and then a failing migration leaves half of it behind. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

const KEPT_STATEMENTS = 200

type Bound = readonly unknown[]
type PreparedStatement = {
  reader: boolean
  all: (parameters: Bound) => unknown[]
  run: (parameters: Bound) => { changes: number | bigint; lastInsertRowid: number | bigint }
  iterate: (parameters: Bound) => IterableIterator<unknown>
}

export class NodeSqliteDialect extends SqliteDialect {
  readonly #config: ConstructorParameters<typeof SqliteDialect>[0]

  constructor(db: DatabaseSync) {
    const prepared = new Map<string, PreparedStatement>()
    const config: ConstructorParameters<typeof SqliteDialect>[0] = {
      database: {
        close: () => db.close(),
        prepare: (sql) => {
          // Preparing costs several times what running does. Only reads are kept: their number is small and fixed,
          // and a statement that is being iterated over is not handed out, since nothing here iterates.
          const kept = prepared.get(sql)
          if (kept !== undefined) return kept
          const statement = db.prepare(sql)
          const made = {
            reader: statement.columns().length > 0,
            all: (parameters: Bound) => statement.all(...parameters.map(bind)),
            run: (parameters: Bound) => statement.run(...parameters.map(bind)),
            iterate: (parameters: Bound) => statement.iterate(...parameters.map(bind)),
          }
          if (made.reader && prepared.size < KEPT_STATEMENTS) prepared.set(sql, made)
          return made
        },
      },
    }
    super(config)
    this.#config = config
  }

  override createDriver(): Driver {
    return new ImmediateDriver(this.#config)
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalAdapter()
  }
}
