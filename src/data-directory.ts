/** What is done with a data directory as a whole: a backup of it at any time, a restore while nobody uses it. */
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Result } from './failure.ts'
import { lockInstance } from './instance-lock.ts'
import { type Backup, backupStore, type Restored, restoreStore, stamp } from './store/backup.ts'

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
