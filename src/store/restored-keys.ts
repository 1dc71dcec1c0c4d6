/**
 * API keys of a restored database. A backup knows nothing of what was revoked after it: put in place as it is, it would
 * answer those keys again.
 *
 * Invariants:
 *  R1. What the replaced database knows as revoked is revoked in the restored one, also keys that the backup has never
 *      seen: a later backup may have, and may be restored next.
 *  R2. A key that is in force afterwards, and of which the replaced database does not say so, is named to the person.
 *  R3. Browsers are signed in no longer: some may have signed out since.
 */
import { existsSync, statSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { keySum } from './checksum.ts'
import type { StoreSchema } from './schema.ts'
import { hasSums } from './verify-rows.ts'

type Row = StoreSchema['api_keys']
/** Those that could be read; `unread` as in {@link RestoredKeys}. */
type ReplacedKeys = { rows: Row[]; unread: string | null }

/** A key as a person knows it. */
type NamedKey = { namespace: string; id: string; name: string }

export type RestoredKeys = {
  /** In force in the backup, and revoked now as they were in the replaced database. */
  revoked: NamedKey[]
  /** In force now, which nothing confirms: the replaced database did not have them, or could not be read. */
  unconfirmed: NamedKey[]
  /** Why the replaced database could not be asked about all keys; null = it was. */
  unread: string | null
}

/**
 * The keys of the database that is to be replaced, which nobody has open. The file is not changed.
 * @param interrupted What a restore that was interrupted had ready: it knows what was revoked, if the database is gone.
 */
export function replacedKeys(database: string, interrupted: string): ReplacedKeys {
  if (existsSync(database)) return keysIn(database)
  if (!existsSync(interrupted)) return { rows: [], unread: 'there was no database to replace' }
  const { rows } = keysIn(interrupted)
  return { rows: rows.filter(({ revoked_at }) => revoked_at !== null), unread: 'a restore before was interrupted' }
}

function keysIn(file: string): ReplacedKeys {
  const rows: Row[] = []
  let unread: string | null = null
  try {
    const db = new DatabaseSync(asItIs(file), { readOnly: true })
    try {
      if (!db.prepare("select 1 from sqlite_schema where name = 'api_keys'").get()) return { rows, unread }
      const summed = hasSums(db, 'api_keys')
      for (const row of db.prepare('select * from api_keys').iterate() as unknown as Iterable<Row>)
        if (!summed || row.sum === keySum(row.namespace, row)) rows.push(row)
        else unread ??= `API key ${row.id} is not what was written`
    } finally {
      db.close()
    }
  } catch (error) {
    unread = error instanceof Error ? error.message : String(error)
  }
  return { rows, unread }
}

/** Without a log there is nothing to read but the file, and reading it needs none: SQLite would leave an empty one behind. */
function asItIs(file: string): URL {
  const url = pathToFileURL(file)
  const log = statSync(`${file}-wal`, { throwIfNoEntry: false })
  if (log === undefined || log.size === 0) url.searchParams.set('immutable', '1')
  return url
}

/** Keeps what was revoked revoked, in a restored database whose schema is up to date. */
export function keepRevoked(db: DatabaseSync, { rows, unread }: ReplacedKeys, now: number): RestoredKeys {
  const alive = (): Row[] =>
    db
      .prepare(
        `select * from api_keys where revoked_at is null and (expires_at is null or expires_at > ?)
         order by namespace, name`,
      )
      .all(now) as unknown as Row[]
  const one = db.prepare('select * from api_keys where namespace = ? and id = ?')
  const insert =
    db.prepare(`insert into api_keys (namespace, id, name, prefix, hash, permissions, created_at, created_by,
    expires_at, last_used_at, revoked_at, revoked_by, sum) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const revoke = db.prepare(
    'update api_keys set revoked_at = ?, revoked_by = ?, sum = ? where namespace = ? and id = ?',
  )
  const before = alive()
  db.exec('begin')
  for (const row of rows) {
    const { namespace, id, revoked_at, revoked_by } = row
    if (revoked_at === null) continue
    const here = one.get(namespace, id) as unknown as Row | undefined
    if (here === undefined)
      insert.run(
        ...[namespace, id, row.name, row.prefix, row.hash, row.permissions, row.created_at, row.created_by],
        ...[row.expires_at, row.last_used_at, revoked_at, revoked_by, keySum(namespace, row)],
      )
    else if (here.revoked_at === null)
      revoke.run(revoked_at, revoked_by, keySum(namespace, { ...here, revoked_at, revoked_by }), namespace, id)
  }
  db.exec('delete from api_sessions')
  db.exec('commit')
  const idOf = ({ namespace, id }: Row): string => `${namespace} ${id}`
  const named = ({ namespace, id, name }: Row): NamedKey => ({ namespace, id, name })
  const after = alive()
  const left = new Set(after.map(idOf))
  const confirmed = new Set(rows.filter(({ revoked_at }) => revoked_at === null).map(idOf))
  return {
    revoked: before.filter((row) => !left.has(idOf(row))).map(named),
    unconfirmed: after.filter((row) => !confirmed.has(idOf(row))).map(named),
    unread,
  }
}
