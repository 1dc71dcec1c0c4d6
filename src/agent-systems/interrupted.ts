/** What a task ended with when its signal was aborted: by a time limit of the caller, or because nobody wants it any more. */
import { fail, type Result } from '../failure.ts'

export function interrupted(signal: AbortSignal): Result<never> {
  const reason: unknown = signal.reason
  return reason instanceof Error && reason.name === 'TimeoutError'
    ? fail('timeout', 'the time for this task was over', { remedy: 'raise the timeout of the agent or of the task' })
    : fail('cancelled', 'the task was cancelled')
}
