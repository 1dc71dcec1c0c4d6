import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { RunRow } from '../store/store.ts'
import type { OperationContext } from './operation.ts'

/** `swm_X` is the swarm whose run is `run_X`: one id, two names, nothing to look up. */
export const swarmId = (run: string): string => run.replace(/^run_/, 'swm_')
const runId = (id: string): string => id.replace(/^swm_/, 'run_')

/** The row of a run by its id or its swarm's id. */
export async function findRun(context: Pick<OperationContext, 'store'>, id: string): Promise<Result<RunRow>> {
  const row = await context.store.runs.get(runId(id))
  if (row !== null) return ok(row)
  return fail('not_found', `there is no run ${excerpt(id)}`, {
    field: 'id',
    value: excerpt(id),
    remedy: 'GET /runs lists the runs',
  })
}
