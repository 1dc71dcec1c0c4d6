import { z } from 'zod'
import { excerpt, fail } from '../failure.ts'
import { holdsReference, type Json, LOOKS_LIKE_A_REFERENCE } from '../workflow/value.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import { mailAccepted, runIdInput, sendMail } from './send-mail.ts'

export const resolve_effect = defineOperation({
  name: 'resolve_effect',
  method: 'POST',
  path: '/runs/{id}/effects',
  summary: 'Say whether an effect that was interrupted has happened',
  description:
    'After a crash in the middle of an unsafe effect only a person can tell. If it happened, `output` stands for the answer that was lost.',
  needs: 'runs:write',
  status: 202,
  input: z.strictObject({
    id: runIdInput,
    task: z
      .string()
      .min(1)
      .max(500)
      .meta({ description: 'Address of the task, as the question names it', examples: ['deploy/push'] }),
    happened: z.boolean(),
    comment: z.string().max(10_000).default(''),
    output: z.json().optional(),
  }),
  output: mailAccepted,
  run: async (context, { id, task, happened, comment, output }) => {
    if (output !== undefined && holdsReference(output as Json))
      return fail('invalid_input', LOOKS_LIKE_A_REFERENCE, {
        field: 'output',
        value: excerpt(output),
        remedy: 'Give the answer itself.',
      })
    const row = await findRun(context, id)
    if (!row.ok) return row
    const view = await foldedRun(context.store, row.value.id)
    if (!view.effect_questions.some((open) => open.task === task)) {
      return fail('not_found', `the run asks nothing about an effect of task ${excerpt(task)}`, {
        field: 'task',
        value: excerpt(task),
        remedy: `GET /runs/${row.value.id} shows the open questions under effect_questions`,
      })
    }
    const data = { task, happened, comment, by: context.actor, ...(output !== undefined && { output: output as Json }) }
    return sendMail(context, 'resolve_effect', id, { type: 'effect_resolved', data }, row.value)
  },
})
