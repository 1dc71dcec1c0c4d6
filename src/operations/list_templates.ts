import { z } from 'zod'
import { ok } from '../failure.ts'
import { templates, templateText } from '../planning/templates.ts'
import { defineOperation } from './define-operation.ts'

export const list_templates = defineOperation({
  name: 'list_templates',
  method: 'GET',
  path: '/templates',
  summary: 'Definitions that are there from the start, to run or to change',
  needs: 'definitions:read',
  input: z.strictObject({}),
  output: z.strictObject({
    items: z.array(
      z.looseObject({
        name: z.string(),
        title: z.string(),
        description: z.string(),
        inputs: z.record(z.string(), z.unknown()),
        text: z.string(),
      }),
    ),
  }),
  run: async () =>
    ok({ items: templates().map((template) => ({ ...template, text: templateText(template.name) ?? '' })) }),
})
