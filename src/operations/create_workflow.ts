import { z } from 'zod'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import { templateText } from '../planning/templates.ts'
import { identifier } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { pinnedBudget, requestBudget } from './budget-input.ts'
import { checkedDefinition, isReference, storedDefinition } from './checked-definition.ts'
import { defineOperation } from './define-operation.ts'
import type { OperationContext } from './operation.ts'
import { runInputs } from './run-inputs.ts'
import { startRun } from './start-run.ts'

export const goalInput = z
  .string()
  .min(1)
  .regex(/\S/, 'a goal of blanks is none')
  .meta({ description: 'What is to be reached, in plain words' })

/** The configured length; a goal of blanks is none. */
export function checkGoal(context: OperationContext, field: string, goal: string): Result<void> {
  const limit = context.configuration.limits.goal_characters
  if (goal.length <= limit) return ok(undefined)
  return fail('too_large', `${field} has ${goal.length} characters, and ${limit} are allowed`, {
    field,
    value: excerpt(goal),
    remedy: 'give the goal in short and long material as inputs, or raise limits.goal_characters in quorate.yaml',
  })
}

export const inlineDefinition = z.union([z.string().min(1), z.record(z.string(), z.json())]).meta({
  description:
    'A definition (object, or text as YAML or JSON), or a stored one as name, name@version or sha256:…; where none has the name, the template of that name',
})

export const create_workflow = defineOperation({
  name: 'create_workflow',
  method: 'POST',
  path: '/create_workflow',
  summary: 'Start a run: from a goal, or of a definition',
  description:
    'Without a definition one is planned from the goal. Answers when the run is stored; it survives whatever happens then. Watch /runs/{run_id}/events.',
  needs: 'runs:write',
  status: 202,
  input: z
    .strictObject({
      goal: goalInput.optional(),
      definition: inlineDefinition.optional(),
      inputs: z.record(identifier, z.json()).default({}),
      budget: requestBudget.optional(),
    })
    .meta({ examples: [{ goal: 'Achieve performance optimization' }] }),
  output: z.strictObject({ workflow_id: z.string(), run_id: z.string(), status: z.literal('initializing') }),
  run: async (context, { goal = null, definition, inputs, budget }) => {
    if (goal === null && definition === undefined) {
      return fail('invalid_input', 'goal is missing', { field: 'goal', remedy: 'give a goal, or a definition' })
    }
    const checked = goal === null ? ok(undefined) : checkGoal(context, 'goal', goal)
    if (!checked.ok) return checked
    const given = inputs as { [name: string]: Json }
    const wanted =
      definition === undefined
        ? ok({ hash: null, goal, inputs: given })
        : await chosen(context, definition, goal, given)
    if (!wanted.ok) return wanted
    const started = await startRun(context, {
      kind: 'workflow',
      goal: wanted.value.goal,
      definition: wanted.value.hash,
      inputs: wanted.value.inputs,
      ...(budget === undefined ? {} : { budget: pinnedBudget(budget) }),
    })
    if (!started.ok) return started
    const run_id = started.value.run
    return ok({ workflow_id: run_id, run_id, status: 'initializing' as const })
  },
})

/** The definition to run, stored, with goal and inputs that fit it. Nothing is stored unless everything fits. */
async function chosen(
  context: OperationContext,
  given: string | object,
  goal: string | null,
  inputs: { [name: string]: Json },
) {
  let template: string | null = null
  if (typeof given === 'string' && isReference(given)) {
    const stored = await storedDefinition(context, given)
    if (stored.ok) {
      const fitting = runInputs(stored.value.definition, goal, inputs)
      return fitting.ok
        ? ok({ hash: stored.value.hash, goal: goal ?? stored.value.definition.goal ?? null, inputs: fitting.value })
        : fitting
    }
    template = templateText(given)
    if (template === null) return stored
  }
  const checked = await checkedDefinition(context, template ?? given)
  if (!checked.ok) return checked
  const fitting = runInputs(checked.value, goal, inputs)
  if (!fitting.ok) return fitting
  const note = template === null ? 'given with create_workflow' : 'a template'
  const stored = await context.store.definitions.put(checked.value, context.actor, note)
  return ok({ hash: stored.hash, goal: goal ?? checked.value.goal ?? null, inputs: fitting.value })
}
