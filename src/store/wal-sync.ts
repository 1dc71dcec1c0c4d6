/**
 * Has what was committed without waiting synced by the system behind the program's back. A commit of SQLite in WAL mode
 * is an append to the log beside the database; `synchronous = normal` leaves out only the wait for the disk
 * (https://www.sqlite.org/pragma.html#pragma_synchronous), which needs nobody's thread here.
 */
import { type FileHandle, open } from 'node:fs/promises'

export type WalSync = {
  /** False when it cannot be done: then commits have to wait themselves. */
  works: () => boolean
  /** Soon after. What is committed while one is under way is the next one's. */
  sync: () => void
  close: () => Promise<void>
}

/** @param path of the database; null = it is in memory */
export function openWalSync(path: string | null): WalSync {
  let works = path !== null
  let file: FileHandle | null = null
  let again = false
  let under_way: Promise<void> | null = null

  const run = async (): Promise<void> => {
    try {
      do {
        again = false
        // Held open: SQLite uses one log for as long as any connection is.
        file ??= await open(`${path}-wal`, 'r+')
        await file.datasync()
      } while (again)
    } catch {
      works = false
    } finally {
      under_way = null
    }
  }

  return {
    works: () => works,
    sync: () => {
      again = true
      under_way ??= run()
    },
    close: async () => {
      await under_way
      works = false
      await file?.close()
      file = null
    },
  }
}
