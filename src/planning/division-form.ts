/**
 * The division form: what a model fills in when a task is divided into smaller ones, and the grammar that holds it to the
 * form. The same keywords as the plan form (plan-schema.ts), and smaller still.
 */
import { z } from 'zod'
import type { Json } from '../workflow/value.ts'
import { jsonSchemaOf, oneOfNames, text } from './plan-schema.ts'

/** Characters of a part: a sentence or two, less than the task it is a part of. */
export const MOST_WORDS = 200

export type DivisionVocabulary = {
  /** Capabilities that the fleet offers now; at least one. */
  capabilities: string[]
  /** Names of what the task was given. */
  inputs: string[]
}

/** @param breadth null: however many; for reading what a host without grammars answered */
export function divisionForm({ capabilities, inputs }: DivisionVocabulary, breadth: number | null) {
  const part = z.strictObject({
    capability: oneOfNames(capabilities),
    does: text(8, MOST_WORDS),
    ...(inputs.length === 0 ? {} : { reads: oneOfNames(['all', 'none', ...inputs]) }),
  })
  return z.strictObject({
    analysis: text(8, 200),
    logic: z.enum(['and', 'or']),
    parts: z
      .array(part)
      .min(1)
      .max(breadth ?? 100),
  })
}

export type Division = {
  analysis: string
  logic: 'and' | 'or'
  parts: { capability: string; does: string; reads?: string }[]
}

export function divisionJsonSchema(vocabulary: DivisionVocabulary, breadth: number): { [key: string]: Json } {
  const schema = jsonSchemaOf(divisionForm(vocabulary, breadth))
  const properties = schema.properties as { parts: { minItems: number } }
  // Two is the least that is a division; one is accepted on reading, and refused with the reason that it is no progress.
  properties.parts.minItems = 2
  return schema
}
