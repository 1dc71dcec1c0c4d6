import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { definitionSummary } from './list_definitions.ts'

export const list_versions = defineOperation({
  name: 'list_versions',
  method: 'GET',
  path: '/definitions/{name}/versions',
  summary: 'All versions of a definition, the latest first: who or what made each, and why',
  needs: 'definitions:read',
  input: z.strictObject({ name: z.string().min(1).max(100) }),
  output: z.strictObject({ items: z.array(definitionSummary) }),
  run: async (context, { name }) => {
    const items = await context.store.definitions.versions(name)
    if (items.length > 0) return ok({ items })
    return fail('not_found', `there is no definition ${excerpt(name)}`, {
      field: 'name',
      value: excerpt(name),
      remedy: 'GET /definitions lists them',
    })
  },
})
