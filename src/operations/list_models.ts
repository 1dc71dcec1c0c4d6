import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'

/** Hosts that do not answer within this are shown as they were last seen. */
const REFRESH_MS = 10_000

export const list_models = defineOperation({
  name: 'list_models',
  method: 'GET',
  path: '/models',
  summary: 'Model hosts and the models they have',
  needs: 'agents:read',
  input: z.strictObject({
    refresh: z
      .boolean()
      .default(false)
      .meta({ description: 'Ask the hosts again instead of telling what was last seen' }),
  }),
  output: z.strictObject({
    default: z.strictObject({ id: z.string().nullable(), reason: z.string().nullable() }),
    hosts: z.array(
      z.looseObject({
        name: z.string(),
        kind: z.string(),
        ok: z.boolean(),
        detail: z.string(),
        models: z.array(z.looseObject({ id: z.string() })),
      }),
    ),
  }),
  run: async (context, { refresh }) => {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(REFRESH_MS)])
    const hosts = await context.gateway.hosts({ refresh, signal })
    const chosen = context.gateway.default_model()
    return ok({ default: { id: chosen.id, reason: chosen.id === null ? chosen.reason : null }, hosts })
  },
})
