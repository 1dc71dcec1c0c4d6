/** JSON that an agent answered with. */
import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'

/** Levels of nesting; what is deeper would overflow the stack of whoever walks it later. */
const DEEPEST = 500

export function parseJson(text: string): Result<Json> {
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason given'
    return fail('output_invalid', `the answer is not JSON: ${excerpt(why)}`, { value: excerpt(text) })
  }
  let level: Json[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return fail('output_invalid', `the answer is nested more than ${DEEPEST} levels deep`)
    level = level.flatMap((item) => (typeof item === 'object' && item !== null ? Object.values(item) : []))
  }
  return ok(value)
}
