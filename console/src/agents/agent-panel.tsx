/** One agent beside the list: what it is, how it is, what it works on. Its own page has its history. */
import { Link } from '@tanstack/react-router'
import { Interval } from '../parts/interval.tsx'
import { Empty } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { exactTime, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import type { Agent } from '../server/queries.ts'
import { AgentActions } from './agent-actions.tsx'

export function AgentPanel({ agent, name, onClose }: { agent: Agent | undefined; name: string; onClose: () => void }) {
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
          <AgentActions agent={agent} onGone={onClose}>
            <Link to="/console/agents/$agent" params={{ agent: agent.name }} className="button primary">
              Open
            </Link>
          </AgentActions>
          <AgentFacts agent={agent} />
        </>
      )}
    </aside>
  )
}

export function AgentFacts({ agent }: { agent: Agent }) {
  return (
    <>
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
        <dt>Success of late</dt>
        <dd>
          <Interval of={agent.performance} />
        </dd>
        <dt>Capabilities</dt>
        <dd>{agent.capabilities.join(', ') || <span className="muted">none</span>}</dd>
        <dt>At once</dt>
        <dd>{agent.concurrency}</dd>
        <dt>Time-out</dt>
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
                {task.run.startsWith('run_') ? (
                  <Link to="/console/runs/$id" params={{ id: task.run }}>
                    {task.task}
                  </Link>
                ) : (
                  'a try'
                )}{' '}
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
    </>
  )
}
