/** The collective metrics with definition, sample and interval; one that cannot be told says what it needs. */
import { useQuery } from '@tanstack/react-query'
import { Loaded } from '../parts/states.tsx'
import type { Output } from '../server/client.ts'
import { metricsQuery } from '../server/queries.ts'

type Metrics = Output<'intelligence_metrics'>

const names: { [K in keyof Metrics]: string } = {
  coherence: 'Coherence',
  integration: 'Integration',
  emergence: 'Emergence: lift over the best single agent',
  diversity: 'Diversity',
  calibration: 'Calibration',
  system_state_level: 'System state level',
  agent_contributions: 'Agent contributions',
}

/** Emergence is what the collective gains over its best single member at equal cost: the control that counts. */
export function Collective() {
  const metrics = useQuery(metricsQuery)
  return (
    <section className="stack" aria-labelledby="collective">
      <div className="row wrap spread section-head">
        <h2 id="collective">Collective</h2>
        <span className="muted small">
          Of the last ended runs. None of these says that an answer is right; lift over a single agent is “Emergence”.
        </span>
      </div>
      <Loaded query={metrics}>
        {(all) => (
          <div className="metric-grid">
            {(Object.keys(names) as (keyof Metrics)[]).map((name) => (
              <Metric key={name} name={names[name]} metric={all[name]} />
            ))}
          </div>
        )}
      </Loaded>
    </section>
  )
}

function Metric({ name, metric }: { name: string; metric: Metrics[keyof Metrics] }) {
  const { value, range, n, interval, definition, reason } = metric
  const [least, most] = range ?? [0, 1]
  const at = (x: number) => Math.max(0, Math.min(100, ((x - least) / (most - least)) * 100))
  return (
    <section className="panel metric" aria-label={name}>
      <h3>{name}</h3>
      {value === null ? <span className="none">not enough data</span> : <span className="big">{value.toFixed(2)}</span>}
      <span className="interval" aria-hidden="true">
        {interval && <i style={{ left: `${at(interval[0])}%`, width: `${at(interval[1]) - at(interval[0])}%` }} />}
        {value !== null && <b style={{ left: `calc(${at(value)}% - 1px)` }} />}
      </span>
      <span className="row spread muted small">
        <span>{range ? least : ''}</span>
        <span>
          {interval === null ? 'no interval' : `95 %: ${interval[0].toFixed(2)} to ${interval[1].toFixed(2)}`}
          {`, n = ${n}`}
        </span>
        <span>{range ? most : ''}</span>
      </span>
      {reason !== null && <p>{reason}</p>}
      <p className="muted small">{definition}</p>
    </section>
  )
}
