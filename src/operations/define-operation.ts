import type { z } from 'zod'
import type { Result } from '../failure.ts'
import type { Operation, OperationContext } from './operation.ts'

/**
 * What the console's client knows of an operation. Never set: it exists for the type checker alone, so that a wrong
 * field does not compile there.
 */
export type Typed<Input, Output> = { readonly typed?: { input: Input; output: Output } }

/**
 * Ties the types of an operation's schemas to its `run`, then forgets them, so that all operations fit one list.
 * Sound because every door passes input through `input` (see check-input.ts) before it calls `run`.
 */
export function defineOperation<I extends z.ZodType, O extends z.ZodType, R extends z.output<O>>(
  value: Omit<Operation, 'input' | 'output' | 'run'> & {
    input: I
    output: O
    run: (context: OperationContext, input: z.output<I>) => Promise<Result<R>>
  },
): Operation & Typed<z.input<I>, R> {
  return value as unknown as Operation
}
