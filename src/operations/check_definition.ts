import { z } from 'zod'
import { ok } from '../failure.ts'
import { checkedDefinition } from './checked-definition.ts'
import { inlineDefinition } from './create_workflow.ts'
import { defineOperation } from './define-operation.ts'

export const check_definition = defineOperation({
  name: 'check_definition',
  method: 'POST',
  path: '/definitions/check',
  summary: 'Check a definition without storing it',
  description: 'Everything that can be found before a run, with line, column and remedy. Also as application/yaml.',
  needs: 'definitions:read',
  input: z.strictObject({ definition: inlineDefinition }),
  output: z.strictObject({ valid: z.boolean(), problems: z.array(z.unknown()), warnings: z.array(z.unknown()) }),
  run: async (context, { definition }) => {
    const checked = await checkedDefinition(context, definition)
    return ok({ valid: checked.ok, problems: checked.ok ? [] : (checked.failure.problems ?? [checked.failure]), warnings: [] })
  },
})
