import { z } from 'zod'
import { ok } from '../failure.ts'
import { storedDefinition } from './checked-definition.ts'
import { defineOperation } from './define-operation.ts'
import { definitionSummary } from './list_definitions.ts'

export const get_definition = defineOperation({
  name: 'get_definition',
  method: 'GET',
  path: '/definitions/{reference}',
  summary: 'A stored definition by name, name@version or hash',
  needs: 'definitions:read',
  input: z.strictObject({ reference: z.string().min(1).max(200) }),
  output: definitionSummary.extend({ definition: z.unknown() }),
  run: async (context, { reference }) => {
    const stored = await storedDefinition(context, reference)
    return stored.ok ? ok(stored.value) : stored
  },
})
