/**
 * Values that travel between tasks. Small ones are inline; large ones are stored once under the hash of their content
 * and travel as a reference, so that journals, state and events stay flat as a run grows.
 */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/** Bytes of JSON up to which a value is carried inline. */
export const INLINE_LIMIT = 4096

/**
 * A reference to a stored value. `$blob` is `sha256:` + 64 hex digits of the stored bytes (UTF-8 of its JSON); `count`
 * says how many items it has, when it is a list; `nested` that references stand in the stored value, too. Without it
 * what is stored is taken as it is: what looks like a reference there is the text of an agent or of a person.
 */
export type BlobRef = { $blob: string; bytes: number; preview: string; count?: number; nested?: true }

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

/** Whether a reference, or what has the form of one, stands in a value at any depth. */
export function holdsReference(value: Value): boolean {
  if (typeof value !== 'object' || value === null) return false
  return isBlobRef(value) || Object.values(value).some((item) => holdsReference(item as Value))
}

/** Said of JSON from outside that has the form of a reference where it cannot be stored apart. */
export const LOOKS_LIKE_A_REFERENCE =
  'an object with "$blob": "sha256:…" has the form in which Quorate refers to a large value'
