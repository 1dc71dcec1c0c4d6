import { z } from 'zod'
import { defineOperation } from './define-operation.ts'
import { mailAccepted, reasonInput, runIdInput, sendMail } from './send-mail.ts'

export const cancel_run = defineOperation({
  name: 'cancel_run',
  method: 'POST',
  path: '/runs/{id}/cancel',
  summary: 'Cancel a run',
  description:
    'Accepted when stored; calls in flight are ended, their processes and sockets too. Watch the events for the end.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({ id: runIdInput, reason: reasonInput }),
  output: mailAccepted,
  run: (context, { id, reason }) =>
    sendMail(context, 'cancel_run', id, { type: 'cancel_requested', data: { by: context.actor, reason } }),
})
