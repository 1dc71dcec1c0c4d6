/** What was done over time, by whom, and the collective metrics; each with its sample, and what it still needs. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { RangeChoice } from '../charts/range-choice.tsx'
import { LatencyChart, RunChart, SuccessChart, TaskChart, TokenChart } from '../charts/usage-charts.tsx'
import { Interval } from '../parts/interval.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { count, duration } from '../parts/time.tsx'
import { type OverTime, overTimeQuery } from '../server/queries.ts'
import { Collective } from './collective.tsx'
import type { MetricsSearch } from './metrics-search.ts'

export function MetricsPage({ search }: { search: MetricsSearch }) {
  const navigate = useNavigate()
  const { range = '7d', by = 'agent', agent } = search
  const usage = useQuery(overTimeQuery({ range, by, points: false, groups: 50, ...(agent !== undefined && { agent }) }))
  const go = (next: MetricsSearch) => void navigate({ to: '/console/metrics', search: next, replace: true })
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <div className="filters">
        <RangeChoice range={range} onRange={(next) => go({ ...search, range: next })} />
        <fieldset className="chips" aria-label="Told apart by">
          <button
            type="button"
            className="chip"
            aria-pressed={by === 'agent'}
            onClick={() => go({ ...(search.range && { range }), ...(agent && { agent }) })}
          >
            by agent
          </button>
          <button
            type="button"
            className="chip"
            aria-pressed={by === 'model'}
            onClick={() => go({ ...search, by: 'model' })}
          >
            by model
          </button>
        </fieldset>
        {agent !== undefined && (
          <button
            type="button"
            className="chip"
            aria-pressed="true"
            onClick={() => go({ ...(search.range && { range }), ...(search.by && { by: 'model' }) })}
          >
            {agent} <span aria-hidden="true">✕</span>
            <span className="sr">, show all agents</span>
          </button>
        )}
      </div>
      <section className="content" tabIndex={0} aria-label="Metrics">
        <div className="stack">
          <Loaded query={usage} lines={12}>
            {(all) => (
              <>
                <div className="charts">
                  {agent === undefined && <RunChart {...all} />}
                  <TaskChart {...all} />
                  <SuccessChart {...all} />
                  <LatencyChart {...all} />
                  <TokenChart {...all} />
                </div>
                <Groups groups={all.groups} leftOut={all.groups_left_out} by={by} />
              </>
            )}
          </Loaded>
          <Collective />
        </div>
      </section>
    </main>
  )
}

function Groups({ groups, leftOut, by }: { groups: OverTime['groups']; leftOut: number; by: 'agent' | 'model' }) {
  const most = Math.max(1, ...groups.map(({ totals }) => totals.input_tokens + totals.output_tokens))
  return (
    <section className="panel" aria-label={`By ${by}`}>
      <header>
        <h2>{by === 'agent' ? 'By agent' : 'By model'}</h2>
        {leftOut > 0 && <span className="muted small">{count(leftOut)} more with fewer calls</span>}
      </header>
      {groups.length === 0 ? (
        <Empty title={by === 'agent' ? 'No agent finished a task in this time' : 'No model was named in this time'}>
          <p>Each attempt of a task is counted here when it ends. Choose a longer range, or start a run.</p>
        </Empty>
      ) : (
        <section className="scroll-x" tabIndex={0} aria-label={`Sums by ${by}`}>
          <table className="table">
            <thead>
              <tr>
                <th>{by === 'agent' ? 'Agent' : 'Model'}</th>
                <th className="num">Calls</th>
                <th>Success</th>
                <th className="num">n</th>
                <th className="num">p50</th>
                <th className="num">p95</th>
                <th className="num">Tokens</th>
                <th>
                  <span className="sr">Share of tokens</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {groups.map(({ name, totals }) => {
                const tokens = totals.input_tokens + totals.output_tokens
                return (
                  <tr key={name}>
                    <td>
                      {by === 'agent' ? (
                        <Link
                          to="/console/agents/$agent"
                          params={{ agent: name }}
                          className="cut name-cell"
                          title={name}
                        >
                          {name}
                        </Link>
                      ) : (
                        <span className="cut name-cell" title={name}>
                          {name}
                        </span>
                      )}
                    </td>
                    <td className="num">{count(totals.calls)}</td>
                    <td>
                      <Interval of={totals.success} />
                    </td>
                    <td className="num muted">{count(totals.success.n)}</td>
                    <td className="num">
                      {totals.p50_ms === null ? <TooFew n={totals.durations} /> : duration(totals.p50_ms)}
                    </td>
                    <td className="num">
                      {totals.p95_ms === null ? <TooFew n={totals.durations} /> : duration(totals.p95_ms)}
                    </td>
                    <td className="num">
                      {tokens === 0 && totals.unknown_usage > 0 ? (
                        <span className="muted">not reported</span>
                      ) : (
                        count(tokens)
                      )}
                    </td>
                    <td className="share-cell">
                      <span className="share" aria-hidden="true">
                        <i style={{ width: `${(tokens / most) * 100}%` }} />
                      </span>
                    </td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </section>
      )}
    </section>
  )
}

const TooFew = ({ n: { n, needs } }: { n: { n: number; needs: number } }) => (
  <span className="muted" title={`not enough data: needs ${needs}, has ${n}`}>
    <span aria-hidden="true">–</span>
    <span className="sr">
      not enough data: needs {needs}, has {n}
    </span>
  </span>
)
