import { z } from 'zod'
import { fail, ok, type Result } from '../failure.ts'
import type { RunRow } from '../store/store.ts'
import { hasEnded } from '../workflow/run-state.ts'
import { findRun } from './find-run.ts'
import type { OperationContext, Runs } from './operation.ts'
import { newMailId } from './request-ids.ts'

export const runIdInput = z
  .string()
  .min(1)
  .max(100)
  .meta({ description: 'Id of a run', examples: ['run_0198c0de-0000-7000-8000-000000000000'] })
export const reasonInput = z.string().max(2_000).default('')

/** What putting something into a run's inbox answers: it is stored, and will be fed in this order. */
export const mailAccepted = z.strictObject({
  run_id: z.string(),
  status: z.string().meta({ description: 'State of the run when this was accepted' }),
  accepted: z.literal(true),
  mail: z.number().meta({ description: 'Number within the inbox of the run' }),
})

/** Puts an input into a run's durable inbox; refused when the run has ended. */
export async function sendMail(
  context: OperationContext,
  operation: string,
  id: string,
  input: Parameters<Runs['send']>[2],
  found?: RunRow,
): Promise<Result<z.output<typeof mailAccepted>>> {
  const row = found === undefined ? await findRun(context, id) : ok(found)
  if (!row.ok) return row
  if (hasEnded(row.value.status)) {
    return fail('conflict', `the run has ended: ${row.value.status}`, {
      field: 'id',
      value: id,
      remedy: 'start a new run',
    })
  }
  const sent = await context.runs.send(row.value.id, newMailId(context, operation), input)
  if (!sent.ok) return sent
  return ok({ run_id: row.value.id, status: row.value.status, accepted: true as const, mail: sent.value.mail })
}
