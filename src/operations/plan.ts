import { z } from 'zod'
import { ok } from '../failure.ts'
import { makePlan } from '../planning/make-plan.ts'
import { identifier } from '../workflow/definition.ts'
import { definitionText } from '../workflow/definition-text.ts'
import type { Json } from '../workflow/value.ts'
import { examineDefinition } from './checked-definition.ts'
import { checkGoal, goalInput } from './create_workflow.ts'
import { defineOperation } from './define-operation.ts'
import { definitionSummary } from './list_definitions.ts'

export const plan = defineOperation({
  name: 'plan',
  method: 'POST',
  path: '/plan',
  summary: 'Plan a goal without starting it',
  description:
    'The planner of a run: a model proposes, the check judges, at most two repairs, then a template. A task that the model marks as too large has `decompose: { too_large: true }`: a run divides it into smaller ones before it is tried. Nothing is stored unless `save` says so. Answers when the plan is there, which takes as long as the model does.',
  needs: 'definitions:write',
  input: z
    .strictObject({
      goal: goalInput,
      inputs: z.record(identifier, z.json()).default({}),
      save: z.boolean().default(false),
    })
    .meta({ examples: [{ goal: 'Compare three ways to cache API answers' }] }),
  output: z.strictObject({
    definition: z.unknown(),
    yaml: z.string(),
    source: z.enum(['given', 'model', 'repaired', 'template']),
    reason: z.string(),
    warnings: z.array(
      z.looseObject({ message: z.string(), remedy: z.string().optional(), field: z.string().optional() }),
    ),
    attempts: z.array(
      z.looseObject({
        attempt: z.number(),
        source: z.enum(['model', 'template']),
        model: z.string().nullable(),
        problems: z.array(z.string()),
        duration_ms: z.number(),
      }),
    ),
    stored: definitionSummary.nullable(),
  }),
  run: async (context, { goal, inputs, save }) => {
    const checked = checkGoal(context, 'goal', goal)
    if (!checked.ok) return checked
    const request = { goal, inputs: inputs as { [name: string]: Json }, capabilities: context.fleet.capabilities() }
    const made = await makePlan(context.planner, request, context.now, context.signal)
    if (!made.ok) return made
    const { definition, source, reason, attempts } = made.value
    const { warnings } = await examineDefinition(context, definition)
    const put = save ? await context.store.definitions.put(definition, context.actor, 'planned without a run') : null
    const { definition: _, ...stored } = put ?? { definition: null }
    return ok({
      definition,
      yaml: definitionText(definition),
      source,
      reason,
      warnings,
      attempts,
      stored: put === null ? null : (stored as z.output<typeof definitionSummary>),
    })
  },
})
