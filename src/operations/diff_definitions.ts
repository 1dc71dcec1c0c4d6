import { z } from 'zod'
import { ok } from '../failure.ts'
import { diffDefinitions } from '../workflow/definition-diff.ts'
import { storedDefinition } from './checked-definition.ts'
import { defineOperation } from './define-operation.ts'
import { definitionSummary } from './list_definitions.ts'

export const definitionChange = z.strictObject({
  change: z.enum(['added', 'removed', 'changed', 'moved']),
  path: z.string().meta({
    description: 'Ids stand where lists have numbers',
    examples: ['stages.improve.stages.write.tasks.draft.instructions'],
  }),
  stage: z.string().nullable(),
  task: z.string().nullable(),
  field: z.string().nullable(),
  old: z.unknown(),
  new: z.unknown(),
})

const reference = z.string().min(1).max(200)

export const diff_definitions = defineOperation({
  name: 'diff_definitions',
  method: 'GET',
  path: '/definitions/{reference}/diff/{other}',
  summary: 'What differs between two definitions, by stage, task and field',
  description: 'Both by name, name@version or hash; from the first to the other.',
  needs: 'definitions:read',
  input: z.strictObject({ reference, other: reference }),
  output: z.strictObject({
    old: definitionSummary,
    new: definitionSummary,
    same: z.boolean(),
    changes: z.array(definitionChange),
  }),
  run: async (context, { reference: from, other }) => {
    const old = await storedDefinition(context, from)
    if (!old.ok) return { ok: false, failure: { ...old.failure, field: 'reference' } }
    const now = await storedDefinition(context, other)
    if (!now.ok) return { ok: false, failure: { ...now.failure, field: 'other' } }
    const { definition: before, ...oldSummary } = old.value
    const { definition: after, ...newSummary } = now.value
    const changes = diffDefinitions(before, after)
    return ok({ old: oldSummary, new: newSummary, same: changes.length === 0, changes })
  },
})
