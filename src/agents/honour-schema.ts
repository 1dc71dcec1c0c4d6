/** Whether an answer is what the task's output schema allows. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'

/**
 * @param schema JSON Schema, draft 2020-12; null = anything goes.
 * @returns The answer, `output_invalid` with the place of the first mistake, or `invalid_input` when the schema is none.
 */
export function honourSchema(schema: { [key: string]: Json } | null, answer: Json): Result<Json> {
  if (schema === null) return ok(answer)
  let validator: Validator
  try {
    validator = new Validator(schema as Schema, '2020-12')
  } catch (error) {
    return notASchema(error)
  }
  try {
    const { valid, errors } = validator.validate(answer)
    if (valid) return ok(answer)
    // The last error is the most deeply nested one: the first ones only say that an object did not match.
    const deepest = errors.toSorted((a, b) => b.instanceLocation.length - a.instanceLocation.length)[0]
    const where = deepest?.instanceLocation.replace(/^#\/?/, '') || 'the answer'
    return fail(
      'output_invalid',
      `the answer breaks the output schema at ${excerpt(where)}: ${excerpt(deepest?.error ?? 'no match')}`,
      {
        value: excerpt(answer),
      },
    )
  } catch (error) {
    if (error instanceof RangeError)
      return fail('output_invalid', 'the answer is nested too deeply to be checked against its schema')
    return notASchema(error)
  }
}

const notASchema = (error: unknown): Result<never> =>
  fail(
    'invalid_input',
    `the output schema cannot be used: ${excerpt(error instanceof Error ? error.message : String(error))}`,
    {
      field: 'output_schema',
      remedy: 'write a JSON Schema (draft 2020-12)',
    },
  )
