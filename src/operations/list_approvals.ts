import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import { runIdInput } from './send-mail.ts'

export const approval = z.strictObject({
  approval: z.string(),
  stage: z.string(),
  task: z.string().optional().meta({ description: 'The task that gets nowhere, where this is about one' }),
  question: z.string(),
  show: z.unknown(),
  requested_at: z.number(),
  due: z.number(),
  default: z.enum(['approve', 'refuse']).meta({ description: 'What counts when nobody answers in time' }),
})

export const list_approvals = defineOperation({
  name: 'list_approvals',
  method: 'GET',
  path: '/runs/{id}/approvals',
  summary: 'Questions of a run that wait for a person',
  needs: 'runs:read',
  input: z.strictObject({ id: runIdInput }),
  output: z.strictObject({ items: z.array(approval) }),
  run: async (context, { id }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    const view = await foldedRun(context.store, row.value.id)
    return ok({ items: view.approvals })
  },
})
