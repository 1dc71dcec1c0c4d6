/** What runs, what needs a person, what failed and why, and whether agents and models can work: in one screen. */
import { useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import { RunChart } from '../charts/usage-charts.tsx'
import { amountText, Meters } from '../parts/meters.tsx'
import { RunRows, runTitle } from '../parts/run-rows.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, duration, When } from '../parts/time.tsx'
import { agentsQuery, overTimeQuery, questionsQuery, runsQuery, statusQuery } from '../server/queries.ts'
import { inProgress, lastDay, SHOWN, wentWrong } from './asked.ts'

export function Overview() {
  return (
    <main id="content" className="content" tabIndex={0}>
      <div className="stack">
        <Figures />
        <div className="overview">
          <div className="stack">
            <Waiting />
            <Throughput />
            <Running />
            <Failed />
          </div>
          <div className="stack">
            <Fleet />
            <Spend />
            <Models />
          </div>
        </div>
      </div>
    </main>
  )
}

function Figures() {
  const status = useQuery(statusQuery)
  return (
    <Loaded query={status} lines={2}>
      {(now) => {
        const total = (state: keyof typeof now.workflows) => (now.workflows[state] ?? 0) + (now.swarms[state] ?? 0)
        const { queue, limits } = now
        return (
          <section aria-label="Figures" className="figures">
            <Figure name="State" text={now.reason ?? `up ${duration(now.uptime_s * 1000)}`}>
              <Status state={now.status} />
            </Figure>
            <Figure name="Executing" text={`of ${limits.max_parallel_workflows ?? '–'} runs`}>
              {count(queue.runs_executing)}
            </Figure>
            <Figure name="Queued" text="runs">
              {count(queue.runs_queued)}
            </Figure>
            <Figure name="Calls" text={`of ${limits.agent_pool_size ?? '–'}; ${count(queue.calls_queued)} wait`}>
              {count(queue.calls_in_flight)}
            </Figure>
            <Figure name="Completed" text="runs">
              {count(total('completed'))}
            </Figure>
            <Figure name="Failed" text="runs">
              {count(total('failed'))}
            </Figure>
          </section>
        )
      }}
    </Loaded>
  )
}

function Figure({ name, text, children }: { name: string; text: string; children: ReactNode }) {
  return (
    <div className="figure">
      <span className="label">{name}</span>
      <strong>{children}</strong>
      <span className="muted small cut" title={text}>
        {text}
      </span>
    </div>
  )
}

function Panel({ title, more, children }: { title: string; more?: ReactNode; children: ReactNode }) {
  return (
    <section className="panel" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {more}
      </header>
      {children}
    </section>
  )
}

function Waiting() {
  const questions = useQuery(questionsQuery)
  if (questions.data?.items.length === 0) return null
  return (
    <Panel title="Needs you" more={<Link to="/console/approvals">All</Link>}>
      <Loaded query={questions} lines={2}>
        {({ items }) => (
          <ul className="rows">
            {items.slice(0, SHOWN).map((item) => (
              <li key={`${item.run.id} ${item.kind} ${item.id}`}>
                <Link to="/console/runs/$id" params={{ id: item.run.id }} className="run-row">
                  <Status state="waiting" label={item.kind} />
                  <span className="grow">
                    <span className="cut block">{item.kind === 'signal' ? `signal ${item.id}` : item.question}</span>
                    <span className="muted small cut block">
                      {runTitle({ ...item.run, definition_name: item.run.definition })}
                    </span>
                  </span>
                  {item.due !== null && (
                    <span className="muted small">
                      {item.kind === 'approval' ? `${item.default}s` : 'ends'} <When at={item.due} />
                    </span>
                  )}
                </Link>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Panel>
  )
}

function Throughput() {
  const usage = useQuery(overTimeQuery(lastDay))
  return (
    <Loaded query={usage} lines={5}>
      {({ buckets, bucket_ms, runs }) => (
        <RunChart title="Runs that ended in the last 24 hours" {...{ buckets, bucket_ms, runs }} />
      )}
    </Loaded>
  )
}

/** What was spent against the limits of the configuration, in the last day, and who spent most of it. */
function Spend() {
  const status = useQuery(statusQuery)
  const limited = (status.data?.budgets ?? []).map(({ budget, unit, limit, spent, reserved }) => ({
    name: `${budget === 'daily' ? 'today' : budget === 'total' ? 'in all' : `${budget}, today`}: ${unit}`,
    used: spent,
    held: reserved,
    limit,
    text: amountText,
  }))
  const usage = useQuery(overTimeQuery(lastDay))
  return (
    <Panel title="Spent in 24 hours" more={<Link to="/console/metrics">Metrics</Link>}>
      {limited.length > 0 && (
        <div className="body-pad">
          <Meters label="Spent against the budgets" meters={limited} />
        </div>
      )}
      <Loaded query={usage} lines={3}>
        {({ totals, groups }) => {
          const of = (one: { input_tokens: number; output_tokens: number }) => one.input_tokens + one.output_tokens
          const most = Math.max(1, ...groups.map((group) => of(group.totals)))
          if (totals.calls === 0) return <Empty title="Nothing was spent" />
          return (
            <div className="stack body-pad">
              <p>
                <strong className="big">{count(of(totals))}</strong> tokens{' '}
                <span className="muted">
                  in {count(totals.calls)} calls
                  {totals.unknown_usage > 0 && `; ${count(totals.unknown_usage)} did not report theirs`}
                </span>
              </p>
              <ol className="tally" aria-label="Tokens by agent">
                {groups.map((group) => (
                  <li key={group.name}>
                    <Link to="/console/agents/$agent" params={{ agent: group.name }} className="cut" title={group.name}>
                      {group.name}
                    </Link>
                    <span className="share" aria-hidden="true">
                      <i style={{ width: `${(of(group.totals) / most) * 100}%` }} />
                    </span>
                    <span className="num muted">
                      {of(group.totals) === 0 && group.totals.unknown_usage > 0 ? '?' : count(of(group.totals))}
                    </span>
                  </li>
                ))}
              </ol>
            </div>
          )
        }}
      </Loaded>
    </Panel>
  )
}

function Running() {
  const runs = useInfiniteQuery(runsQuery(inProgress, SHOWN))
  return (
    <Panel
      title="Runs in progress"
      more={
        <Link to="/console/runs" search={inProgress}>
          All
        </Link>
      }
    >
      <Loaded query={runs} lines={4}>
        {({ pages }) =>
          pages[0]?.items.length ? (
            <RunRows runs={pages[0].items} />
          ) : (
            <Empty title="Nothing runs">
              <p>
                Say what you want to reach. Quorate plans the stages, gives them to agents, and shows every step here.
              </p>
              <Link to="/console/start" className="button primary">
                Start a goal
              </Link>
            </Empty>
          )
        }
      </Loaded>
    </Panel>
  )
}

function Failed() {
  const runs = useInfiniteQuery(runsQuery(wentWrong, SHOWN))
  return (
    <Panel
      title="Failed, and why"
      more={
        <Link to="/console/runs" search={wentWrong}>
          All
        </Link>
      }
    >
      <Loaded query={runs} lines={3}>
        {({ pages }) =>
          pages[0]?.items.length ? <RunRows runs={pages[0].items} reasons /> : <Empty title="No run has failed" />
        }
      </Loaded>
    </Panel>
  )
}

function Fleet() {
  const agents = useQuery(agentsQuery)
  return (
    <Panel title="Agents" more={<Link to="/console/agents">All</Link>}>
      <Loaded query={agents} lines={4}>
        {({ items }) => {
          const there = items.filter((agent) => !agent.retired)
          if (there.length === 0)
            return (
              <Empty title="No agents">
                <p>Runs need at least one agent that can be given tasks.</p>
                <Link to="/console/agents" search={{ add: true }} className="button primary">
                  Add an agent
                </Link>
              </Empty>
            )
          const states = [...new Set(there.map((agent) => agent.status))]
          const ill = there.filter((agent) => agent.status === 'offline' || agent.status === 'degraded')
          return (
            <>
              <div className="row wrap body-pad">
                {states.map((state) => (
                  <Status
                    key={state}
                    state={state}
                    label={`${count(there.filter((agent) => agent.status === state).length)} ${state}`}
                  />
                ))}
              </div>
              {ill.length > 0 && (
                <ul className="rows">
                  {Object.entries(
                    Object.groupBy(ill, (agent) => agent.health?.detail ?? `breaker ${agent.breaker.state}`),
                  )
                    .slice(0, SHOWN)
                    .map(([why, alike = []]) => (
                      <li key={why}>
                        <Link
                          to="/console/agents"
                          search={alike.length === 1 && alike[0] ? { agent: alike[0].name } : {}}
                          className="run-row"
                        >
                          <span className="grow">
                            <span className="cut2">{alike.map(({ name }) => name).join(', ')}</span>
                            <span className="muted small cut2">{why}</span>
                          </span>
                        </Link>
                      </li>
                    ))}
                </ul>
              )}
            </>
          )
        }}
      </Loaded>
    </Panel>
  )
}

function Models() {
  const status = useQuery(statusQuery)
  return (
    <Panel title="Models">
      <Loaded query={status} lines={3}>
        {({ models }) => (
          <div className="stack body-pad">
            <dl className="facts">
              <dt>The manager’s own</dt>
              <dd>{models.default ?? <span className="muted">none: {models.reason}</span>}</dd>
              {models.hosts.map((host) => (
                <div key={host.name} className="contents">
                  <dt>{host.name}</dt>
                  <dd className="stack tight">
                    <span>
                      <Status
                        state={host.ok ? 'ok' : 'offline'}
                        label={host.ok ? `${host.models.length} models` : 'not there'}
                      />
                    </span>
                    <span className="muted small cut2" title={host.ok ? host.models.join(', ') : host.detail}>
                      {host.ok ? host.models.join(', ') : host.detail}
                    </span>
                  </dd>
                </div>
              ))}
            </dl>
          </div>
        )}
      </Loaded>
    </Panel>
  )
}
