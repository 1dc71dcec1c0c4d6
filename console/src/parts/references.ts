/** References to large values within a value, and what they stand for in their place. */
import type { BlobRef } from '../../../src/workflow/value.ts'

export function isReference(value: unknown): value is BlobRef {
  if (typeof value !== 'object' || value === null) return false
  const { $blob } = value as { $blob?: unknown }
  return typeof $blob === 'string' && /^sha256:[0-9a-f]{64}$/.test($blob)
}

/** Text of an agent or a person that stands in a value now: nothing in it is taken for a reference. */
class Stored {
  readonly #content: unknown
  constructor(content: unknown) {
    this.#content = content
  }
  toJSON(): unknown {
    return this.#content
  }
}

export function asText(value: unknown): string {
  const plain = value instanceof Stored ? value.toJSON() : value
  return typeof plain === 'string' ? plain : (JSON.stringify(plain, null, 2) ?? 'nothing')
}

/** Every large value that this one refers to, each once. */
export function referencesIn(value: unknown): BlobRef[] {
  const found = new Map<string, BlobRef>()
  filled(value, (reference) => found.set(reference.$blob, reference))
  return [...found.values()]
}

/** The value with something in the place of each reference. */
export function filled(value: unknown, instead: (reference: BlobRef) => unknown): unknown {
  if (isReference(value)) return instead(value)
  if (Array.isArray(value)) return value.map((item) => filled(item, instead))
  if (typeof value !== 'object' || value === null || value instanceof Stored) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, instead)]))
}

/** The value with what its references stand for. Only where a reference says so are there more in it. */
export const completed = (value: unknown, contentOf: (hash: string) => unknown): unknown =>
  filled(value, ({ $blob, nested }) => (nested === true ? contentOf($blob) : new Stored(contentOf($blob))))
