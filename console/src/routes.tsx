/** Every view has an address; what it may say in its search is read by type, and the rest is left out. */
import { createRootRoute, createRoute, createRouter, Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { Overview } from './overview/overview.tsx'
import { Empty, Fault, Loading } from './parts/states.tsx'
import { readRunPageSearch } from './run/run-search.ts'
import { RunList } from './runs/run-list.tsx'
import { readRunSearch, textOf } from './runs/run-search.ts'
import type { Connection } from './server/connection.ts'
import { Shell } from './shell/shell.tsx'

const RunPage = lazy(() => import('./run/run-page.tsx').then(({ RunPage }) => ({ default: RunPage })))
const Start = lazy(() => import('./start/start.tsx').then(({ Start }) => ({ default: Start })))
const AgentList = lazy(() => import('./agents/agent-list.tsx').then(({ AgentList }) => ({ default: AgentList })))
const Inbox = lazy(() => import('./approvals/inbox.tsx').then(({ Inbox }) => ({ default: Inbox })))
const Definitions = lazy(() =>
  import('./definitions/definition-list.tsx').then(({ Definitions }) => ({ default: Definitions })),
)
const MetricsPage = lazy(() => import('./metrics/metrics.tsx').then(({ MetricsPage }) => ({ default: MetricsPage })))
const Settings = lazy(() => import('./settings/settings.tsx').then(({ Settings }) => ({ default: Settings })))

const soon = (view: React.ReactNode) => <Suspense fallback={<Loading />}>{view}</Suspense>

export function makeRouter(connection: Connection) {
  const root = createRootRoute({
    component: () => <Shell connection={connection} />,
    notFoundComponent: () => (
      <main id="content" className="content" tabIndex={0}>
        <Empty title="There is no such page">
          <Link to="/" className="button">
            Overview
          </Link>
        </Empty>
      </main>
    ),
  })
  const overview = createRoute({ getParentRoute: () => root, path: '/', component: Overview })
  const runs = createRoute({
    getParentRoute: () => root,
    path: '/console/runs',
    validateSearch: readRunSearch,
    component: () => <RunList search={runs.useSearch()} />,
  })
  const run = createRoute({
    getParentRoute: () => root,
    path: '/console/runs/$id',
    validateSearch: readRunPageSearch,
    component: () => {
      const { id } = run.useParams()
      return soon(<RunPage key={id} id={id} search={run.useSearch()} />)
    },
  })
  const start = createRoute({
    getParentRoute: () => root,
    path: '/console/start',
    validateSearch: (given: Record<string, unknown>) => ({
      ...textOf(given, 'goal', 20_000),
      ...textOf(given, 'template', 100),
      ...textOf(given, 'definition', 200),
    }),
    component: () => soon(<Start search={start.useSearch()} />),
  })
  const agents = createRoute({
    getParentRoute: () => root,
    path: '/console/agents',
    validateSearch: (given: Record<string, unknown>): { agent?: string; text?: string; add?: boolean } => ({
      ...textOf(given, 'agent', 100),
      ...textOf(given, 'text', 100),
      ...(given.add === true && { add: true }),
    }),
    component: () => soon(<AgentList search={agents.useSearch()} />),
  })
  const approvals = createRoute({
    getParentRoute: () => root,
    path: '/console/approvals',
    component: () => soon(<Inbox />),
  })
  const definitions = createRoute({
    getParentRoute: () => root,
    path: '/console/definitions',
    validateSearch: (given: Record<string, unknown>) => ({
      ...textOf(given, 'definition', 200),
      ...textOf(given, 'text', 100),
      ...textOf(given, 'from', 100),
    }),
    component: () => soon(<Definitions search={definitions.useSearch()} />),
  })
  const metrics = createRoute({
    getParentRoute: () => root,
    path: '/console/metrics',
    component: () => soon(<MetricsPage />),
  })
  const settings = createRoute({
    getParentRoute: () => root,
    path: '/console/settings',
    component: () => soon(<Settings />),
  })
  return createRouter({
    routeTree: root.addChildren([overview, runs, run, start, agents, approvals, definitions, metrics, settings]),
    defaultErrorComponent: ({ error }) => (
      <main id="content" className="content" tabIndex={0}>
        <Fault error={error} />
      </main>
    ),
  })
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>
  }
}
