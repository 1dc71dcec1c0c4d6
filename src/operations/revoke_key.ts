import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { beyond, findKey, type KeyContext, keyView, viewOfKey } from './key-view.ts'

export const revoke_key = defineOperation({
  name: 'revoke_key',
  method: 'DELETE',
  path: '/keys/{key}',
  summary: 'End an API key, for good',
  description:
    'Requests with it are refused from now on; browsers that signed in with it are signed out, and its streams end within seconds. Runs that it started go on.',
  needs: 'keys:write',
  input: z.strictObject({ key: z.string().min(1).max(100).meta({ description: 'Its id or its name' }) }),
  output: keyView,
  run: async (context: KeyContext, { key: given }) => {
    const found = await findKey(context, given)
    if (!found.ok) return found
    const forbidden = beyond(context, found.value.permissions, 'revoke')
    if (forbidden !== null) return { ok: false, failure: forbidden }
    const at = context.now()
    await context.store.api_keys.revoke(found.value.id, at, context.actor)
    return ok(viewOfKey({ ...found.value, revoked_at: at, revoked_by: context.actor }, at))
  },
})
