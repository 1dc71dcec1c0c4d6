/** Runs as short rows: state, what it is for, since when. */
import { Link } from '@tanstack/react-router'
import type { RunSummary } from '../server/queries.ts'
import { Status } from './status.tsx'
import { Took, When } from './time.tsx'

export const runTitle = (run: { goal: string | null; definition_name?: string | null; id: string }): string =>
  run.goal ?? run.definition_name ?? run.id

export function RunRows({ runs, reasons = false }: { runs: RunSummary[]; reasons?: boolean }) {
  return (
    <ul className="rows">
      {runs.map((run) => (
        <li key={run.id}>
          <Link to="/console/runs/$id" params={{ id: run.id }} className="run-row">
            <Status state={run.status} />
            <span className="grow">
              <span className="cut block">{runTitle(run)}</span>
              {reasons && run.reason !== '' && <span className="muted small cut2">{run.reason}</span>}
            </span>
            <span className="muted small">
              {run.ended_at === null ? (
                <Took from={run.started_at ?? run.created_at} to={null} />
              ) : (
                <When at={run.ended_at} />
              )}
            </span>
          </Link>
        </li>
      ))}
    </ul>
  )
}
