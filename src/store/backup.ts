/**
 * Backup and restore of the database file. Both work on files alone: a backup may be made while a program works on the
 * data directory, a restore needs it stopped (the caller holds its lock).
 *
 * Invariants:
 *  B1. A backup is one moment: every commit is in it whole or not at all, and none after that moment is.
 *  B2. Whatever appears under its name has been checked: pages, indexes, and every row against its checksum.
 *  B3. A restore deletes nothing. The file that it puts in place is checked first; a kill in between is noticed by the
 *      next start (sqlite.ts), never mistaken for an empty or an older database.
 */
import { constants, existsSync } from 'node:fs'
import { access, copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fail, ok, type Result } from '../failure.ts'
import { type RunColumns, runSum } from './checksum.ts'
import { migrations } from './migrations/all.ts'
import { keepRevoked, type RestoredKeys, replacedKeys } from './restored-keys.ts'
import { unfinishedStatuses } from './runs.ts'
import { DATABASE_FILE, integrity, migrate, named, RESTORING_FILE, text } from './sqlite.ts'
import { damaged, failureOf } from './store-failure.ts'
import { verifyRows } from './verify-rows.ts'

/** What a backup holds. */
export type Backup = { file: string; bytes: number; runs: number; unfinished: number; events: number }

/**
 * Writes the database of a data directory, as it is at this moment, into one file of its own, for its owner only.
 * Safe while a program writes; it is not held up. Takes as much free space as the database.
 *
 * @param force Replace a file that is there. Without it `conflict`.
 */
export async function backupStore({
  data_dir,
  file,
  force = false,
}: {
  data_dir: string
  file: string
  force?: boolean
}): Promise<Result<Backup>> {
  const source = join(data_dir, DATABASE_FILE)
  const target = resolve(file)
  const unfinished = `${target}.part-${process.pid}`
  const taken = fail('conflict', `${file} is there already`, {
    field: 'file',
    value: file,
    remedy: 'Choose another name, a folder (then the name has the time in it), or --force to replace it.',
  })
  if (!existsSync(source))
    return fail('not_found', `there is no database in ${data_dir}`, {
      field: 'data_dir',
      value: data_dir,
      remedy: 'Name the data directory with --data DIR.',
    })
  if (target === resolve(source) || target.startsWith(`${resolve(source)}-`))
    return fail('invalid_input', 'a backup cannot take the place of the database itself', {
      field: 'file',
      value: file,
    })
  if (!force && existsSync(target)) return taken
  try {
    // Made here, so that nobody else may read it: prompts and answers are in it.
    await (await open(unfinished, 'wx', 0o600)).close()
    const db = new DatabaseSync(source, { readOnly: true, timeout: 5_000 })
    try {
      // One statement, one moment; the copy has no gaps and no write-ahead log of its own.
      db.prepare('vacuum into ?').run(unfinished)
    } catch (error) {
      const failure = failureOf(error)
      // What cannot be read is the source; a full disk is that of the target.
      if (failure?.kind === 'data_damaged') return { ok: false, failure: named(source, failure) }
      throw error
    } finally {
      db.close()
    }
    const checked = examine(unfinished, source)
    if (!checked.ok) return checked
    await synced(unfinished)
    if (force) await rename(unfinished, target)
    else if (!(await appear(unfinished, target))) return taken
    await synced(dirname(target))
    return ok({ file: target, bytes: (await stat(target)).size, ...checked.value })
  } catch (error) {
    const failure = failureOf(error)
    return {
      ok: false,
      failure: {
        ...(failure ?? { kind: 'unavailable', message: `the backup could not be written: ${text(error)}` }),
        ...((error as NodeJS.ErrnoException).code === 'ENOSPC' ? { kind: 'disk_full' as const } : {}),
        field: 'file',
        value: file,
        remedy: 'Check that its folder exists, may be written, and has room for another copy of the database.',
      },
    }
  } finally {
    await rm(unfinished, { force: true }).catch(() => {})
    await rm(`${unfinished}-journal`, { force: true }).catch(() => {})
  }
}

/** What a restore has put in place, where it put what was there, and whom it answers. */
export type Restored = Omit<Backup, 'file'> & { data_dir: string; kept: string | null; api_keys: RestoredKeys }

/**
 * Puts a backup in the place of a data directory's database. What was there (database, engine's folder) is moved into
 * a folder beside it. Runs that had not ended at the moment of the backup go on from their logs at the next start;
 * they are marked, so that effects which may have happened since are asked about first (effects.ts). API keys that were
 * revoked since stay revoked (restored-keys.ts). The caller holds the lock of the data directory.
 *
 * @param now Milliseconds since 1970; names the folder of what was there.
 */
export async function restoreStore({
  data_dir,
  file,
  now,
}: {
  data_dir: string
  file: string
  now: number
}): Promise<Result<Restored>> {
  const place = join(data_dir, DATABASE_FILE)
  const ready = join(data_dir, RESTORING_FILE)
  const copy = `${place}.part`
  try {
    await access(file, constants.R_OK)
  } catch (error) {
    return fail('not_found', `the backup cannot be read: ${text(error)}`, { field: 'file', value: file })
  }
  const tail = await stat(`${file}-wal`).catch(() => null)
  if (tail !== null && tail.size > 0)
    return fail('refused', `${file} is no backup: commits that belong to it stand in ${file}-wal`, {
      field: 'file',
      value: file,
      remedy: 'Make a backup of that database first: quorate backup FILE --data its folder.',
    })
  try {
    await mkdir(data_dir, { recursive: true, mode: 0o700 })
    await rm(copy, { force: true })
    await (await open(copy, 'wx', 0o600)).close()
    await copyFile(file, copy)
    const checked = examine(copy, file)
    if (!checked.ok) return checked
    const prepared = await prepare(copy, file, (db) => {
      markRestored(db)
      return keepRevoked(db, replacedKeys(place, ready), now)
    })
    if (!prepared.ok) return prepared
    await synced(copy)
    // From here on a start is refused until all of it is done.
    await rename(copy, ready)
    await synced(data_dir)
    const kept = await setAside(data_dir, now)
    await rename(ready, place)
    await synced(data_dir)
    return ok({ data_dir, kept, bytes: (await stat(place)).size, ...checked.value, api_keys: prepared.value })
  } catch (error) {
    const failure = failureOf(error)
    return {
      ok: false,
      failure: {
        ...(failure ?? { kind: 'unavailable', message: `the backup could not be put in place: ${text(error)}` }),
        ...((error as NodeJS.ErrnoException).code === 'ENOSPC' ? { kind: 'disk_full' as const } : {}),
        field: 'data_dir',
        value: data_dir,
        remedy: 'Make room and check the permissions of the data directory, then restore again: nothing was deleted.',
      },
    }
  } finally {
    for (const left of [copy, `${copy}-journal`, `${copy}-wal`, `${copy}-shm`])
      await rm(left, { force: true }).catch(() => {})
  }
}

/** What belongs to a database and must not meet another one: its log, and what the engine knows of its runs. */
const belongings = [DATABASE_FILE, `${DATABASE_FILE}-wal`, `${DATABASE_FILE}-shm`, 'engine', 'endpoint.json']

/** The folder that holds what was there now; null when there was nothing. */
async function setAside(data_dir: string, now: number): Promise<string | null> {
  const found = belongings.filter((name) => existsSync(join(data_dir, name)))
  if (found.length === 0) return null
  const folder = join(data_dir, `before-restore-${stamp(now)}`)
  let kept = folder
  for (let n = 2; existsSync(kept); n++) kept = `${folder}-${n}`
  await mkdir(kept, { mode: 0o700 })
  for (const name of found) await rename(join(data_dir, name), join(kept, name))
  await synced(kept)
  return kept
}

/** `20261122-093000`, in UTC: sorts by time, fits every file system. */
export const stamp = (now: number): string =>
  new Date(now).toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-')

/** Reads the whole of a copy; failures name the file that it was made of. */
function examine(copy: string, origin: string): Result<Omit<Backup, 'file' | 'bytes'>> {
  try {
    const db = new DatabaseSync(copy, { readOnly: true })
    try {
      const tables = db.prepare("select count(*) as n from sqlite_schema where name in ('runs', 'events')").get()
      if (tables?.['n'] !== 2)
        return fail('invalid_input', `${origin} is not a database of Quorate`, { field: 'file', value: origin })
      const problem = integrity(db) ?? verifyRows(db)
      if (problem) return { ok: false, failure: named(origin, problem) }
      const one = (sql: string): number => Number(db.prepare(sql).get()?.['n'])
      const alive = unfinishedStatuses.map((status) => `'${status}'`).join()
      return ok({
        runs: one('select count(*) as n from runs'),
        unfinished: one(`select count(*) as n from runs where status in (${alive})`),
        events: one('select count(*) as n from events'),
      })
    } finally {
      db.close()
    }
  } catch (error) {
    const failure = failureOf(error) ?? damaged(text(error))
    return { ok: false, failure: named(origin, failure) }
  }
}

/** Brings the copy up to date, refusing what a newer program wrote, and changes in it what a backup cannot know. */
async function prepare<T>(copy: string, origin: string, change: (db: DatabaseSync) => T): Promise<Result<T>> {
  const db = new DatabaseSync(copy)
  try {
    const problem = await migrate(db, migrations)
    if (problem) return { ok: false, failure: named(origin, problem) }
    return ok(change(db))
  } finally {
    if (db.isOpen) db.close()
  }
}

function markRestored(db: DatabaseSync): void {
  type Row = RunColumns & { namespace: string }
  const alive = db.prepare('select * from runs where ended_at is null')
  const mark = db.prepare('update runs set restored = 1, sum = ? where namespace = ? and id = ?')
  db.exec('begin')
  for (const row of alive.all() as unknown as Row[])
    mark.run(runSum(row.namespace, { ...row, restored: 1 }), row.namespace, row.id)
  db.exec('commit')
}

/** Gives a finished file its name, unless something has it already. */
async function appear(unfinished: string, target: string): Promise<boolean> {
  try {
    await link(unfinished, target)
    return true
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EMLINK') throw error
  }
  // A file system without links (FAT).
  if (existsSync(target)) return false
  await rename(unfinished, target)
  return true
}

/** Of a folder: its names are durable. Some systems cannot do that for folders, and have nothing to do. */
async function synced(path: string): Promise<void> {
  const file = await open(path, 'r')
  try {
    await file.sync()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error
  } finally {
    await file.close()
  }
}
