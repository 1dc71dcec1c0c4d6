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
    'Another content than the latest under a known name is its next version, also that of an older one; the same content is the same version. Also as application/yaml.',
  needs: 'definitions:write',
  input: z.strictObject({ definition: inlineDefinition, note: z.string().max(2_000).default('') }),
  output: definitionSummary,
  run: async (context, { definition, note }) => {
    const checked = await checkedDefinition(context, definition)
    if (!checked.ok) return checked
    const { definitions } = context.store
    const stored = await definitions.put(checked.value, context.actor, note)
    // Content of an older version: who stores it means it to be the latest.
    const now = await definitions.restore(stored.hash, context.actor, note || `version ${stored.version} stored again`)
    const { definition: _, ...summary } = now ?? stored
    return ok(summary)
  },
})
