/** The door behind which nothing is thrown (duty A1): a bug of an adapter sinks one task, never the manager. */
import { excerpt, fail, type Result } from '../failure.ts'

export async function contain<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof RangeError && /call stack/i.test(error.message)) {
      return fail('invalid_input', 'the input of the task is nested too deeply', {
        field: 'input',
        remedy: 'flatten it, or pass it as text',
      })
    }
    return fail(
      'internal',
      `the adapter failed: ${excerpt(error instanceof Error ? error.message : typeof error, 300)}`,
    )
  }
}
