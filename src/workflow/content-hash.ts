import { hash } from 'node:crypto'
import canonicalize from 'canonicalize'
import type { Json } from './value.ts'

/** RFC 8785 canonical JSON: same data, same bytes, whatever the order of keys. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value as Json)
  if (text === undefined) throw new TypeError('a value that JSON cannot express has no canonical form')
  return text
}

/** `sha256:` + hex over the canonical JSON. The address of definitions, prompts, agents. */
export const contentHash = (value: unknown): string => `sha256:${hash('sha256', canonicalJson(value))}`
