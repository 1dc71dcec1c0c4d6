import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { type KeyContext, keyView, viewOfKey } from './key-view.ts'

export const list_keys = defineOperation({
  name: 'list_keys',
  method: 'GET',
  path: '/keys',
  summary: 'API keys with their permissions, and when each was last used; never the keys themselves',
  needs: 'keys:read',
  input: z.strictObject({
    revoked: z.boolean().default(false).meta({ description: 'Also those that were revoked, the latest of them' }),
  }),
  output: z.strictObject({ items: z.array(keyView) }),
  run: async ({ store, now }: KeyContext, { revoked }) => {
    const keys = await store.api_keys.list({ revoked })
    return ok({ items: keys.map((key) => viewOfKey(key, now())) })
  },
})
