/** What is done with a data directory without the program: a backup or short work at any time, a restore while nobody uses it. */
import { existsSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, type Result } from './failure.ts'
import { lockInstance } from './instance-lock.ts'
import { type Backup, backupStore, type Restored, restoreStore, stamp } from './store/backup.ts'
import { DATABASE_FILE, openStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'

/**
 * Backs a data directory up, whether a program runs on it or not.
 * @param to A file, or a folder that exists: the file in it is then named by the time.
 */
export async function backUp(request: {
  data_dir: string
  to: string
  force: boolean
  now: number
}): Promise<Result<Backup>> {
  const { data_dir, to, force, now } = request
  const folder = await stat(to).then(
    (found) => found.isDirectory(),
    () => false,
  )
  return backupStore({ data_dir, file: folder ? join(to, `quorate-${stamp(now)}.db`) : to, force })
}

/** Restores a backup. `conflict` while a program runs on the data directory. */
export async function restoreBackup(request: {
  data_dir: string
  file: string
  now: number
}): Promise<Result<Restored>> {
  const lock = await lockInstance(request.data_dir)
  if (!lock.ok) return lock
  lock.value.announce('restores a backup')
  try {
    return await restoreStore(request)
  } finally {
    await lock.value.release()
  }
}

/**
 * Works on the store of a data directory, whether a program runs on it or not: whoever may write there may do this.
 * For short work only, since writes of the two wait for each other.
 * @param make Make the directory and its database where there are none; else `not_found`.
 */
export async function onStore<T>(
  request: { data_dir: string; namespace: string; now: () => number; make: boolean },
  work: (store: Store) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { data_dir, namespace, now, make } = request
  if (!make && !existsSync(join(data_dir, DATABASE_FILE)))
    return fail('not_found', `there is no database in ${data_dir}`, {
      field: 'data_dir',
      value: data_dir,
      remedy: 'name the data directory with --data DIR, or the server with --server URL',
    })
  const lock = await lockInstance(data_dir)
  if (!lock.ok && lock.failure.kind !== 'conflict') return lock
  try {
    const store = await openStore({ data_dir, namespace, now, as_it_is: !lock.ok })
    if (!store.ok) return store
    try {
      return await work(store.value)
    } finally {
      await store.value.close()
    }
  } finally {
    if (lock.ok) await lock.value.release()
  }
}
