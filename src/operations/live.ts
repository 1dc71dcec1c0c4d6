import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { runSummary, summaryOf } from './list_runs.ts'
import { runIdInput } from './send-mail.ts'

export const live = defineOperation({
  name: 'live',
  method: 'GET',
  path: '/runs/{id}/live',
  summary: 'What a run is doing at this moment',
  description: 'Calls in flight with the tokens so far. Not part of the record: it is gone when the program ends.',
  needs: 'runs:read',
  input: z.strictObject({ id: runIdInput }),
  output: z.strictObject({
    run: runSummary,
    calls: z.array(
      z.strictObject({ task: z.string(), agent: z.string(), since: z.number(), note: z.string(), tokens: z.number() }),
    ),
  }),
  run: async (context, { id }) => {
    const row = await findRun(context, id)
    return row.ok ? ok({ run: summaryOf(row.value), calls: context.fleet.live(row.value.id) }) : row
  },
})
