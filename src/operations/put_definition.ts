import { z } from 'zod'
import { ok } from '../failure.ts'
import { checkedDefinition } from './checked-definition.ts'
import { inlineDefinition } from './create_workflow.ts'
import { defineOperation } from './define-operation.ts'
import { definitionSummary } from './list_definitions.ts'

export const put_definition = defineOperation({
  name: 'put_definition',
  method: 'PUT',
  path: '/definitions',
  summary: 'Store a definition',
  description:
    'A new content under a known name is its next version; the same content again is the same version. Also as application/yaml.',
  needs: 'definitions:write',
  input: z.strictObject({ definition: inlineDefinition, note: z.string().max(2_000).default('') }),
  output: definitionSummary,
  run: async (context, { definition, note }) => {
    const checked = await checkedDefinition(context, definition)
    if (!checked.ok) return checked
    const { definition: _, ...summary } = await context.store.definitions.put(checked.value, context.actor, note)
    return ok(summary)
  },
})
