/** Runs as short rows: state, what it is for, since when. */
import { Link } from '@tanstack/react-router'
import type { RunSummary } from '../server/queries.ts'
import { Status } from './status.tsx'
import { count, Took, When } from './time.tsx'

export const runTitle = (run: { goal: string | null; definition_name?: string | null; id: string }): string =>
  run.goal ?? run.definition_name ?? run.id

/** What a run cost and when it began: the last columns of long lists, and their heads. */
export function RunFigureHeads() {
  return (
    <>
      <span className="wide num">Calls</span>
      <span className="wide num">Tokens</span>
      <span className="wide num">Took</span>
      <span className="num">Started</span>
    </>
  )
}

export function RunFigures({ run }: { run: RunSummary }) {
  return (
    <>
      <span className="wide num muted">{count(run.calls)}</span>
      <span className="wide num muted">{count(run.input_tokens + run.output_tokens)}</span>
      <span className="wide num muted">
        <Took from={run.started_at} to={run.ended_at} />
      </span>
      <span className="num muted">
        <When at={run.created_at} />
      </span>
    </>
  )
}

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
