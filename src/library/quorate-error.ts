/** What the library throws: a failure of the closed list, as an error. */
import type { Failure, Result } from '../failure.ts'

/**
 * Something that was asked of Quorate and cannot be done. `failure` says what, where and what to do about it; `kind` of
 * it is one of a closed list. A run that ends as failed is no error: its result says so.
 */
export class QuorateError extends Error {
  override readonly name = 'QuorateError'
  readonly failure: Failure

  constructor(failure: Failure) {
    const { problems = [failure] } = failure
    super(problems.map(({ message, remedy }) => (remedy ? `${message}; ${remedy}` : message)).join('\n'))
    this.failure = failure
  }
}

/** The value, or its failure thrown. */
export function orThrow<T>(result: Result<T>): T {
  if (result.ok) return result.value
  throw new QuorateError(result.failure)
}
