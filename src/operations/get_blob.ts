import { z } from 'zod'
import { fail, ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'

/** Bytes that one answer carries at most. */
const BLOB_LIMIT = 2_000_000

export const get_blob = defineOperation({
  name: 'get_blob',
  method: 'GET',
  path: '/blobs/{hash}',
  summary: 'A large value that events and results refer to by its hash',
  description: `Up to ${BLOB_LIMIT} bytes at a time: \`value\` is the JSON when it fits, else \`text\` is a part of it from \`offset\`.`,
  needs: 'runs:read',
  input: z.strictObject({
    hash: z.string().regex(/^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hexadecimal digits'),
    offset: z.int().min(0).default(0).meta({ description: 'First byte' }),
  }),
  output: z.strictObject({
    hash: z.string(),
    bytes: z.number(),
    value: z.unknown().optional(),
    text: z.string().optional(),
    next: z.number().nullable().meta({ description: '`offset` of the next part' }),
  }),
  run: async (context, { hash, offset }) => {
    const bytes = await context.store.blobs.get(hash)
    if (bytes === null)
      return fail('not_found', `there is no value ${hash}`, {
        field: 'hash',
        value: hash,
        remedy: 'values are kept as long as the runs that refer to them',
      })
    const whole = offset === 0 && bytes.byteLength <= BLOB_LIMIT
    let end = Math.min(bytes.byteLength, offset + BLOB_LIMIT)
    // A part ends between characters, so that the parts put together are the whole.
    while (end < bytes.byteLength && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
    const text = new TextDecoder().decode(bytes.subarray(offset, end))
    const next = end < bytes.byteLength ? end : null
    const parsed = whole ? asJson(text) : undefined
    return ok({ hash, bytes: bytes.byteLength, ...(parsed === undefined ? { text } : { value: parsed.json }), next })
  },
})

function asJson(text: string): { json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) }
  } catch {
    return undefined
  }
}
