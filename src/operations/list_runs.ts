import { z } from 'zod'
import { ok } from '../failure.ts'
import { readCursor } from '../store/cursor.ts'
import type { RunRow } from '../store/store.ts'
import { runStatuses } from '../workflow/run-state.ts'
import { defineOperation } from './define-operation.ts'

export const runStatus = z.enum(runStatuses)

export const runSummary = z.strictObject({
  id: z.string(),
  kind: z.enum(['workflow', 'swarm']),
  goal: z.string().nullable(),
  status: runStatus,
  reason: z.string(),
  definition: z.string().nullable().meta({ description: 'sha256:… of what it executes; null while it is planned' }),
  definition_name: z.string().nullable(),
  parent: z.string().nullable(),
  created_at: z.number().meta({ description: 'Milliseconds since 1970, as all points in time' }),
  started_at: z.number().nullable(),
  ended_at: z.number().nullable(),
  seq: z.number().meta({ description: 'Number of the last event' }),
  input_tokens: z.number().meta({
    description: 'Tokens and calls of a fork are what it used itself, without what it shares with its source',
  }),
  output_tokens: z.number(),
  unknown_usage: z.number().meta({ description: 'Calls whose tokens nobody reported' }),
  calls: z.number(),
})

/** A run as lists show it: the row without what only the engine needs. */
export function summaryOf({ epoch: _epoch, mail: _mail, ...row }: RunRow): z.output<typeof runSummary> {
  return row
}

export const pageInput = {
  limit: z.int().min(1).max(200).default(50),
  cursor: z.string().max(500).optional().meta({ description: '`next` of the page before' }),
}

export const list_runs = defineOperation({
  name: 'list_runs',
  method: 'GET',
  path: '/runs',
  aliases: ['/workflows'],
  summary: 'Runs, newest first, by status, kind, definition or words',
  needs: 'runs:read',
  input: z.strictObject({
    status: z.array(runStatus).max(runStatuses.length).optional(),
    kind: z.enum(['workflow', 'swarm']).optional(),
    text: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .meta({ description: 'Words that the goal or the name of the definition contains' }),
    definition: z.string().min(1).max(200).optional(),
    parent: z.string().min(1).max(100).optional(),
    order: z.enum(['newest', 'oldest']).default('newest'),
    ...pageInput,
  }),
  output: z.strictObject({ items: z.array(runSummary), next: z.string().nullable(), total: z.number().nullable() }),
  run: async (context, { status, kind, text, definition, parent, order, limit, cursor }) => {
    const from = cursor === undefined ? ok(null) : readCursor(cursor)
    if (!from.ok) return from
    const page = await context.store.runs.list({
      limit,
      order,
      ...(status !== undefined && { status }),
      ...(kind !== undefined && { kind }),
      ...(text !== undefined && { text }),
      ...(definition !== undefined && { definition }),
      ...(parent !== undefined && { parent }),
      ...(cursor !== undefined && { cursor }),
    })
    return ok({ items: page.items.map(summaryOf), next: page.next, total: page.total })
  },
})
