import type { SQLInputValue } from 'node:sqlite'

/**
 * One value for a statement. node:sqlite takes a Date or a plain object in first place for named parameters and stores
 * NULL, and a boolean by throwing only in some versions; here every kind is either meant or refused.
 */
export function bind(value: unknown): SQLInputValue {
  switch (typeof value) {
    case 'string':
      // UTF-8 cannot hold half a surrogate pair; make the loss visible as U+FFFD, the same on every database.
      return value.toWellFormed()
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`a number for the database must be finite, not ${value}`)
      // A larger integer could be written and then never read back (ERR_OUT_OF_RANGE).
      return Math.min(Number.MAX_SAFE_INTEGER, Math.max(Number.MIN_SAFE_INTEGER, value))
    case 'boolean':
      return value ? 1 : 0
    case 'bigint':
      return value
    default:
      if (value === null || value instanceof Uint8Array) return value
      throw new TypeError(
        `a value for the database must be text, number, boolean, bytes or null, not ${value === undefined ? 'undefined' : Object.prototype.toString.call(value)}`,
      )
  }
}
