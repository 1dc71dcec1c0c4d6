import { z } from 'zod'
import { defineOperation } from './define-operation.ts'
import { mailAccepted, reasonInput, runIdInput, sendMail } from './send-mail.ts'

export const pause_run = defineOperation({
  name: 'pause_run',
  method: 'POST',
  path: '/runs/{id}/pause',
  summary: 'Pause a run',
  description: 'Tasks in hand are finished; nothing new is begun until the run is resumed.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({ id: runIdInput, reason: reasonInput }),
  output: mailAccepted,
  run: (context, { id, reason }) =>
    sendMail(context, 'pause_run', id, { type: 'pause_requested', data: { by: context.actor, reason } }),
})
