/** The fleet: who can work, who works on what, who is ill and why; agents are added, probed, drained, removed. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useState } from 'react'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Empty, Fault, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, exactTime, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import { type Agent, agentsQuery } from '../server/queries.ts'
import { AddAgent } from './add-agent.tsx'

export type AgentSearch = { agent?: string; add?: boolean; text?: string }
const SHOWN = 200

export function AgentList({ search }: { search: AgentSearch }) {
  const navigate = useNavigate()
  const agents = useQuery(agentsQuery)
  const go = (next: AgentSearch) => void navigate({ to: '/console/agents', search: next, replace: true })
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
                .filter((agent) =>
                  `${agent.name} ${agent.system} ${agent.capabilities.join(' ')}`.toLowerCase().includes(words),
                )
                .sort((a, b) => Number(a.retired) - Number(b.retired))
              if (items.length === 0)
                return (
                  <Empty title="No agents yet">
                    <p>
                      An agent is something that can be given a task: a model, a command, an HTTP service, a system such
                      as CrewAI or Letta.
                    </p>
                  </Empty>
                )
              if (fitting.length === 0) return <Empty title="No agent fits" />
              return <Table agents={fitting} picked={search.agent} search={search} />
            }}
          </Loaded>
        </div>
        {search.agent !== undefined && agents.data && (
          <Detail
            agent={agents.data.items.find(({ name, id }) => name === search.agent || id === search.agent)}
            name={search.agent}
            onClose={() => go({ ...(search.text && { text: search.text }) })}
          />
        )}
      </div>
      {search.add && <AddAgent onClose={(added) => go(added === undefined ? {} : { agent: added })} />}
    </main>
  )
}

function Table({ agents, picked, search }: { agents: Agent[]; picked: string | undefined; search: AgentSearch }) {
  return (
    <section className="scroll-x" tabIndex={0} aria-label="Agents">
      <table className="table">
        <thead>
          <tr>
            <th>Agent</th>
            <th>State</th>
            <th>System</th>
            <th className="num">Load</th>
            <th>Breaker</th>
            <th>Success</th>
            <th>Capabilities</th>
          </tr>
        </thead>
        <tbody>
          {agents.slice(0, SHOWN).map((agent) => (
            <tr key={agent.id} aria-current={agent.name === picked ? 'true' : undefined}>
              <td>
                <Link
                  to="/console/agents"
                  search={{ ...search, agent: agent.name }}
                  className="cut name-cell"
                  title={agent.name}
                >
                  {agent.name}
                </Link>
              </td>
              <td>
                <Status state={agent.status} />
              </td>
              <td className="muted">{agent.system}</td>
              <td className="num">
                {agent.current_tasks.length}/{agent.concurrency}
                {agent.queued > 0 && <span className="muted"> +{agent.queued}</span>}
              </td>
              <td>
                <Status state={agent.breaker.state} />
              </td>
              <td>
                <Success agent={agent} />
              </td>
              <td className="muted">
                <span className="cut2" title={agent.capabilities.join(', ')}>
                  {agent.capabilities.join(', ')}
                </span>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {agents.length > SHOWN && (
        <p className="muted body-pad">{count(agents.length - SHOWN)} more; search to narrow them down.</p>
      )}
    </section>
  )
}

/** Mean and interval on a scale from 0 to 1, or what is still needed to tell. */
function Success({ agent }: { agent: Agent }) {
  const { value, interval, n, reason } = agent.performance
  if (value === null) return <span className="muted small">{reason ?? `not enough results: has ${n}`}</span>
  const [low, high] = interval ?? [value, value]
  const text = `${Math.round(value * 100)} %, likely between ${Math.round(low * 100)} and ${Math.round(high * 100)} %, of ${n} results`
  return (
    <span className="row" title={text}>
      <span className="interval grow" aria-hidden="true">
        <i style={{ left: `${low * 100}%`, width: `${(high - low) * 100}%` }} />
        <b style={{ left: `calc(${value * 100}% - 1px)` }} />
      </span>
      <span aria-hidden="true">{Math.round(value * 100)} %</span>
      <span className="sr">{text}</span>
    </span>
  )
}

function Detail({ agent, name, onClose }: { agent: Agent | undefined; name: string; onClose: () => void }) {
  const probe = useAction('probe_agent')
  const drain = useAction('drain_agent')
  const remove = useAction('remove_agent', onClose)
  const [asking, setAsking] = useState(false)
  return (
    <aside className="detail" aria-label={`Agent ${name}`}>
      <div className="row spread">
        <h2 className="cut">{name}</h2>
        <button type="button" className="button plain" onClick={onClose} aria-label="Close details">
          ✕
        </button>
      </div>
      {agent === undefined ? (
        <Empty title="There is no such agent" />
      ) : (
        <>
          <div className="row wrap">
            <Status state={agent.status} />
            <span className="tag">{agent.type}</span>
            <span className="tag">{agent.system}</span>
          </div>
          {agent.description !== '' && <p className="break">{agent.description}</p>}
          <div className="row wrap">
            <ActionButton action={probe} onPress={() => probe.mutate({ agent: agent.name })}>
              {probe.isPending ? 'Probing …' : 'Probe'}
            </ActionButton>
            <ActionButton action={drain} onPress={() => drain.mutate({ agent: agent.name })}>
              Drain
            </ActionButton>
            <ActionButton action={remove} tone="danger" onPress={() => setAsking(true)}>
              Remove
            </ActionButton>
          </div>
          {probe.data && (
            <p role="status" className={probe.data.ok ? 'muted' : 'bad'}>
              {probe.data.ok ? 'It can work' : 'It cannot work'}: {probe.data.detail}
            </p>
          )}
          {[probe, drain, remove].map((action, at) => (action.error ? <Fault key={at} error={action.error} /> : null))}
          <dl className="facts">
            <dt>Health</dt>
            <dd>
              {agent.health === null ? (
                <span className="muted">not checked yet</span>
              ) : (
                <>
                  {agent.health.detail}{' '}
                  <span className="muted">
                    (<When at={agent.health.at} />)
                  </span>
                </>
              )}
            </dd>
            <dt>Breaker</dt>
            <dd>
              {agent.breaker.state.replace('_', ' ')}
              <span className="muted">
                , {agent.breaker.calls} calls looked at
                {agent.breaker.failure_rate !== null && `, ${Math.round(agent.breaker.failure_rate * 100)} % failed`}
                {agent.breaker.opens_again_at !== null && `, tried again ${exactTime(agent.breaker.opens_again_at)}`}
              </span>
            </dd>
            <dt>Success</dt>
            <dd>
              <Success agent={agent} />
            </dd>
            <dt>Capabilities</dt>
            <dd>{agent.capabilities.join(', ') || <span className="muted">none</span>}</dd>
            <dt>At once</dt>
            <dd>{agent.concurrency}</dd>
            <dt>Timeout</dt>
            <dd>{agent.timeout}</dd>
            <dt>From</dt>
            <dd>{agent.source}</dd>
          </dl>
          {agent.current_tasks.length > 0 && (
            <div className="stack tight">
              <h3>Works on</h3>
              <ul className="stack tight">
                {agent.current_tasks.map((task) => (
                  <li key={`${task.run} ${task.task}`} className="cut">
                    <Link to="/console/runs/$id" params={{ id: task.run }}>
                      {task.task}
                    </Link>{' '}
                    <span className="muted small">{task.note}</span>
                  </li>
                ))}
              </ul>
            </div>
          )}
          {agent.instructions !== '' && (
            <div className="stack tight">
              <h3>Instructions</h3>
              <ValueView value={agent.instructions} label="Instructions" />
            </div>
          )}
          <div className="stack tight">
            <h3>Settings</h3>
            <ValueView value={agent.settings} label="Settings" />
          </div>
          {asking && (
            <Dialog title={`Remove ${agent.name}?`} onClose={() => setAsking(false)}>
              <p>Work in hand is finished first, then it is gone. Its part in past runs stays in their events.</p>
              <div className="row">
                <ActionButton
                  action={remove}
                  tone="danger"
                  onPress={() => {
                    setAsking(false)
                    remove.mutate({ agent: agent.name })
                  }}
                >
                  Remove
                </ActionButton>
                <button type="button" className="button" onClick={() => setAsking(false)}>
                  Keep it
                </button>
              </div>
            </Dialog>
          )}
        </>
      )}
    </aside>
  )
}
