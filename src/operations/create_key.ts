import { v7 } from 'uuid'
import { z } from 'zod'
import { fail, ok } from '../failure.ts'
import type { ApiKey } from '../store/store.ts'
import { duration, milliseconds } from '../workflow/duration.ts'
import { defineOperation } from './define-operation.ts'
import { hashOf, newSecret, prefixOf } from './key-secret.ts'
import { beyond, type KeyContext, keyView, viewOfKey } from './key-view.ts'
import { permissions } from './operation.ts'

/** Most keys in force: more are an accident. */
const MOST_KEYS = 500
/** Names that events use for others than keys. */
const taken = new Set(['local', 'plan', 'expiry'])

export const create_key = defineOperation({
  name: 'create_key',
  method: 'POST',
  path: '/keys',
  summary: 'Make an API key; the key itself is in this answer and never again',
  description:
    'A key has the permissions that it is given, as far as the asker has them. Its name stands in events as the one who did it. The answer is kept nowhere: an Idempotency-Key does not bring it back.',
  needs: 'keys:write',
  status: 201,
  answers_secret: true,
  input: z.strictObject({
    name: z
      .string()
      .regex(
        /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/,
        'is not 1 to 64 letters, digits, _ . @ - that begin with a letter or digit',
      )
      .meta({ description: 'Who or what uses it: ann, ci, grafana' }),
    permissions: z
      .array(z.enum(permissions))
      .min(1)
      .max(permissions.length)
      .meta({ description: 'What it may: those of the operations that it is to call' }),
    expires_in: duration
      .nullable()
      .default(null)
      .meta({ description: 'How long it works; null = until it is revoked' }),
  }),
  output: z.strictObject({ ...keyView.shape, key: z.string() }),
  run: async (context: KeyContext, { name, permissions: wanted, expires_in }) => {
    const { store, now, actor } = context
    const forbidden = beyond(context, wanted, 'make')
    if (forbidden !== null) return { ok: false, failure: forbidden }
    if (taken.has(name.toLowerCase()))
      return fail('invalid_input', `the name ${name} means something else in events`, {
        field: 'name',
        value: name,
        remedy: 'name who or what uses the key: ann, ci, grafana',
      })
    if ((await store.api_keys.list({ revoked: false })).length >= MOST_KEYS)
      return fail('limit_exceeded', `there are ${MOST_KEYS} keys already`, {
        remedy: 'revoke those that nobody uses: GET /keys says when each was used',
      })
    const secret = newSecret()
    const created_at = now()
    const key: ApiKey = {
      id: `key_${v7()}`,
      name,
      prefix: prefixOf(secret),
      hash: hashOf(secret),
      permissions: permissions.filter((one) => wanted.includes(one)),
      created_at,
      created_by: actor,
      expires_at: expires_in === null ? null : created_at + milliseconds(expires_in),
      last_used_at: null,
      revoked_at: null,
      revoked_by: null,
    }
    if (!(await store.api_keys.put(key)))
      return fail('conflict', `a key named ${name} is in force`, {
        field: 'name',
        value: name,
        remedy: 'choose another name, or revoke that one first',
      })
    return ok({ ...viewOfKey(key, created_at), key: secret })
  },
})
