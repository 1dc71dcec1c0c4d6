import { z } from 'zod'
import type { Configuration } from '../configuration/configuration.ts'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'

export const configuration = defineOperation({
  name: 'configuration',
  method: 'GET',
  path: '/configuration',
  summary: 'The configuration in force, and where each value comes from',
  description: 'Secrets are references and shown as such; passwords in addresses are replaced.',
  needs: 'system:read',
  input: z.strictObject({}),
  output: z.strictObject({
    values: z.record(z.string(), z.unknown()),
    sources: z.record(z.string(), z.strictObject({ source: z.string(), detail: z.string() })),
  }),
  run: async (context) => {
    const { sources, agents, ...values } = context.configuration
    const shown = withoutPasswords({ ...values, agents: agents.map((agent) => agent.name) })
    return ok({
      values: shown as Record<string, unknown>,
      sources: withoutPasswords(sources) as Configuration['sources'],
    })
  },
})

/** `postgres://user:secret@host/db` keeps everything but the secret; so do passwords and keys in query strings. */
export function withoutPasswords(value: unknown): unknown {
  if (typeof value === 'string') {
    return value
      .replace(/^([a-z][a-z0-9+.-]*:\/\/[^:@/?#]*):.*@/i, '$1:***@')
      .replace(/([?&][^=&]*(?:password|passwd|secret|token|key)[^=&]*=)[^&#]*/gi, '$1***')
  }
  if (Array.isArray(value)) return value.map(withoutPasswords)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutPasswords(item)]))
}
