import { parse } from 'yaml'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { StoredDefinition } from '../store/store.ts'
import { type Definition, definitionSchema } from '../workflow/definition.ts'
import type { OperationContext } from './operation.ts'

const reference = /^(sha256:[0-9a-f]{64}|[a-zA-Z0-9][a-zA-Z0-9_.:-]{0,99}(@\d{1,9})?)$/

/** TEMPORARY stand-in until check-definition lands. */
export async function checkedDefinition(_context: OperationContext, given: string | object): Promise<Result<Definition>> {
  let value: unknown = given
  if (typeof given === 'string') {
    try {
      value = parse(given)
    } catch (e) {
      return fail('invalid_input', String(e).slice(0, 200), { field: 'definition' })
    }
  }
  const parsed = definitionSchema.safeParse(value)
  return parsed.success ? ok(parsed.data) : fail('invalid_input', 'bad definition', { field: 'definition' })
}

/** A stored definition by reference. */
export async function storedDefinition(context: OperationContext, text: string): Promise<Result<StoredDefinition>> {
  const stored = reference.test(text) ? await context.store.definitions.get(text) : null
  if (stored !== null) return ok(stored)
  return fail('not_found', `there is no definition ${excerpt(text)}`, {
    field: 'definition',
    value: excerpt(text),
    remedy: 'GET /definitions lists them; refer to one as name, name@version or sha256:…',
  })
}

export const isReference = (text: string): boolean => reference.test(text)
