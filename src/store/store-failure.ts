import type { Failure } from '../failure.ts'

/**
 * What a store's promise rejects with when the database itself cannot do its work (disk full, file damaged, closed).
 * Nothing of the refused call was stored. Doors show `failure`; the caller may try again.
 */
export class StoreFailure extends Error {
  readonly failure: Failure

  constructor(failure: Failure, cause?: unknown) {
    super(failure.message, { cause })
    this.name = 'StoreFailure'
    this.failure = failure
  }
}

/** Primary result codes of SQLite (https://sqlite.org/rescode.html) that say something about the outside, not about our SQL. */
const outside: { [code: number]: (message: string) => Failure } = {
  5: (message) => locked(message),
  6: (message) => locked(message),
  8: () => ({
    kind: 'unavailable',
    message: 'the database cannot be written',
    remedy: 'Check the permissions of the data directory and whether its disk is mounted read-only.',
  }),
  10: (message) => ({
    kind: 'unavailable',
    message: `the disk under the database reported an error (${message})`,
    remedy: 'Check the disk, then restart.',
  }),
  11: (message) => damaged(message),
  13: () => ({
    kind: 'disk_full',
    message: 'the disk under the database is full; nothing of this was stored',
    remedy: 'Free some space on it; runs go on by themselves and requests go through again, without a restart.',
    retry_after_s: 10,
  }),
  14: (message) => ({
    kind: 'unavailable',
    message: `the database cannot be opened (${message})`,
    remedy: 'Check that the data directory exists and may be written.',
  }),
  18: () => ({ kind: 'too_large', message: 'the value is larger than the database can hold (1 GB)' }),
  26: (message) => damaged(message),
}

const locked = (message: string): Failure => ({
  kind: 'unavailable',
  message: `another process holds the database (${message})`,
  remedy: 'End the other process that uses this data directory, or try again.',
  retry_after_s: 1,
})

export const damaged = (detail: string): Failure => ({
  kind: 'data_damaged',
  message: `the database is damaged: ${detail}`,
  remedy:
    'Stop Quorate and restore a backup: quorate restore FILE (it keeps this file aside). Without one, move quorate.db away to start with an empty one.',
})

/** A failure for what the outside did; null for what is a bug of ours and must stay an exception. */
export function failureOf(error: unknown): Failure | null {
  if (error instanceof StoreFailure) return error.failure
  if (!(error instanceof Error)) return null
  const { code, errcode } = error as Error & { code?: string; errcode?: number }
  if (code === 'ERR_INVALID_STATE') return { kind: 'unavailable', message: 'the store is closed' }
  if (code !== 'ERR_SQLITE_ERROR' || typeof errcode !== 'number') return null
  // The low byte is the primary code, the rest refines it.
  return outside[errcode & 0xff]?.(error.message) ?? null
}
