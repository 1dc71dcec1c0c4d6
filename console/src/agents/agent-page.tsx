/** One agent: how it is, what it did over time, how its state changed, and what it says to a prompt. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { RangeChoice } from '../charts/range-choice.tsx'
import { LatencyChart, SuccessChart, TaskChart, TokenChart, usageOf } from '../charts/usage-charts.tsx'
import { Empty, Fault, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, duration, tokens, When } from '../parts/time.tsx'
import { type AgentHistory, agentHistoryQuery, agentsQuery } from '../server/queries.ts'
import { AgentActions } from './agent-actions.tsx'
import { AgentFacts } from './agent-panel.tsx'
import { type AgentPageSearch, type AgentView as View, agentViews as views } from './agent-search.ts'
import { TryAgent } from './try-agent.tsx'

export function AgentPage({ name, search }: { name: string; search: AgentPageSearch }) {
  const navigate = useNavigate()
  const agents = useQuery(agentsQuery)
  const { view = 'history', range = '7d' } = search
  const history = useInfiniteQuery(agentHistoryQuery(name, range))
  const agent = agents.data?.items.find((each) => each.name === name || each.id === name)
  const first = history.data?.pages[0]
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <div className="run-head">
        <Link to="/console/agents" className="small">
          ← Agents
        </Link>
        <div className="row wrap spread">
          <span className="row">
            <h2 className="run-title cut" title={name}>
              {name}
            </h2>
            {agent && <Status state={agent.status} />}
            {agent && <span className="tag">{agent.system}</span>}
          </span>
          {agent && <AgentActions agent={agent} onGone={() => void navigate({ to: '/console/agents' })} />}
        </div>
        {agent && agent.description !== '' && <p className="muted cut2">{agent.description}</p>}
        {first && <Gates health={first.health} grade={first.grade} />}
      </div>
      <nav className="tabs" aria-label="Views of this agent">
        {(Object.keys(views) as View[]).map((one) => (
          <Link
            key={one}
            to="/console/agents/$agent"
            params={{ agent: name }}
            search={{ ...(search.range && { range }), ...(one !== 'history' && { view: one }) }}
            activeOptions={{ exact: true, includeSearch: true }}
            aria-current={one === view ? 'page' : undefined}
          >
            {views[one]}
          </Link>
        ))}
      </nav>
      <section className="content" tabIndex={0} aria-label={`${views[view]} of this agent`}>
        {view === 'about' ? (
          <div className="stack narrow">
            {agent ? <AgentFacts agent={agent} /> : <Empty title="There is no such agent" />}
          </div>
        ) : view === 'try' ? (
          <TryAgent agent={name} />
        ) : (
          <Loaded query={history} lines={10}>
            {({ pages }) => {
              const [page] = pages
              if (page === undefined) return null
              if (view === 'states') return <States states={page.states} />
              if (view === 'tasks')
                return (
                  <Tasks
                    tasks={pages.flatMap((each) => each.tasks)}
                    more={history.hasNextPage}
                    fetching={history.isFetchingNextPage}
                    onMore={() => void history.fetchNextPage()}
                  />
                )
              const usage = usageOf(page)
              return (
                <div className="stack">
                  <RangeChoice
                    range={range}
                    onRange={(next) =>
                      void navigate({
                        to: '/console/agents/$agent',
                        params: { agent: name },
                        search: { ...search, range: next },
                        replace: true,
                      })
                    }
                  />
                  <div className="charts">
                    <TaskChart {...usage} />
                    <SuccessChart {...usage} />
                    <LatencyChart {...usage} />
                    <TokenChart {...usage} />
                  </div>
                </div>
              )
            }}
          </Loaded>
        )}
        {history.isFetchNextPageError && <Fault error={history.error} again={history.fetchNextPage} />}
      </section>
    </main>
  )
}

/** Each gate alone: a sum of them would hide the one that is closed. */
function Gates({ health, grade }: Pick<AgentHistory, 'health' | 'grade'>) {
  return (
    <ul className="gates" aria-label="Gates of its health">
      {health.gates.map((gate) => (
        <li key={gate.name} title={gate.limit}>
          <Status state={gate.open === null ? 'unknown' : gate.open ? 'ok' : 'broken'} label={gate.name} />
          <span className="muted small cut2">{gate.reason}</span>
        </li>
      ))}
      <li title="A grade is a result of an evaluation, never a guess from these gates">
        <Status state="unknown" label="no grade" />
        <span className="muted small cut2">{grade.reason}</span>
      </li>
    </ul>
  )
}

function Tasks({
  tasks,
  more,
  fetching,
  onMore,
}: {
  tasks: AgentHistory['tasks']
  more: boolean
  fetching: boolean
  onMore: () => void
}) {
  if (tasks.length === 0)
    return (
      <Empty title="It has not worked on a task yet">
        <p>Each attempt that it ends stands here, with how long it took, what it cost, and why it was chosen.</p>
      </Empty>
    )
  return (
    <section className="panel" aria-label="Tasks">
      <section className="scroll-x" tabIndex={0} aria-label="Tasks it worked on">
        <table className="table">
          <thead>
            <tr>
              <th>Ended</th>
              <th>Result</th>
              <th>Task</th>
              <th>Model</th>
              <th className="num">Took</th>
              <th className="num">Waited</th>
              <th className="num">Tokens</th>
            </tr>
          </thead>
          <tbody>
            {tasks.map((task) => (
              <tr key={`${task.run} ${task.seq}`}>
                <td className="muted">
                  <When at={task.at} />
                </td>
                <td>
                  <Status state={task.ok ? 'completed' : task.failure?.kind === 'cancelled' ? 'cancelled' : 'failed'} />
                </td>
                <td>
                  <Link
                    to="/console/runs/$id"
                    params={{ id: task.run }}
                    search={{ task: task.task }}
                    className="cut block task-cell"
                  >
                    {task.task}
                    {task.attempt > 1 && <span className="muted"> · attempt {task.attempt}</span>}
                  </Link>
                  {task.failure !== null && (
                    <span className="muted small cut2" title={task.failure.message}>
                      {task.failure.message}
                    </span>
                  )}
                </td>
                <td className="muted">{task.model ?? '–'}</td>
                <td className="num">{duration(task.duration_ms)}</td>
                <td className="num muted">{task.queued_ms === 0 ? '–' : duration(task.queued_ms)}</td>
                <td className="num muted">{tokens(task.input_tokens, task.output_tokens)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {more && (
        <div className="body-pad">
          <button type="button" className="button" disabled={fetching} onClick={onMore}>
            {fetching ? 'Reading …' : 'Show more'}
          </button>
        </div>
      )}
    </section>
  )
}

function States({ states }: Pick<AgentHistory, 'states'>) {
  if (states.length === 0)
    return (
      <Empty title="No change of state is kept yet">
        <p>
          After its first check each change stands here: ready, degraded, offline, draining, and what the breaker did.
        </p>
      </Empty>
    )
  return (
    <ol className="panel rows narrow" aria-label="Changes of state, the latest first">
      {states.map((state, i) => (
        <li key={state.at} className="run-row">
          <Status state={state.state} />
          <span className="grow">
            {state.breaker !== 'closed' && <span>breaker {state.breaker.replace('_', ' ')} </span>}
            <span className="muted cut2">{state.reason}</span>
          </span>
          <span className="muted small">
            {i === 0 ? 'since ' : `for ${duration((states[i - 1]?.at ?? state.at) - state.at)}, `}
            <When at={state.at} />
          </span>
        </li>
      ))}
      <li className="body-pad muted small">{count(states.length)} changes; the latest 1,000 are kept.</li>
    </ol>
  )
}
