import { z } from 'zod'
import { defineOperation } from './define-operation.ts'
import { mailAccepted, reasonInput, runIdInput, sendMail } from './send-mail.ts'

export const resume_run = defineOperation({
  name: 'resume_run',
  method: 'POST',
  path: '/runs/{id}/resume',
  summary: 'Resume a paused run',
  description: 'A run that is not paused takes no notice.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({ id: runIdInput, reason: reasonInput }),
  output: mailAccepted,
  run: (context, { id, reason }) =>
    sendMail(context, 'resume_run', id, { type: 'resume_requested', data: { by: context.actor, reason } }),
})
