import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { runIdInput } from './send-mail.ts'

export const list_model_calls = defineOperation({
  name: 'list_model_calls',
  method: 'GET',
  path: '/runs/{id}/model_calls',
  summary: 'The model calls that agents outside made through the gateway',
  description: '`request` and `answer` are hashes of the bodies: GET /blobs/{hash}.',
  needs: 'runs:read',
  input: z.strictObject({
    id: runIdInput,
    after: z.int().min(0).default(0).meta({ description: '`next` of the page before' }),
    limit: z.int().min(1).max(1_000).default(200),
  }),
  output: z.strictObject({
    items: z.array(
      z.looseObject({
        task: z.string(),
        attempt: z.number(),
        agent: z.string(),
        endpoint: z.string(),
        at: z.number(),
        outcome: z
          .string()
          .meta({ description: '`running`, `ok`, `budget` (cut by the budget), or the kind of failure' }),
        model: z.string().nullable(),
        input_tokens: z.number().nullable(),
        output_tokens: z.number().nullable(),
        estimated: z.boolean(),
        first_token_ms: z.number().nullable(),
        duration_ms: z.number().nullable(),
        replayed: z.boolean(),
        request: z.string().nullable(),
        answer: z.string().nullable(),
      }),
    ),
    next: z.number().nullable(),
  }),
  run: async (context, { id, after, limit }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    const calls = await context.store.model_calls.list(row.value.id, after, limit + 1)
    const items = calls.slice(0, limit).map(({ n: _, access: __, position: ___, content: ____, ...call }) => call)
    return ok({ items, next: calls.length > limit ? (calls[limit - 1]?.n ?? null) : null })
  },
})
