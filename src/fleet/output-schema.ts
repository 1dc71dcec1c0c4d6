/** Checks an agent's answer against the task's output schema: for every agent, whether or not its model was bound by it. */
import { honourSchema } from '../agents/honour-schema.ts'
import { parseJson } from '../agents/parse-json.ts'
import { ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'

/**
 * The answer when it satisfies the schema. One that came as text and does not is read as JSON, also within a code fence,
 * because many systems can only answer in text. Else `output_invalid` with what is wrong.
 */
export function checkOutput(output: Json, schema: { [key: string]: Json }): Result<Json> {
  const asIs = honourSchema(schema, output)
  if (asIs.ok || asIs.failure.kind !== 'output_invalid' || typeof output !== 'string') return asIs
  const fenced = /^\s*```(?:json)?\s*\n([\s\S]*?)\n?```\s*$/.exec(output)?.[1]
  const parsed = parseJson(fenced ?? output)
  if (!parsed.ok) return fenced === undefined && asksForText(schema) ? asIs : parsed
  const read = honourSchema(schema, parsed.value)
  return read.ok ? ok(parsed.value) : read
}

/** Then the text itself was wrong, not its form. */
const asksForText = (schema: { [key: string]: Json }): boolean => schema.type === 'string' || Array.isArray(schema.enum)
