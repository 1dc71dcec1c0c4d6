/**
 * Requests of the first view, sent while the code that draws it is still on its way: what they answer is there when it
 * is wanted. An answer is for one request, and for a moment only.
 */

import { addressOf } from './address.ts'

const KEPT_MS = 5_000
const early = new Map<string, Promise<Response>>()

export function askEarly(operation: string, input: object): void {
  const { address } = addressOf(operation, input)
  const answer = fetch(address, { headers: { accept: 'application/json' } })
  // Whoever takes it learns of a failure.
  answer.catch(() => undefined)
  early.set(address, answer)
}

/** The answer that was asked for early, if there is one; it is the caller's then. */
export function takeEarly(address: string): Promise<Response> | null {
  if (early.size === 0) return null
  const found = performance.now() < KEPT_MS ? (early.get(address) ?? null) : null
  early.delete(address)
  return found
}
