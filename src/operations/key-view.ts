/** A key as lists show it: everything but the key itself. */
import { z } from 'zod'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { ApiKey } from '../store/store.ts'
import { type OperationContext, permissions } from './operation.ts'

const time = z.int()

export const keyView = z.strictObject({
  id: z.string(),
  name: z.string(),
  prefix: z.string().meta({ description: 'The first characters of the key' }),
  permissions: z.array(z.string()),
  state: z.enum(['in_force', 'expired', 'revoked']),
  created_at: time,
  created_by: z.string(),
  expires_at: time.nullable(),
  last_used_at: time.nullable().meta({ description: 'Coarse: may be ten minutes late' }),
  revoked_at: time.nullable(),
  revoked_by: z.string().nullable(),
})
export type KeyView = z.output<typeof keyView>

export function viewOfKey({ hash: _, ...key }: ApiKey, now: number): KeyView {
  const expired = key.expires_at !== null && key.expires_at <= now
  return { ...key, state: key.revoked_at !== null ? 'revoked' : expired ? 'expired' : 'in_force' }
}

/** What operations on keys need of their context; the command line has it also where no server runs. */
export type KeyContext = Pick<OperationContext, 'store' | 'now' | 'actor' | 'granted'>

/** A key gives and takes no more than it has: null, or what is missing. */
export function beyond({ granted, actor }: KeyContext, wanted: readonly string[], verb: string): Failure | null {
  const missing = permissions.filter((one) => wanted.includes(one) && !granted.includes(one))
  if (missing.length === 0) return null
  return {
    kind: 'forbidden',
    message: `${actor} lacks ${missing.join(', ')} and so cannot ${verb} a key that has it`,
    field: 'permissions',
    value: missing.join(','),
    remedy: 'use a key that has them, or `quorate keys` on the machine of the server, as the owner of its data',
  }
}

/** In force or expired, by id or by name. */
export async function findKey({ store }: KeyContext, given: string): Promise<Result<ApiKey>> {
  const found = await store.api_keys.find(given)
  if (found !== null) return ok(found)
  return fail('not_found', 'there is no key of this id or name in force', {
    field: 'key',
    value: given,
    remedy: 'GET /keys lists them',
  })
}
