/**
 * Values that travel between tasks. Small ones are inline; large ones are stored once under the hash of their content
 * and travel as a reference, so that journals, state and events stay flat as a run grows.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Bytes of JSON up to which a value is carried inline. */
export const INLINE_LIMIT = 4096

/**
 * A reference to a stored value. `$blob` is `sha256:` + 64 hex digits of the stored bytes (UTF-8 of its JSON); `count`
 * says how many items it has, when it is a list.
 */
export type BlobRef = { $blob: string; bytes: number; preview: string; count?: number }

/** What an event or a state carries: JSON in which large parts are {@link BlobRef}s. */
export type Value = Json | BlobRef

export function isBlobRef(value: unknown): value is BlobRef {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { $blob?: unknown }).$blob === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test((value as BlobRef).$blob)
  )
}
