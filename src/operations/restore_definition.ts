import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import { storedDefinition } from './checked-definition.ts'
import { defineOperation } from './define-operation.ts'
import { definitionSummary } from './list_definitions.ts'

export const restore_definition = defineOperation({
  name: 'restore_definition',
  method: 'POST',
  path: '/definitions/{reference}/restore',
  summary: 'Make an old version of a definition the latest again',
  description: 'It gets the next number, with who restored it and why; the versions between stay.',
  needs: 'definitions:write',
  input: z.strictObject({ reference: z.string().min(1).max(200), note: z.string().max(2_000).default('') }),
  output: definitionSummary,
  run: async (context, { reference, note }) => {
    const old = await storedDefinition(context, reference)
    if (!old.ok) return { ok: false, failure: { ...old.failure, field: 'reference' } }
    const { hash, name, version } = old.value
    const why = `restores version ${version}${note.trim() === '' ? '' : `: ${note.trim()}`}`
    const restored = await context.store.definitions.restore(hash, context.actor, why)
    if (restored === null)
      return fail('not_found', `there is no definition ${excerpt(reference)}`, {
        field: 'reference',
        value: excerpt(reference),
      })
    if (restored.note !== why && restored.version === version)
      return fail('conflict', `version ${version} is the latest of ${name} already`, {
        field: 'reference',
        value: excerpt(reference),
        remedy: `GET /definitions/${name}/versions lists the older ones`,
      })
    const { definition: _, ...summary } = restored
    return ok(summary)
  },
})
