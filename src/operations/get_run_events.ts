import { z } from 'zod'
import { ok } from '../failure.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { runIdInput } from './send-mail.ts'

export const get_run_events = defineOperation({
  name: 'get_run_events',
  method: 'GET',
  path: '/runs/{id}/events',
  aliases: ['/workflows/{id}/events'],
  summary: 'The events of a run: its whole truth',
  description:
    'With `Accept: text/event-stream` the answer is a live stream: history from `after` (or Last-Event-ID), then events as they happen, then `end`.',
  needs: 'runs:read',
  input: z.strictObject({
    id: runIdInput,
    after: z.int().min(0).default(0).meta({ description: 'Only events with a larger number' }),
    limit: z.int().min(1).max(1_000).default(200),
  }),
  output: z.strictObject({
    items: z.array(
      z.looseObject({
        run: z.string(),
        seq: z.number(),
        at: z.number(),
        type: z.string(),
        v: z.number(),
        cause: z.number().nullable(),
        data: z.unknown(),
      }),
    ),
    next: z
      .number()
      .nullable()
      .meta({ description: '`after` of the next page; null when this was the last event so far' }),
    last_seq: z.number(),
  }),
  run: async (context, { id, after, limit }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    const items = await context.store.events.read(row.value.id, after, limit)
    const last = items.at(-1)?.seq ?? after
    const last_seq = Math.max(await context.store.events.last_seq(row.value.id), 0)
    return ok({ items, next: last < last_seq && items.length > 0 ? last : null, last_seq })
  },
})
