/**
 * The first that runs: small, so that it is there at once. It asks for what the first view shows and for the code that
 * draws it at the same time; in series, the one would begin when the other had come, been read and been run.
 */
import { inProgress, lastDay, SHOWN, wentWrong } from './overview/asked.ts'
import type { Input, OperationName } from './server/client.ts'
import { askEarly } from './server/early.ts'

const ask = <N extends OperationName>(operation: N, input: Input<N>): void => askEarly(operation, input)

const { pathname, search } = window.location
ask('orchestration_status', {})
ask('list_questions', { limit: 200 })
if (pathname === '/') {
  ask('metrics_over_time', lastDay)
  ask('list_runs', { ...inProgress, limit: SHOWN })
  ask('list_runs', { ...wentWrong, limit: SHOWN })
  ask('list_agents', {})
}
if (pathname === '/console/runs' && search === '') ask('list_runs', { limit: 100 })
const run = /^\/console\/runs\/(run_[\w-]+)$/.exec(pathname)?.[1]
if (run !== undefined) {
  ask('get_run', { id: run })
  void import('./run/run-page.tsx')
  void import('./run/run-graph.tsx')
}
void import('./main.tsx')
