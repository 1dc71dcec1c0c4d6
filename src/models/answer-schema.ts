/** Checks a model's answer against the JSON Schema that it was asked to satisfy. */
import { type Schema, Validator } from '@cfworker/json-schema'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'
import type { HostAnswer } from './model-host.ts'

/** Characters of a schema as JSON. Grammars grow with it, and a small model would not follow a longer one anyway. */
const SCHEMA_LIMIT = 64 * 1024

export type AnswerSchema = { parse: (answer: Pick<HostAnswer, 'text' | 'finish' | 'output_tokens'>) => Result<Json> }

/** `#/tags/0/na~1me` → `tags[0].na/me` */
function pathOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce((path, part) => (/^\d+$/.test(part) ? `${path}[${part}]` : path ? `${path}.${part}` : part), '')
}

/** `invalid_input` for a schema that cannot be used (too large, dangling or endless `$ref`, bad pattern). */
export function answerSchema(schema: { [key: string]: Json }): Result<AnswerSchema> {
  let check: (value: Json) => ReturnType<Validator['validate']>
  try {
    if (JSON.stringify(schema).length > SCHEMA_LIMIT) throw new Error(`longer than ${SCHEMA_LIMIT} characters`)
    const validator = new Validator(schema as Schema, '2020-12', false)
    check = (value) => validator.validate(value)
    check(null)
  } catch (error) {
    return fail('invalid_input', `The output schema cannot be used: ${excerpt(messageOf(error))}.`, {
      field: 'schema',
      value: excerpt(schema),
      remedy: 'Correct the JSON Schema (draft 2020-12).',
    })
  }
  return ok({
    parse: ({ text, finish, output_tokens }) => {
      let json: Json
      try {
        json = JSON.parse(withoutFence(text)) as Json
      } catch {
        return fail(
          'output_invalid',
          finish === 'length'
            ? `The answer was cut off after ${output_tokens ?? 'all allowed'} tokens and is not complete JSON.`
            : 'The answer is not JSON.',
          { value: excerpt(text), remedy: 'Allow more output tokens, or use a more capable model.' },
        )
      }
      try {
        const { valid, errors } = check(json)
        if (valid) return ok(json)
        // The deepest one names the cause; those above only repeat that something below is wrong.
        const [first] = errors.toSorted((a, b) => depth(b.instanceLocation) - depth(a.instanceLocation))
        const path = pathOf(first?.instanceLocation ?? '#')
        return fail('output_invalid', `The answer does not fit its schema at ${path || 'the top'}: ${first?.error}`, {
          field: path,
          value: excerpt(at(json, first?.instanceLocation ?? '#')),
          remedy: 'Use a more capable model, or a simpler schema.',
        })
      } catch (error) {
        return fail('output_invalid', `The answer could not be checked: ${excerpt(messageOf(error))}.`)
      }
    },
  })
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))
const depth = (pointer: string) => pointer.split('/').length

/** Servers that cannot enforce a schema let models wrap JSON in a Markdown fence. */
const withoutFence = (text: string) => /^\s*```(?:json)?\s*\n([\s\S]*)\n\s*```\s*$/.exec(text)?.[1] ?? text

function at(json: Json, pointer: string): Json | undefined {
  let value: Json | undefined = json
  for (const part of pointer.split('/').slice(1)) {
    if (typeof value !== 'object' || value === null) return value
    const key = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')
    value = Array.isArray(value) ? value[Number(key)] : value[key]
  }
  return value
}
