/** Swarms as a list of any length. */
import { Link } from '@tanstack/react-router'
import { useLongList } from '../parts/long-list.ts'
import { runTitle } from '../parts/run-rows.tsx'
import { Status } from '../parts/status.tsx'
import { count, Took, When } from '../parts/time.tsx'
import type { RunSummary } from '../server/queries.ts'

const ROW = 40

export function SwarmRows({ rows, more, fetchMore }: { rows: RunSummary[]; more: boolean; fetchMore: () => void }) {
  const { scroller, items, total, onKeyDown } = useLongList({ rows: rows.length, height: ROW, more, fetchMore })
  return (
    <div className="list">
      <div className="list-head swarm-columns" aria-hidden="true">
        <span>State</span>
        <span>Objective</span>
        <span className="wide num">Calls</span>
        <span className="wide num">Tokens</span>
        <span className="wide num">Took</span>
        <span className="num">Started</span>
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: arrow keys move between the links of the list */}
      <div ref={scroller} className="list-body" onKeyDown={onKeyDown}>
        <ul style={{ height: total, position: 'relative' }} aria-label="Swarms">
          {items.map((item) => {
            const run = rows[item.index] as RunSummary
            return (
              <li key={run.id} className="virtual" style={{ transform: `translateY(${item.start}px)`, height: ROW }}>
                <Link
                  to="/console/swarms/$id"
                  params={{ id: run.id }}
                  className="swarm-columns list-row"
                  data-row={item.index}
                >
                  <span>
                    <Status state={run.status} />
                  </span>
                  <span className="cut" title={runTitle(run)}>
                    {runTitle(run)}
                  </span>
                  <span className="wide num muted">{count(run.calls)}</span>
                  <span className="wide num muted">{count(run.input_tokens + run.output_tokens)}</span>
                  <span className="wide num muted">
                    <Took from={run.started_at} to={run.ended_at} />
                  </span>
                  <span className="num muted">
                    <When at={run.created_at} />
                  </span>
                </Link>
              </li>
            )
          })}
        </ul>
      </div>
    </div>
  )
}
