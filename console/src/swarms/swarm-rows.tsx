/** Swarms as a list of any length. */
import { Link } from '@tanstack/react-router'
import { LongList } from '../parts/long-list.tsx'
import { RunFigureHeads, RunFigures, runTitle } from '../parts/run-rows.tsx'
import { Status } from '../parts/status.tsx'
import type { RunSummary } from '../server/queries.ts'

export function SwarmRows({ rows, more, fetchMore }: { rows: RunSummary[]; more: boolean; fetchMore: () => void }) {
  return (
    <div className="list">
      <div className="list-head swarm-columns" aria-hidden="true">
        <span>State</span>
        <span>Objective</span>
        <RunFigureHeads />
      </div>
      <LongList
        label="Swarms"
        rows={rows}
        height={40}
        more={more}
        fetchMore={fetchMore}
        row={(run, index) => (
          <Link to="/console/swarms/$id" params={{ id: run.id }} className="swarm-columns list-row" data-row={index}>
            <span>
              <Status state={run.status} />
            </span>
            <span className="cut" title={runTitle(run)}>
              {runTitle(run)}
            </span>
            <RunFigures run={run} />
          </Link>
        )}
      />
    </div>
  )
}
