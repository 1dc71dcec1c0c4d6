/** A definition in code: the same data as in YAML, checked when it is made. */
import { checkDefinition } from '../workflow/check-definition/check-definition.ts'
import { API_VERSION, type Definition, type Stage } from '../workflow/definition.ts'
import { QuorateError } from './quorate-error.ts'
import type { Checked, Inputs, InputValues } from './typed-stage.ts'

declare const inputsOf: unique symbol

/** A definition whose inputs TypeScript knows. At run time it is plain data: JSON.stringify it, store it, send it. */
export type Workflow<I extends Inputs = Inputs> = Definition & { readonly [inputsOf]?: I }

/** What `run` takes besides a definition: its inputs, and they may be left out when none is required. */
export type InputsArgument<D> = D extends { readonly [inputsOf]?: infer I extends Inputs }
  ? string extends keyof I
    ? [inputs?: InputValues<Inputs>]
    : [keyof I] extends [never]
      ? [inputs?: Record<string, never>]
      : Record<never, never> extends InputValues<I>
        ? [inputs?: InputValues<I>]
        : [inputs: InputValues<I>]
  : [inputs?: InputValues<Inputs>]

/**
 * Defines a workflow. A stage id or an input name that is not there does not compile; everything else that can be found
 * before a run (cycles, unreachable stages, type errors in conditions …) is found here.
 * @throws QuorateError `invalid_input` with all problems, each with the field and a remedy.
 */
export function defineWorkflow<const S extends readonly Stage[], const I extends Inputs = Record<never, never>>(
  workflow: Omit<Definition, 'apiVersion' | 'inputs' | 'stages'> & {
    /** What a run is given, by name. */
    inputs?: I
    /** In the order of work, unless `needs` says otherwise. */
    stages: S & Checked<S, (keyof I & string) | 'goal'>
  },
): Workflow<I> {
  const { name, ...rest } = workflow
  const checked = checkDefinition({ apiVersion: API_VERSION, name, ...rest })
  if (checked.ok) return checked.definition
  const [first] = checked.problems
  throw new QuorateError({
    kind: 'invalid_input',
    message: `the workflow ${name} cannot run`,
    ...first,
    problems: checked.problems,
  })
}
