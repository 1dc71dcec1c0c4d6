import { z } from 'zod'
import { excerpt, fail } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import { mailAccepted, runIdInput, sendMail } from './send-mail.ts'

export const answer_approval = defineOperation({
  name: 'answer_approval',
  method: 'POST',
  path: '/runs/{id}/approvals/{approval}',
  summary: 'Approve or refuse what a run asks',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({
    id: runIdInput,
    approval: z.string().min(1).max(200),
    decision: z.enum(['approve', 'refuse']),
    comment: z.string().max(10_000).default(''),
  }),
  output: mailAccepted,
  run: async (context, { id, approval, decision, comment }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    const view = await foldedRun(context.store, row.value.id)
    if (!view.approvals.some((open) => open.approval === approval)) {
      return fail('not_found', `the run has no open approval ${excerpt(approval)}`, {
        field: 'approval',
        value: excerpt(approval),
        remedy: `GET /runs/${row.value.id}/approvals lists the open ones`,
      })
    }
    const data = { approval, decision, comment, by: context.actor }
    return sendMail(context, 'answer_approval', id, { type: 'approval_given', data }, row.value)
  },
})
