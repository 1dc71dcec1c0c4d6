/** The store on one file, `quorate.db`, in the data directory. */
import { constants, existsSync } from 'node:fs'
import { access, mkdir, open } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import { Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import { agentHistoryStore } from './agent-history.ts'
import { agentStore } from './agents.ts'
import { apiKeyStore } from './api-keys.ts'
import { blobStore } from './blobs.ts'
import { budgetStore } from './budgets.ts'
import { type RunColumns, runSum } from './checksum.ts'
import { definitionStore } from './definitions.ts'
import { effectStore } from './effects.ts'
import { commitsHere, commitsInThread } from './event-commits.ts'
import { eventStore } from './events.ts'
import { idempotencyStore } from './idempotency.ts'
import { inboxStore } from './inbox.ts'
import { metaStore } from './meta.ts'
import { migrations } from './migrations/all.ts'
import { modelCallStore } from './model-calls.ts'
import { runStore } from './runs.ts'
import type { StoreAccess, StoreSchema } from './schema.ts'
import { sqliteCommit } from './sqlite-commit.ts'
import { NodeSqliteDialect } from './sqlite-dialect.ts'
import { sqlitePragmas } from './sqlite-pragmas.ts'
import type { Store } from './store.ts'
import { damaged, failureOf, StoreFailure } from './store-failure.ts'
import { tryStore } from './tries.ts'
import { usageStore } from './usage.ts'
import { watchers } from './watchers.ts'

export const DATABASE_FILE = 'quorate.db'

/** A backup that a restore has checked and not yet put in its place. */
export const RESTORING_FILE = 'quorate.db.restoring'

/**
 * Up to this size every page and every index is checked on opening (about 0.2 s); of a larger file header, schema, and
 * the table of runs with its indexes, since a run that is not found there would never go on. Damage inside a text is
 * found by its checksum when it is read (checksum.ts).
 */
const CHECKED_WHOLE_BYTES = 64 * 1024 * 1024

/**
 * Opens the store, making directory and file where there are none and bringing the schema up to date.
 * Refuses, with the file untouched, when the directory cannot be written, the file is damaged, or a newer program wrote it.
 *
 * @param now Milliseconds since 1970; dates what the store itself dates (blobs, definitions, effects).
 * @param on_damage Called once for each thing that turns out not to be what was written, so that somebody is told.
 * @param as_it_is Another process works on it: a schema that is not up to date is refused and not changed.
 * @param event_thread Events are stored in a thread of their own: for a program that does much else.
 */
export async function openStore({
  data_dir,
  namespace,
  now,
  on_damage = () => undefined,
  event_thread = false,
  as_it_is = false,
}: {
  data_dir: string
  namespace: string
  now: () => number
  on_damage?: (failure: Failure) => void
  event_thread?: boolean
  as_it_is?: boolean
}): Promise<Result<Store>> {
  const path = join(data_dir, DATABASE_FILE)
  const prepared = await prepareFile(data_dir, path)
  if (!prepared.ok) return prepared

  let db: DatabaseSync
  try {
    db = new DatabaseSync(path, { timeout: 5_000 })
  } catch (error) {
    return { ok: false, failure: named(path, failureOf(error) ?? internal(error)) }
  }
  try {
    const problem = checkFile(db, prepared.value.bytes) ?? (await migrate(db, migrations, as_it_is)) ?? checkRuns(db)
    if (problem) {
      db.close()
      return { ok: false, failure: named(path, problem) }
    }
    return ok(storeOn(db, namespace, now, on_damage, event_thread ? path : null))
  } catch (error) {
    db.close()
    return { ok: false, failure: named(path, failureOf(error) ?? internal(error)) }
  }
}

async function prepareFile(data_dir: string, path: string): Promise<Result<{ bytes: number }>> {
  try {
    await mkdir(data_dir, { recursive: true, mode: 0o700 })
    await access(data_dir, constants.W_OK | constants.X_OK)
    if (existsSync(join(data_dir, RESTORING_FILE)))
      return fail('conflict', `a restore into ${data_dir} was interrupted`, {
        field: 'data_dir',
        value: data_dir,
        remedy: 'Run quorate restore FILE again: it begins anew, and keeps aside what is there.',
      })
    // Made here and not by SQLite, so that only its owner may read prompts and answers.
    const file = await open(path, 'a+', 0o600)
    try {
      const { bytesRead, buffer } = await file.read(Buffer.alloc(16), 0, 16, 0)
      if (bytesRead > 0 && buffer.toString('latin1') !== 'SQLite format 3\u0000') {
        return { ok: false, failure: named(path, damaged('the file does not begin as an SQLite database does')) }
      }
      return ok({ bytes: (await file.stat()).size })
    } finally {
      await file.close()
    }
  } catch (error) {
    return fail('unavailable', `the data directory cannot be used: ${text(error)}`, {
      field: 'data_dir',
      value: data_dir,
      remedy: 'Choose a directory that this user may write (--data DIR), or correct its permissions.',
    })
  }
}

/** Null when the file is sound. Also sets what every connection needs. */
function checkFile(db: DatabaseSync, bytes: number): Failure | null {
  const { journal_mode } = db.prepare('pragma journal_mode = wal').get() as { journal_mode: string }
  if (journal_mode !== 'wal') {
    return {
      kind: 'unsupported',
      message: `the file system of the data directory cannot keep a write-ahead log (journal mode ${journal_mode})`,
      remedy: 'Choose a directory on a local disk.',
    }
  }
  db.exec(sqlitePragmas)
  return bytes <= CHECKED_WHOLE_BYTES ? integrity(db) : integrity(db, 'runs')
}

/** Pages, indexes and constraints; of everything, or of one table, which a new file does not have yet. */
export function integrity(db: DatabaseSync, table?: 'runs'): Failure | null {
  if (table !== undefined && !db.prepare('select 1 from sqlite_schema where name = ?').get(table)) return null
  const [first] = db.prepare(`pragma integrity_check(${table ?? 1})`).all() as { integrity_check: string }[]
  return first?.integrity_check === 'ok' ? null : damaged(first?.integrity_check ?? 'the check gave no answer')
}

/** The rows of runs that have not ended: one that cannot be read as it was written would stay where it is for ever. */
function checkRuns(db: DatabaseSync): Failure | null {
  const rows = db.prepare('select * from runs where ended_at is null')
  for (const row of rows.iterate() as Iterable<RunColumns & { namespace: string; sum: number }>)
    if (row.sum !== runSum(row.namespace, row)) return damaged(`the row of ${row.id} is not what was written`)
  return null
}

/**
 * A checksum of the schema's text stands in the header (`user_version`), for a damaged letter in the name of a column is
 * no damaged page. SQLite's own tables are left out: they come by themselves.
 */
function schemaSum(db: DatabaseSync): number {
  const rows = db.prepare(
    "select type, name, tbl_name, sql from sqlite_schema where name not like 'sqlite_%' order by name",
  )
  return crc32(JSON.stringify(rows.all())) | 0
}

/** 0 = none was written. */
const writtenSum = (db: DatabaseSync): number =>
  (db.prepare('pragma user_version').get() as { user_version: number }).user_version

/** Runs what is missing of the migrations; each in a transaction, so a failing one leaves nothing behind. */
export async function migrate(
  db: DatabaseSync,
  wanted: Record<string, Migration>,
  as_it_is = false,
): Promise<Failure | null> {
  const written = writtenSum(db)
  if (written !== 0 && written !== schemaSum(db)) return damaged('the schema is not what was written')
  const kysely = new Kysely<{ kysely_migration: { name: string } }>({ dialect: new NodeSqliteDialect(db) })
  const known = db.prepare("select 1 from sqlite_schema where name = 'kysely_migration'").get()
  let missing = Object.keys(wanted).length
  if (known) {
    const done = await kysely.selectFrom('kysely_migration').select('name').orderBy('name').execute()
    missing -= done.length
    const newer = done.filter(({ name }) => !Object.hasOwn(wanted, name))
    if (newer.length > 0) {
      return {
        kind: 'unsupported',
        message: `a newer version of Quorate wrote this database (it has ${newer.map(({ name }) => name).join(', ')})`,
        remedy: 'Start that version or a later one, or restore a backup made before the upgrade.',
      }
    }
  }
  if (missing === 0 && written !== 0) return null
  if (as_it_is)
    return {
      kind: 'conflict',
      message: 'the program that works on this database is of another version',
      remedy: 'Use the command line of that version, or stop it first.',
    }
  // A program that is killed between a migration and the new sum must find none.
  db.exec('pragma user_version = 0')
  const { error, results } = await new Migrator({
    db: kysely,
    provider: { getMigrations: async () => wanted },
  }).migrateToLatest()
  if (error === undefined) {
    db.exec(`pragma user_version = ${schemaSum(db)}`)
    return null
  }
  const failed = results?.find((result) => result.status === 'Error')
  return (
    failureOf(error) ?? {
      kind: 'internal',
      message: `the database could not be brought up to date (${failed?.migrationName ?? 'migration'}): ${text(error)}`,
      remedy: 'Nothing was changed. Go on with the version before, and report this.',
    }
  )
}

/** The store on a connection whose schema is up to date; closing it closes the connection. */
export function storeOn(
  db: DatabaseSync,
  namespace: string,
  now: () => number,
  on_damage: (failure: Failure) => void = () => undefined,
  /** Stores events in a thread of its own, which opens this file; null = in this one. */
  thread_on: string | null = null,
): Store {
  const kysely = new Kysely<StoreSchema>({ dialect: new NodeSqliteDialect(db) })
  const access: StoreAccess = { db: kysely, namespace, now }
  const commit = sqliteCommit(db, namespace)
  const watching = watchers()
  let trouble: Failure | null = null
  /** Stays until the program ends: that the next call went through makes nothing whole. */
  let damage: Failure | null = null
  const told = new Set<string>()
  let closed = false

  /** With the file's name. */
  const seenDamage = (failure: Failure): Failure => {
    const whole = named(db.location() ?? DATABASE_FILE, failure)
    damage ??= whole
    if (!told.has(failure.message) && told.size < MOST_TOLD) {
      told.add(failure.message)
      on_damage(whole)
    }
    return whole
  }

  /** Rejections carry a {@link Failure} when the outside is the cause; a bug stays what it is. */
  const guarded =
    <Args extends unknown[], T>(call: (...args: Args) => Promise<T>) =>
    async (...args: Args): Promise<T> => {
      if (closed) throw new StoreFailure({ kind: 'unavailable', message: 'the store is closed' })
      try {
        const value = await call(...args)
        trouble = null
        return value
      } catch (error) {
        const failure = failureOf(error)
        if (failure?.kind === 'data_damaged') throw new StoreFailure(seenDamage(failure), error)
        if (!failure || error instanceof StoreFailure) throw error
        trouble = named(db.location() ?? DATABASE_FILE, failure)
        throw new StoreFailure(trouble, error)
      }
    }

  const commits = thread_on === null ? commitsHere(commit) : commitsInThread(thread_on, namespace)
  /** For all that writes and is not given to them (event-commits.ts, T1). */
  const writing = <Args extends unknown[], T>(call: (...args: Args) => Promise<T>): ((...args: Args) => Promise<T>) =>
    guarded((...args) => commits.turn(() => call(...args)))

  const runs = runStore(access, commits, watching)
  const events = eventStore(access, commits, watching, seenDamage)
  const inbox = inboxStore(access)
  const definitions = definitionStore(access)
  const blobs = blobStore(access)
  const agents = agentStore(access)
  const effects = effectStore(access)
  const idempotency = idempotencyStore(access)
  const meta = metaStore(access)
  const usage = usageStore(access)
  const history = agentHistoryStore(access)
  const tries = tryStore(access)
  const api_keys = apiKeyStore(access)
  const model_calls = modelCallStore(access, db, commits.turn)
  const budgets = budgetStore(db, namespace)

  return {
    runs: {
      create: guarded(runs.create),
      get: guarded(runs.get),
      list: guarded(runs.list),
      counts: guarded(runs.counts),
      unfinished: guarded(runs.unfinished),
      unfinished_children: guarded(runs.unfinished_children),
      asking: guarded(runs.asking),
    },
    events: {
      append: guarded(events.append),
      read: guarded(events.read),
      last_seq: guarded(events.last_seq),
      watch: events.watch,
    },
    inbox: { put: writing(inbox.put), read: guarded(inbox.read), waiting: guarded(inbox.waiting) },
    definitions: {
      put: writing(definitions.put),
      restore: writing(definitions.restore),
      get: guarded(definitions.get),
      list: guarded(definitions.list),
      versions: guarded(definitions.versions),
    },
    blobs: { put: writing(blobs.put), get: guarded(blobs.get) },
    agents: { put: writing(agents.put), list: guarded(agents.list), remove: writing(agents.remove) },
    model_calls: {
      // They take a turn for many at once, and wait for company without one.
      begin: guarded(model_calls.begin),
      end: guarded(model_calls.end),
      close: guarded(model_calls.close),
      of_task: guarded(model_calls.of_task),
      list: guarded(model_calls.list),
    },
    budgets: {
      reserve: writing(budgets.reserve),
      more: writing(budgets.more),
      settle: writing(budgets.settle),
      raise: writing(budgets.raise),
      alive: writing(budgets.alive),
      charge_left_behind: writing(budgets.charge_left_behind),
      list: guarded(budgets.list),
    },
    effects: {
      begin: writing(effects.begin),
      get: guarded(effects.get),
      done: writing(effects.done),
      forget: writing(effects.forget),
    },
    idempotency: {
      begin: writing(idempotency.begin),
      finish: writing(idempotency.finish),
      abandon: writing(idempotency.abandon),
    },
    usage: { sums: guarded(usage.sums), durations: guarded(usage.durations) },
    agent_history: {
      calls: guarded(history.calls),
      note: writing(history.note),
      states: guarded(history.states),
    },
    tries: { put: writing(tries.put), get: guarded(tries.get), list: guarded(tries.list) },
    api_keys: {
      put: writing(api_keys.put),
      list: guarded(api_keys.list),
      find: guarded(api_keys.find),
      of_prefix: guarded(api_keys.of_prefix),
      revoke: writing(api_keys.revoke),
      used: writing(api_keys.used),
      open_session: writing(api_keys.open_session),
      session: guarded(api_keys.session),
      close_session: writing(api_keys.close_session),
    },
    meta: { get: guarded(meta.get), set: writing(meta.set) },

    async health() {
      const detail = (message: string) => ({ ok: false, detail: message, kind: 'sqlite' as const, size_bytes: null })
      if (closed) return detail('the store is closed')
      try {
        const { bytes } = db
          .prepare('select page_count * page_size as bytes from pragma_page_count, pragma_page_size')
          .get() as { bytes: number }
        const wrong = damage ?? trouble
        return wrong
          ? { ...detail(`${wrong.message} (${wrong.value})`), size_bytes: bytes }
          : { ok: true, detail: 'ready', kind: 'sqlite', size_bytes: bytes }
      } catch (error) {
        return detail(text(error))
      }
    },

    async close() {
      if (closed) return
      closed = true
      watching.close()
      await model_calls.end_all()
      await commits.close()
      await kysely.destroy()
      if (db.isOpen) db.close()
    },
  }
}

/** Different damages that somebody is told of; a file with more has been told of enough. */
const MOST_TOLD = 100

export const named = (path: string, failure: Failure): Failure => ({ ...failure, field: 'data_dir', value: path })
export const text = (error: unknown): string => (error instanceof Error ? error.message : String(error))
const internal = (error: unknown): Failure => ({
  kind: 'internal',
  message: `the database could not be opened: ${text(error)}`,
})
