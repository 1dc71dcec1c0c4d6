import { z } from 'zod'
import { ok } from '../failure.ts'
import { type ComparedRun, compareRuns } from '../workflow/compare-runs.ts'
import type { RunView } from '../workflow/run-view.ts'
import { defineOperation } from './define-operation.ts'
import { definitionChange } from './diff_definitions.ts'
import { findRun } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import type { OperationContext } from './operation.ts'
import { runIdInput } from './send-mail.ts'

const side = z
  .looseObject({
    state: z.string(),
    agents: z.array(z.string()),
    tokens: z.number().nullable(),
    duration_ms: z.number().nullable(),
  })
  .nullable()
const decided = z
  .looseObject({
    taken: z.string(),
    then: z.array(z.string()),
    inputs: z.record(z.string(), z.unknown()),
    reason: z.string(),
  })
  .nullable()

export const compare_runs = defineOperation({
  name: 'compare_runs',
  method: 'GET',
  path: '/runs/{id}/compare/{other}',
  summary: 'Two runs side by side, and where they part',
  description: '`a` is the first run, `b` the other. Bounded: `left_out` says what there is more of.',
  needs: 'runs:read',
  input: z.strictObject({ id: runIdInput, other: runIdInput }),
  output: z.looseObject({
    a: z.string(),
    b: z.string(),
    same: z
      .boolean()
      .meta({ description: 'Same inputs, outcomes, outputs, decisions and result; time and cost may differ' }),
    parts_at: z
      .strictObject({
        what: z.enum(['definition', 'inputs', 'stage', 'decision', 'result']),
        stage: z.string().nullable(),
        detail: z.string(),
      })
      .nullable(),
    definition: z.looseObject({ same: z.boolean(), changes: z.array(definitionChange) }),
    inputs: z.array(z.looseObject({ name: z.string(), same: z.boolean() })),
    stages: z.array(
      z.looseObject({
        stage: z.string(),
        kind: z.string(),
        same: z.boolean(),
        output_same: z.boolean(),
        a: side,
        b: side,
      }),
    ),
    decisions: z.array(z.looseObject({ stage: z.string(), kind: z.string(), a: decided, b: decided })),
  }),
  run: async (context, { id, other }) => {
    const [a, b] = [await findRun(context, id), await findRun(context, other)]
    if (!a.ok) return a
    if (!b.ok) return { ok: false, failure: { ...b.failure, field: 'other' } }
    const views = [await foldedRun(context.store, a.value.id), await foldedRun(context.store, b.value.id)] as const
    const definitions = [await definitionOf(context, views[0]), await definitionOf(context, views[1])] as const
    const compared = (i: 0 | 1): ComparedRun => ({ view: views[i], definition: definitions[i] })
    return ok({ a: a.value.id, b: b.value.id, ...compareRuns(compared(0), compared(1)) })
  },
})

const definitionOf = async (
  { store }: OperationContext,
  { definition }: RunView,
): Promise<ComparedRun['definition']> =>
  definition === null ? null : ((await store.definitions.get(definition.hash))?.definition ?? null)
