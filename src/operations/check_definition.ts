import { z } from 'zod'
import { ok } from '../failure.ts'
import { examineDefinition } from './checked-definition.ts'
import { inlineDefinition } from './create_workflow.ts'
import { defineOperation } from './define-operation.ts'

const finding = z.looseObject({
  message: z.string(),
  remedy: z.string().optional(),
  field: z.string().optional(),
  value: z.string().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
})

export const check_definition = defineOperation({
  name: 'check_definition',
  method: 'POST',
  path: '/definitions/check',
  summary: 'Check a definition without storing it',
  description:
    'Everything that can be found before a run: problems forbid it, warnings do not. Of a text (also as application/yaml) with line and column.',
  needs: 'definitions:read',
  input: z.strictObject({ definition: inlineDefinition }),
  output: z.strictObject({ valid: z.boolean(), problems: z.array(finding), warnings: z.array(finding) }),
  run: async (context, { definition }) => {
    const checked = await examineDefinition(context, definition)
    return ok({ valid: checked.ok, problems: checked.ok ? [] : checked.problems, warnings: checked.warnings })
  },
})
