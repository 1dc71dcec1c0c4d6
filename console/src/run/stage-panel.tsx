/** One stage: state, its decision with condition and values, votes, tasks, output. */
import { Link, useNavigate } from '@tanstack/react-router'
import type { Definition } from '../../../src/workflow/definition.ts'
import { ActionButton, useAction } from '../parts/action.tsx'
import { Fault } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { Took } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import type { Run } from '../server/queries.ts'
import { Iterations, Values, Ways } from './stage-decisions.tsx'
import { pathOf } from './stage-graph.ts'
import { writtenStage } from './written.ts'

export function StagePanel({
  run,
  address,
  definition,
  pick,
}: {
  run: Run
  address: string
  definition: Definition | undefined
  pick: (what: { stage: string } | { task: string }) => void
}) {
  const view = run.stages.find((stage) => stage.id === address)
  const written = definition && writtenStage(definition.stages, pathOf(address))
  const decisions = run.decisions.filter((decision) => pathOf(decision.stage) === pathOf(address))
  const same = run.stages.filter((stage) => pathOf(stage.id) === pathOf(address))
  return (
    <>
      <div className="row wrap">
        <Status state={view?.state ?? 'not yet'} />
        <span className="tag">{view?.kind ?? written?.kind}</span>
        {view && (
          <span className="muted small">
            <Took from={view.started_at} to={view.ended_at} />
          </span>
        )}
      </div>
      {view && <FromHere run={run} stage={view.id} />}
      {same.length > 1 && (
        <label className="field">
          <span>Which time</span>
          <select className="input" value={address} onChange={(event) => pick({ stage: event.target.value })}>
            {same.map(({ id, state }) => (
              <option key={id} value={id}>
                {id} ({state})
              </option>
            ))}
          </select>
        </label>
      )}
      {view?.reason && written?.kind !== 'decide' && written?.kind !== 'loop' && <p className="break">{view.reason}</p>}
      {written?.kind === 'decide' ? (
        <Ways stage={written} decision={decisions.findLast(({ kind }) => kind === 'decide')} />
      ) : written?.kind === 'loop' ? (
        <Iterations run={run} address={address} until={written.until} max={written.max} pick={pick} />
      ) : (
        decisions.map((decision) => (
          <div key={decision.seq} className="decision">
            <div className="row wrap">
              <strong>{decision.taken}</strong>
              {decision.then.length > 0 && <span className="muted">→ {decision.then.join(', ')}</span>}
            </div>
            {decision.when !== null && <code className="break">{decision.when}</code>}
            <p className="muted small break">{decision.reason}</p>
            <Values values={decision.inputs} />
          </div>
        ))
      )}
      {view?.vote && (
        <dl className="facts">
          <dt>Outcome</dt>
          <dd>
            {view.vote.winner ?? view.vote.status}: {view.vote.reason}
          </dd>
          <dt>Ballots</dt>
          <dd>
            {Object.entries(view.vote.counts)
              .map(([option, n]) => `${option} ${n}`)
              .join(', ')}
            ; {view.vote.valid} valid of {view.vote.eligible}
          </dd>
          <dt>Needed</dt>
          <dd>
            quorum {view.vote.quorum}, more than {view.vote.threshold} of the votes
          </dd>
        </dl>
      )}
      {view?.child && (
        <p>
          <Link to="/console/runs/$id" params={{ id: view.child }}>
            The run that it started
          </Link>
        </p>
      )}
      {view?.metrics && (
        <dl className="facts">
          <dt>Succeeded</dt>
          <dd>
            {view.metrics.succeeded} of {view.metrics.n}
          </dd>
          <dt>Agreement</dt>
          <dd>
            {view.metrics.agreement === null ? (
              <span className="muted">{view.metrics.agreement_reason ?? 'not measured'}</span>
            ) : (
              view.metrics.agreement.toFixed(2)
            )}
          </dd>
        </dl>
      )}
      {view && view.tasks.length > 0 && (
        <div className="stack tight">
          <h3>Tasks</h3>
          <ul className="stack tight">
            {view.tasks.map((task) => (
              <li key={task.address}>
                <button type="button" className="button plain wide-button" onClick={() => pick({ task: task.address })}>
                  <Status state={task.state} />
                  <span className="cut grow">{task.id}</span>
                  <span className="muted small cut">{task.agent}</span>
                </button>
              </li>
            ))}
          </ul>
        </div>
      )}
      {view && view.output !== null && (
        <div className="stack tight">
          <h3>Output</h3>
          <ValueView value={view.output} label="Output" />
        </div>
      )}
    </>
  )
}

/** A new run that keeps what came before this stage. */
function FromHere({ run, stage }: { run: Run; stage: string }) {
  const navigate = useNavigate()
  const retry = useAction('retry_run', ({ run_id }) => navigate({ to: '/console/runs/$id', params: { id: run_id } }))
  return (
    <div className="stack tight">
      <div className="row wrap">
        <ActionButton action={retry} onPress={() => retry.mutate({ id: run.id, stage })}>
          Retry from here
        </ActionButton>
        <Link to="/console/runs/$id/fork" params={{ id: run.id }} search={{ stage }} className="button">
          Fork from here …
        </Link>
      </div>
      <span className="muted small">Both make a new run; what came before is kept.</span>
      {retry.error && <Fault error={retry.error} />}
    </div>
  )
}
