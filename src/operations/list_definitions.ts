import { z } from 'zod'
import { ok } from '../failure.ts'
import { readCursor } from '../store/cursor.ts'
import { defineOperation } from './define-operation.ts'
import { pageInput } from './list_runs.ts'

export const definitionSummary = z.strictObject({
  hash: z.string(),
  name: z.string(),
  version: z.number(),
  created_at: z.number(),
  by: z.string(),
  note: z.string(),
})

export const list_definitions = defineOperation({
  name: 'list_definitions',
  method: 'GET',
  path: '/definitions',
  summary: 'Stored definitions, the latest version of each',
  description: 'With `name`, all versions of that one.',
  needs: 'definitions:read',
  input: z.strictObject({
    text: z.string().min(1).max(200).optional(),
    name: z.string().min(1).max(100).optional(),
    ...pageInput,
  }),
  output: z.strictObject({
    items: z.array(definitionSummary),
    next: z.string().nullable(),
    total: z.number().nullable(),
  }),
  run: async (context, { text, name, limit, cursor }) => {
    const definitions = context.store.definitions
    if (name !== undefined) {
      const versions = await definitions.versions(name)
      return ok({ items: versions.slice(0, limit), next: null, total: versions.length })
    }
    const from = cursor === undefined ? ok(null) : readCursor(cursor)
    if (!from.ok) return from
    const page = await definitions.list({
      limit,
      ...(text !== undefined && { text }),
      ...(cursor !== undefined && { cursor }),
    })
    return ok({ items: page.items, next: page.next, total: page.total })
  },
})
