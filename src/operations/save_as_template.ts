import { z } from 'zod'
import { excerpt, fail, ok } from '../failure.ts'
import { contentHash } from '../workflow/content-hash.ts'
import { agentName, type Definition } from '../workflow/definition.ts'
import { holdsReference, isBlobRef, type Value } from '../workflow/value.ts'
import { checkedDefinition } from './checked-definition.ts'
import { defineOperation } from './define-operation.ts'
import { findRun } from './find-run.ts'
import { foldedRun } from './folded-run.ts'
import { definitionSummary } from './list_definitions.ts'
import { runIdInput } from './send-mail.ts'

type Declared = NonNullable<Definition['inputs']>[string]

export const save_as_template = defineOperation({
  name: 'save_as_template',
  method: 'POST',
  path: '/runs/{id}/save',
  summary: 'Store the definition of a run under a name of its own, to be run again on other goals',
  description:
    'The goal and the inputs that this run had become declared inputs, with its values as defaults; a value too large for a default becomes required.',
  needs: 'definitions:write',
  status: 201,
  input: z.strictObject({ id: runIdInput, name: agentName, note: z.string().max(2_000).default('') }),
  output: definitionSummary,
  run: async (context, { id, name, note }) => {
    const row = await findRun(context, id)
    if (!row.ok) return row
    const view = await foldedRun(context.store, row.value.id)
    const source = view.definition === null ? null : await context.store.definitions.get(view.definition.hash)
    if (source === null)
      return fail('conflict', 'the run has no definition yet', {
        field: 'id',
        value: id,
        remedy: 'wait until it is planned',
      })
    const checked = await checkedDefinition(context, asTemplate(source.definition, name, view.goal, view.inputs))
    if (!checked.ok) return checked
    const taken = await context.store.definitions.get(name)
    if (taken !== null && taken.hash !== contentHash(checked.value))
      return fail('conflict', `a definition ${name} is there already`, {
        field: 'name',
        value: excerpt(name),
        remedy: 'choose another name, or change that definition with PUT /definitions',
      })
    const { definition: _, ...summary } = await context.store.definitions.put(
      checked.value,
      context.actor,
      note || `saved from run ${row.value.id}`,
    )
    return ok(summary)
  },
})

function asTemplate(
  definition: Definition,
  name: string,
  goal: string | null,
  inputs: { [name: string]: Value },
): Definition {
  const declared: { [name: string]: Declared } = { ...definition.inputs }
  const all: { [name: string]: Value } = { ...(goal === null ? {} : { goal }), ...inputs }
  for (const [input, value] of Object.entries(all)) {
    const { default: _, required: __, ...known } = declared[input] ?? { type: typeOf(value) }
    declared[input] = holdsReference(value) ? { ...known, required: true } : { ...known, default: value }
  }
  return {
    ...definition,
    name,
    ...(goal === null ? {} : { goal }),
    ...(Object.keys(declared).length > 0 && { inputs: declared }),
  }
}

function typeOf(value: Value): Declared['type'] {
  if (isBlobRef(value) || value === null) return 'any'
  if (Array.isArray(value)) return 'list'
  if (typeof value === 'string') return 'text'
  return typeof value as 'number' | 'boolean' | 'object'
}
