import { z } from 'zod'
import { ok } from '../failure.ts'
import { definitionJsonSchema } from '../workflow/definition-json-schema.ts'
import { defineOperation } from './define-operation.ts'

export const definition_schema = defineOperation({
  name: 'definition_schema',
  method: 'GET',
  path: '/definition-schema',
  summary: 'JSON Schema of definitions, for editors and for programs that write them',
  description:
    'Draft 2020-12. What a schema cannot say (names, cycles, types in conditions) is found by check_definition.',
  needs: 'definitions:read',
  input: z.strictObject({}),
  output: z.record(z.string(), z.json()),
  run: async () => ok(definitionJsonSchema()),
})
