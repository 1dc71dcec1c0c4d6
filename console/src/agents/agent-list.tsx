/** The fleet: who can work, how well, at what cost, who is ill and why. A thousand agents are one list. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo } from 'react'
import { Interval } from '../parts/interval.tsx'
import { LongList } from '../parts/long-list.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, duration } from '../parts/time.tsx'
import { type Agent, agentsQuery, type OverTime, overTimeQuery } from '../server/queries.ts'
import { AddAgent } from './add-agent.tsx'
import { AgentPanel } from './agent-panel.tsx'
import { type AgentSearch, agentStates as states } from './agent-search.ts'

type Totals = OverTime['totals']

/** Those that need a look come first, those that are gone last; among equals who works most. */
const urgencies: Agent['status'][] = ['offline', 'degraded', 'draining', 'idle', 'retired']
/** Idle and busy change from second to second: rows must not jump with them. */
const urgency = ({ status }: Agent): number => urgencies.indexOf(status === 'busy' ? 'idle' : status)

export function AgentList({ search }: { search: AgentSearch }) {
  const navigate = useNavigate()
  const agents = useQuery(agentsQuery)
  const usage = useQuery(overTimeQuery({ range: '7d', by: 'agent', points: false, groups: 1_000 }))
  const lately = useMemo(() => new Map(usage.data?.groups.map(({ name, totals }) => [name, totals])), [usage.data])
  const go = (next: AgentSearch) => void navigate({ to: '/console/agents', search: next, replace: true })
  const { state: _, ...anyState } = search
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <div className="filters">
        <input
          type="search"
          className="input search"
          aria-label="Name, capability or system of an agent"
          placeholder="Name, capability or system"
          value={search.text ?? ''}
          onChange={(event) => go({ ...search, text: event.target.value })}
        />
        <fieldset className="chips" aria-label="State">
          {states.map((state) => {
            const n = agents.data?.items.filter((agent) => agent.status === state).length ?? 0
            return (
              <button
                key={state}
                type="button"
                className="chip"
                aria-pressed={search.state === state}
                onClick={() => go(search.state === state ? anyState : { ...search, state })}
              >
                {state} <span className="muted">{count(n)}</span>
              </button>
            )
          })}
        </fieldset>
        <span className="grow" />
        <button type="button" className="button primary" onClick={() => go({ ...search, add: true })}>
          Add an agent
        </button>
      </div>
      <div className="split">
        <div className="stage-area">
          <Loaded query={agents} lines={10}>
            {({ items }) => {
              const words = search.text?.toLowerCase() ?? ''
              const fitting = items
                .filter(
                  (agent) =>
                    (search.state === undefined ? true : agent.status === search.state) &&
                    `${agent.name} ${agent.system} ${agent.capabilities.join(' ')}`.toLowerCase().includes(words),
                )
                .sort(
                  (a, b) =>
                    urgency(a) - urgency(b) ||
                    (lately.get(b.name)?.calls ?? 0) - (lately.get(a.name)?.calls ?? 0) ||
                    (a.name < b.name ? -1 : 1),
                )
              if (items.length === 0)
                return (
                  <Empty title="No agents yet">
                    <p>
                      An agent is something that can be given a task: a model, a command, an HTTP service, a system such
                      as CrewAI or Letta.
                    </p>
                  </Empty>
                )
              if (fitting.length === 0)
                return (
                  <Empty title="No agent fits">
                    <Link to="/console/agents" className="button">
                      Show all agents
                    </Link>
                  </Empty>
                )
              return <Fleet agents={fitting} lately={lately} search={search} />
            }}
          </Loaded>
        </div>
        {search.agent !== undefined && agents.data && (
          <AgentPanel
            agent={agents.data.items.find(({ name, id }) => name === search.agent || id === search.agent)}
            name={search.agent}
            onClose={() => {
              const { agent: _, ...rest } = search
              go(rest)
            }}
          />
        )}
      </div>
      {search.add && <AddAgent onClose={(added) => go(added === undefined ? {} : { agent: added })} />}
    </main>
  )
}

function Fleet({ agents, lately, search }: { agents: Agent[]; lately: Map<string, Totals>; search: AgentSearch }) {
  const narrow = search.agent === undefined ? '' : ' beside'
  return (
    <div className="list">
      <div className={`list-head agent-columns${narrow}`} aria-hidden="true">
        <span>State</span>
        <span>Agent</span>
        <span className="num">Load</span>
        <span className="wide">Breaker</span>
        <span>Success, 7 days</span>
        <span className="num wide">p95</span>
        <span className="num wide">Tokens</span>
        <span className="wide widest">Capabilities</span>
      </div>
      <LongList
        label="Agents"
        rows={agents}
        height={44}
        row={(agent, index) => {
          const totals = lately.get(agent.name)
          return (
            <div
              className={`agent-columns list-row${narrow}`}
              aria-current={agent.name === search.agent ? 'true' : undefined}
            >
              <span>
                <Status state={agent.status} />
              </span>
              <span className="cut" title={agent.name}>
                <Link
                  to="/console/agents"
                  search={{ ...search, agent: agent.name }}
                  className="over-row"
                  data-row={index}
                >
                  {agent.name}
                </Link>
                <span className="muted small cut block">{agent.system}</span>
              </span>
              <span className="num">
                {agent.current_tasks.length}/{agent.concurrency}
                {agent.queued > 0 && <span className="muted"> +{agent.queued}</span>}
              </span>
              <span className="wide">
                {agent.breaker.state === 'closed' ? (
                  <span className="muted">closed</span>
                ) : (
                  <Status state={agent.breaker.state} />
                )}
              </span>
              <span>
                {totals === undefined ? (
                  <span className="muted small">no results</span>
                ) : (
                  <Interval of={totals.success} />
                )}
              </span>
              <span className="num wide muted">
                {totals === undefined || totals.p95_ms === null ? '–' : duration(totals.p95_ms)}
              </span>
              <span className="num wide muted">
                {totals === undefined ? '–' : count(totals.input_tokens + totals.output_tokens)}
              </span>
              <span className="wide widest muted cut" title={agent.capabilities.join(', ')}>
                {agent.capabilities.join(', ')}
              </span>
            </div>
          )
        }}
      />
    </div>
  )
}
