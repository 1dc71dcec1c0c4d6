/** Every view has an address; what it may say in its search is read by type, and the rest is left out. */
import { createRootRoute, createRoute, createRouter, Link } from '@tanstack/react-router'
import { lazy, Suspense } from 'react'
import { readAgentPageSearch, readAgentSearch } from './agents/agent-search.ts'
import { readCompareSearch } from './compare/compare-search.ts'
import { readDefinitionSearch } from './definitions/definition-search.ts'
import { readMetricsSearch } from './metrics/metrics-search.ts'
import { Overview } from './overview/overview.tsx'
import { Empty, Fault, Loading } from './parts/states.tsx'
import { readForkSearch, readRunPageSearch } from './run/run-search.ts'
import { RunList } from './runs/run-list.tsx'
import { readRunSearch, textOf } from './runs/run-search.ts'
import type { Connection } from './server/connection.ts'
import { readSettingsSearch } from './settings/settings-search.ts'
import { Shell } from './shell/shell.tsx'

const RunPage = lazy(() => import('./run/run-page.tsx').then(({ RunPage }) => ({ default: RunPage })))
const Fork = lazy(() => import('./run/fork.tsx').then(({ Fork }) => ({ default: Fork })))
const Compare = lazy(() => import('./compare/compare.tsx').then(({ Compare }) => ({ default: Compare })))
const Start = lazy(() => import('./start/start.tsx').then(({ Start }) => ({ default: Start })))
const AgentList = lazy(() => import('./agents/agent-list.tsx').then(({ AgentList }) => ({ default: AgentList })))
const AgentPage = lazy(() => import('./agents/agent-page.tsx').then(({ AgentPage }) => ({ default: AgentPage })))
const SwarmList = lazy(() => import('./swarms/swarm-list.tsx').then(({ SwarmList }) => ({ default: SwarmList })))
const SwarmPage = lazy(() => import('./swarms/swarm-page.tsx').then(({ SwarmPage }) => ({ default: SwarmPage })))
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
  const fork = createRoute({
    getParentRoute: () => root,
    path: '/console/runs/$id/fork',
    validateSearch: readForkSearch,
    component: () => {
      const { id } = fork.useParams()
      return soon(<Fork key={id} id={id} search={fork.useSearch()} />)
    },
  })
  const compare = createRoute({
    getParentRoute: () => root,
    path: '/console/runs/compare',
    validateSearch: readCompareSearch,
    component: () => soon(<Compare search={compare.useSearch()} />),
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
    validateSearch: readAgentSearch,
    component: () => soon(<AgentList search={agents.useSearch()} />),
  })
  const agent = createRoute({
    getParentRoute: () => root,
    path: '/console/agents/$agent',
    validateSearch: readAgentPageSearch,
    component: () => {
      const { agent: name } = agent.useParams()
      return soon(<AgentPage key={name} name={name} search={agent.useSearch()} />)
    },
  })
  const swarms = createRoute({
    getParentRoute: () => root,
    path: '/console/swarms',
    component: () => soon(<SwarmList />),
  })
  const swarm = createRoute({
    getParentRoute: () => root,
    path: '/console/swarms/$id',
    component: () => {
      const { id } = swarm.useParams()
      return soon(<SwarmPage key={id} id={id} />)
    },
  })
  const approvals = createRoute({
    getParentRoute: () => root,
    path: '/console/approvals',
    component: () => soon(<Inbox />),
  })
  const definitions = createRoute({
    getParentRoute: () => root,
    path: '/console/definitions',
    validateSearch: readDefinitionSearch,
    component: () => soon(<Definitions search={definitions.useSearch()} />),
  })
  const metrics = createRoute({
    getParentRoute: () => root,
    path: '/console/metrics',
    validateSearch: readMetricsSearch,
    component: () => soon(<MetricsPage search={metrics.useSearch()} />),
  })
  const settings = createRoute({
    getParentRoute: () => root,
    path: '/console/settings',
    validateSearch: readSettingsSearch,
    component: () => soon(<Settings search={settings.useSearch()} />),
  })
  return createRouter({
    routeTree: root.addChildren([
      overview,
      runs,
      run,
      fork,
      compare,
      start,
      agents,
      agent,
      swarms,
      swarm,
      approvals,
      definitions,
      metrics,
      settings,
    ]),
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
