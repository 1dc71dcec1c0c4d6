import { z } from 'zod'
import { identifier } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { defineOperation } from './define-operation.ts'
import { mailAccepted, runIdInput, sendMail } from './send-mail.ts'

export const signal_run = defineOperation({
  name: 'signal_run',
  method: 'POST',
  path: '/runs/{id}/signals/{name}',
  summary: 'Send a signal to a run',
  description: 'Kept until a stage waits for it; taken in the order of arrival.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({ id: runIdInput, name: identifier, data: z.json().default(null) }),
  output: mailAccepted,
  run: (context, { id, name, data }) =>
    sendMail(context, 'signal_run', id, {
      type: 'signal_received',
      data: { name, data: data as Json, by: context.actor },
    }),
})
