import type { z } from 'zod'
import type { Result } from '../failure.ts'
import type { Operation, OperationContext } from './operation.ts'

/**
 * Ties the types of an operation's schemas to its `run`, then forgets them, so that all operations fit one list.
 * Sound because every door passes input through `input` (see check-input.ts) before it calls `run`.
 */
export function defineOperation<I extends z.ZodType, O extends z.ZodType>(
  value: Omit<Operation, 'input' | 'output' | 'run'> & {
    input: I
    output: O
    run: (context: OperationContext, input: z.output<I>) => Promise<Result<z.output<O>>>
  },
): Operation {
  return value as unknown as Operation
}
