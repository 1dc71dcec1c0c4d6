import { z } from 'zod'
import { identifier } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { inlineDefinition } from './create_workflow.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { forkedOutput, forkedRun } from './forked-run.ts'
import { runIdInput } from './send-mail.ts'

export const fork_run = defineOperation({
  name: 'fork_run',
  method: 'POST',
  path: '/runs/{id}/fork',
  summary: 'A new run that shares its beginning with another one',
  description:
    'Takes what happened up to an event (rounded to the whole turn it belongs to) or up to the start of a stage, and goes on from there, with another definition or other inputs if they are given. No agent is asked again for what is shared; what the source has undone is done again. The source is only read and may be in any state.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({
    id: runIdInput,
    at: z.int().min(1).optional().meta({ description: 'Number of an event; without it and before_stage, the last' }),
    before_stage: z
      .string()
      .min(1)
      .max(500)
      .optional()
      .meta({ description: 'Address of a stage, such as improve[2].write' }),
    definition: inlineDefinition.optional(),
    inputs: z.record(identifier, z.json()).optional().meta({ description: 'Replaces the inputs of these names' }),
  }),
  output: forkedOutput,
  run: async (context, { id, at, before_stage, definition, inputs }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    return forkedRun(context, row.value, {
      ...(at !== undefined && { at }),
      ...(before_stage !== undefined && { before_stage }),
      ...(definition !== undefined && { definition }),
      ...(inputs !== undefined && { inputs: inputs as { [name: string]: Json } }),
    })
  },
})
