import { z } from 'zod'
import { ok } from '../failure.ts'
import { budgetReport } from '../workflow/budget-view.ts'
import { budgetOutput } from './budget-input.ts'
import { defineOperation } from './define-operation.ts'
import { findRun, swarmId } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import { approval } from './list_approvals.ts'
import { runStatus } from './list_runs.ts'
import { runIdInput } from './send-mail.ts'

const failure = z.looseObject({ kind: z.string(), message: z.string() }).nullable()
const task = z.looseObject({
  id: z.string(),
  address: z.string(),
  state: z.enum(['running', 'completed', 'failed', 'asking', 'cancelled']),
  agent: z.string().nullable(),
  model: z.string().nullable(),
  attempts: z.array(
    z.looseObject({
      attempt: z.number(),
      agent: z.string().nullable(),
      started_at: z.number(),
      delay_ms: z.number(),
      queued_ms: z.number().nullable(),
      model_queued_ms: z.number().nullable(),
      load_ms: z.number().nullable(),
      failure,
    }),
  ),
  input_tokens: z.number().nullable(),
  output_tokens: z.number().nullable(),
  duration_ms: z.number().nullable(),
  why: z.string(),
  output: z.unknown(),
  failure,
})
const stage = z.looseObject({
  id: z.string(),
  kind: z.string(),
  state: z.enum(['running', 'completed', 'failed', 'skipped', 'cancelled']),
  reason: z.string(),
  metrics: z.looseObject({ agreement: z.number().nullable() }).nullable(),
  output: z.unknown(),
  tasks: z.array(task),
})

export const get_run = defineOperation({
  name: 'get_run',
  method: 'GET',
  path: '/runs/{id}',
  aliases: ['/workflows/{id}'],
  summary: 'A run: stages, tasks, decisions with their reasons, result, cost',
  description:
    'Folded from the stored events. Values over 4 kB are references (`$blob`, see /blobs/{hash}). Of a huge run the oldest settled stages are left out; `left_out` says how many.',
  needs: 'runs:read',
  input: z.strictObject({ id: runIdInput }),
  output: z.looseObject({
    id: z.string(),
    kind: z.enum(['workflow', 'swarm']),
    swarm_id: z.string().nullable(),
    goal: z.string().nullable(),
    status: runStatus,
    reason: z.string(),
    definition: z
      .strictObject({ hash: z.string(), name: z.string().nullable(), source: z.string(), reason: z.string() })
      .nullable(),
    stages: z.array(stage),
    decisions: z.array(
      z.looseObject({
        stage: z.string(),
        kind: z.string(),
        taken: z.string(),
        inputs: z.record(z.string(), z.unknown()),
        reason: z.string(),
      }),
    ),
    approvals: z.array(approval),
    result: z.unknown(),
    cost: z.strictObject({
      input_tokens: z.number(),
      output_tokens: z.number(),
      unknown_usage: z.number().meta({ description: 'Calls whose tokens nobody reported: not in the sums' }),
      calls: z.number(),
      duration_ms: z.number().nullable(),
      shared: z
        .strictObject({ input_tokens: z.number(), output_tokens: z.number(), calls: z.number() })
        .optional()
        .meta({ description: 'What of it the source of a fork has used; lists of runs leave it out' }),
    }),
    budget: budgetOutput,
    left_out: z.looseObject({ stages: z.number(), hint: z.string() }).nullable(),
  }),
  run: async (context, { id }) => {
    const found = await findRun(context, id)
    if (!found.ok) return found
    const row = found.value
    const { state: _, goal, reason, definition, cost, started_at, ...view } = await foldedRun(context.store, row.id)
    return ok({
      id: row.id,
      kind: row.kind,
      swarm_id: row.kind === 'swarm' ? swarmId(row.id) : null,
      goal: goal ?? row.goal,
      status: row.status,
      reason: row.reason || reason,
      definition: definition === null ? null : { ...definition, name: definition.name ?? row.definition_name },
      created_at: row.created_at,
      started_at: row.started_at ?? started_at,
      ...view,
      budget: budgetReport(view.budget),
      // A run that goes on has cost this much time so far.
      cost: {
        ...cost,
        duration_ms: cost.duration_ms ?? (started_at === null ? null : Math.max(0, context.now() - started_at)),
      },
    })
  },
})
