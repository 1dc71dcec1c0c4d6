/**
 * The first that runs: small, so that it is there at once. It asks for what the first view shows and for the code that
 * draws it at the same time; in series, the one would begin when the other had come, been read and been run.
 */
import { inProgress, lastDay, SHOWN, wentWrong } from './overview/asked.ts'
import { askEarly } from './server/early.ts'

const { pathname, search } = window.location
askEarly('orchestration_status', {})
askEarly('list_questions', { limit: 200 })
if (pathname === '/') {
  askEarly('metrics_over_time', lastDay)
  askEarly('list_runs', { ...inProgress, limit: SHOWN })
  askEarly('list_runs', { ...wentWrong, limit: SHOWN })
  askEarly('list_agents', {})
}
if (pathname === '/console/runs' && search === '') askEarly('list_runs', { limit: 100 })
const run = /^\/console\/runs\/(run_[\w-]+)$/.exec(pathname)?.[1]
if (run !== undefined) {
  askEarly('get_run', { id: run })
  void import('./run/run-page.tsx')
  void import('./run/run-graph.tsx')
}
void import('./main.tsx')
