import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { Definition } from '../workflow/definition.ts'
import { isOfInputType } from '../workflow/input-type.ts'
import type { Json } from '../workflow/value.ts'

/** The inputs of a run against what its definition declares; a declared `goal` is the run's goal unless it is given. Defaults are filled in by the run. */
export function runInputs(
  definition: Definition,
  goal: string | null,
  given: { [name: string]: Json },
): Result<{ [name: string]: Json }> {
  const declared = definition.inputs ?? {}
  const inputs =
    Object.hasOwn(declared, 'goal') && !Object.hasOwn(given, 'goal') && goal !== null ? { ...given, goal } : given
  const problems: Failure[] = []
  for (const [name, value] of Object.entries(inputs)) {
    const declaration = Object.hasOwn(declared, name) ? declared[name] : undefined
    if (declaration === undefined) {
      const names = Object.keys(declared)
      problems.push(
        problem(
          name,
          'is not an input of this definition',
          value,
          names.length === 0 ? 'it takes none' : `it takes ${excerpt(names.join(', '), 200)}`,
        ),
      )
    } else if (!isOfInputType(value, declaration.type)) {
      problems.push(
        problem(name, `is not of type ${declaration.type}`, value, `give a value of type ${declaration.type}`),
      )
    }
  }
  for (const [name, { required, ...declaration }] of Object.entries(declared)) {
    if (required === true && declaration.default === undefined && !Object.hasOwn(inputs, name)) {
      problems.push(
        problem(name, 'is missing', undefined, declaration.description ?? `give a value of type ${declaration.type}`),
      )
    }
  }
  const first = problems[0]
  if (first === undefined) return ok(inputs)
  const { kind, message, ...more } = first
  return fail(kind, message, { ...more, ...(problems.length > 1 && { problems: problems.slice(0, 20) }) })
}

const problem = (name: string, what: string, value: Json | undefined, remedy: string): Failure => ({
  kind: 'invalid_input',
  message: `the input ${excerpt(name, 80)} ${what}`,
  field: `inputs.${excerpt(name, 80)}`,
  ...(value !== undefined && { value: excerpt(value) }),
  remedy,
})
