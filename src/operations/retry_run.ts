import { z } from 'zod'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { forkedOutput, forkedRun } from './forked-run.ts'
import { runIdInput } from './send-mail.ts'

export const retry_run = defineOperation({
  name: 'retry_run',
  method: 'POST',
  path: '/runs/{id}/retry',
  summary: 'Run again from a stage',
  description:
    'A fork before this stage: what came before it is kept, the stage and all that follows is done again, in a new run.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({
    id: runIdInput,
    stage: z.string().min(1).max(500).meta({ description: 'Address of a stage, such as improve[2].write' }),
  }),
  output: forkedOutput,
  run: async (context, { id, stage }) => {
    const row = await findRun(context, id)
    return row.ok ? forkedRun(context, row.value, { before_stage: stage }) : row
  },
})
