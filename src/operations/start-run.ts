import { ok, type Result } from '../failure.ts'
import type { PinnedBudget } from '../workflow/command.ts'
import type { Json } from '../workflow/value.ts'
import type { OperationContext } from './operation.ts'
import { newRunId } from './request-ids.ts'

/** Starts a run under the request's own id, if it has one; a run that this very request made before is found again. */
export async function startRun(
  context: OperationContext,
  request: {
    kind: 'workflow' | 'swarm'
    goal: string | null
    definition: string | null
    inputs: { [name: string]: Json }
    budget?: PinnedBudget
  },
): Promise<Result<{ run: string }>> {
  const run = newRunId(context)
  const started = await context.runs.start({ ...request, by: context.actor, ...(run !== undefined && { run }) })
  const repeated = run !== undefined && !started.ok && started.failure.kind === 'conflict'
  return repeated && (await context.store.runs.get(run)) !== null ? ok({ run }) : started
}
