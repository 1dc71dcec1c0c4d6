import { createHash } from 'node:crypto'
import { v7 } from 'uuid'
import type { OperationContext } from './operation.ts'

/**
 * Ids of what a request makes. With an Idempotency-Key they derive from it, so that a repetition after a crash
 * between "run stored" and "answer stored" finds the same run instead of making a second one, and the same signal is
 * one piece of mail. A derived id is a UUIDv8 (RFC 9562: free form) over SHA-256; without a key it is a UUIDv7.
 */
export const newRunId = (context: OperationContext): string | undefined =>
  context.request_key === undefined ? undefined : `run_${derivedUuid(context.request_key)}`

export const newMailId = (context: OperationContext, operation: string): string =>
  `${operation}:${context.request_key === undefined ? v7() : derivedUuid(context.request_key)}`

function derivedUuid(key: string): string {
  const bytes = createHash('sha256').update(key).digest().subarray(0, 16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
