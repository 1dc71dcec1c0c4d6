/** `--input name=value`, `name=@file`, `name:=json` → inputs of a run. Pure but for the reader it is handed. */
import { type Failure, ok, type Result } from '../failure.ts'
import { identifier } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'

/** Types that a definition declares for its inputs, by name. */
export type DeclaredTypes = { [name: string]: string }

/**
 * A value is text, unless it is written as `name:=json` or the definition declares another type. `@path` reads it from a
 * file, `@@text` is the text `@text`.
 */
export function parseInputs(
  given: readonly string[],
  declared: DeclaredTypes,
  read: (path: string) => Result<string>,
): Result<{ [name: string]: Json }> {
  const inputs: { [name: string]: Json } = {}
  const problems: Failure[] = []
  for (const text of given) {
    const parsed = parseInput(text, declared, read)
    if (!parsed.ok) problems.push(parsed.failure)
    else if (Object.hasOwn(inputs, parsed.value.name))
      problems.push(wrong(text, 'is given twice', 'give each input once'))
    else
      Object.defineProperty(inputs, parsed.value.name, {
        value: parsed.value.value,
        enumerable: true,
        configurable: true,
        writable: true,
      })
  }
  const [first] = problems
  if (!first) return ok(inputs)
  return { ok: false, failure: problems.length > 1 ? { ...first, problems } : first }
}

function parseInput(
  text: string,
  declared: DeclaredTypes,
  read: (path: string) => Result<string>,
): Result<{ name: string; value: Json }> {
  const [, name, colon, rest] = /^([^=:]*)(:?)=([\s\S]*)$/.exec(text) ?? []
  if (name === undefined || rest === undefined || !identifier.safeParse(name).success)
    return {
      ok: false,
      failure: wrong(
        text,
        'is not name=value',
        'write name=value, name=@file or name:=json; names are lower-case letters, digits and _',
      ),
    }
  let value = rest
  if (rest.startsWith('@@')) value = rest.slice(1)
  else if (rest.startsWith('@')) {
    const content = read(rest.slice(1))
    if (!content.ok) return content
    value = content.value
  }
  const type = (Object.hasOwn(declared, name) && declared[name]) || 'text'
  if (colon === '' && (type === 'text' || type === 'any')) return ok({ name, value })
  try {
    return ok({ name, value: JSON.parse(value) as Json })
  } catch {
    return {
      ok: false,
      failure: wrong(
        text,
        colon === '' ? `is declared as ${type}, and the value is not JSON` : 'is not followed by JSON',
        `write ${name}=@file for text from a file, or JSON such as 3, true or [1, 2]`,
      ),
    }
  }
}

const wrong = (text: string, what: string, remedy: string): Failure => ({
  kind: 'invalid_input',
  message: `the input ${text.split(/[=:]/)[0]?.slice(0, 80) || '(without a name)'} ${what}`,
  field: '--input',
  value: text.slice(0, 120),
  remedy,
})
