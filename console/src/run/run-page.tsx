/** One run: what it is for, how it stands, what it asks; then as graph, timeline, event log or result. */
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { lazy, Suspense, useCallback, useState } from 'react'
import type { Definition } from '../../../src/workflow/definition.ts'
import { ApprovalCard, EffectCard } from '../approvals/question-card.tsx'
import { ActionButton, useAction } from '../parts/action.tsx'
import { runTitle } from '../parts/run-rows.tsx'
import { Empty, Fault, Loaded, Loading } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, Took, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import { hasEnded } from '../runs/run-search.ts'
import { definitionQuery, eventsQuery, type Run, runQuery } from '../server/queries.ts'
import { EventLog } from './event-log.tsx'
import { RunBudget } from './run-budget.tsx'
import { RunMore } from './run-more.tsx'
import { type RunPageSearch, type RunView, runViews } from './run-search.ts'
import { StagePanel } from './stage-panel.tsx'
import { TaskPanel } from './task-panel.tsx'
import { Timeline } from './timeline.tsx'

/** Fetched beside the run, not after it: it is what one sees first. */
const graphCode = import('./run-graph.tsx')
graphCode.catch(() => undefined)
const RunGraph = lazy(() => graphCode.then(({ RunGraph }) => ({ default: RunGraph })))

const viewNames: Record<RunView, string> = { graph: 'Graph', timeline: 'Timeline', events: 'Events', result: 'Result' }

export function RunPage({ id, search }: { id: string; search: RunPageSearch }) {
  const run = useQuery(runQuery(id))
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      {run.data ? (
        <Whole run={run.data} search={search} />
      ) : run.error ? (
        <div className="body-pad">
          <Fault error={run.error} again={run.refetch} />
        </div>
      ) : (
        <Loading />
      )}
    </main>
  )
}

function Whole({ run, search }: { run: Run; search: RunPageSearch }) {
  const navigate = useNavigate()
  const client = useQueryClient()
  const view = search.view ?? 'graph'
  const definition = useQuery(definitionQuery(run.definition?.hash ?? ''))
  const log = useQuery(eventsQuery(client, run.id))
  const written = definition.data?.definition as Definition | undefined
  const pick = useCallback(
    (what: { stage: string } | { task: string } | null) =>
      void navigate({
        to: '/console/runs/$id',
        params: { id: run.id },
        search: { ...(search.view && { view: search.view }), ...what },
      }),
    [navigate, run.id, search.view],
  )
  const task = run.stages.flatMap((stage) => stage.tasks).find(({ address }) => address === search.task)
  const ended = hasEnded(run.status)
  return (
    <>
      <Head run={run} />
      {(run.approvals.length > 0 || run.effect_questions.length > 0) && (
        <div className="questions">
          {run.approvals.map((approval) => (
            <ApprovalCard key={approval.approval} run={run} approval={approval} />
          ))}
          {run.effect_questions.map((effect) => (
            <EffectCard key={effect.task} run={run} effect={effect} />
          ))}
        </div>
      )}
      <nav className="tabs" aria-label="Views of the run">
        {runViews.map((one) => (
          <Link
            key={one}
            to="/console/runs/$id"
            params={{ id: run.id }}
            search={one === 'graph' ? {} : { view: one }}
            aria-current={one === view ? 'page' : undefined}
            // Without this the router would call every view of the run the current one.
            activeOptions={{ exact: true, includeSearch: true }}
          >
            {viewNames[one]}
          </Link>
        ))}
      </nav>
      <div className="split">
        <div className="stage-area">
          {view === 'graph' &&
            (run.definition === null ? (
              <Planning run={run} />
            ) : (
              <Loaded query={definition}>
                {() => (
                  <Suspense fallback={<Loading />}>
                    <RunGraph
                      definition={written as Definition}
                      run={run}
                      selected={search.stage ?? search.task}
                      pick={pick}
                    />
                  </Suspense>
                )}
              </Loaded>
            ))}
          {view === 'timeline' && <Timeline run={run} pick={pick} />}
          {view === 'events' && (
            <Loaded query={log}>{(seen) => <EventLog run={run.id} log={seen} ended={ended} />}</Loaded>
          )}
          {view === 'result' && <Result run={run} ended={ended} />}
        </div>
        {view !== 'events' && view !== 'result' && (search.stage !== undefined || search.task !== undefined) && (
          <aside className="detail" aria-label="Details">
            <div className="row spread">
              <h2 className="cut">{search.task ?? search.stage}</h2>
              <button type="button" className="button plain" onClick={() => pick(null)} aria-label="Close details">
                ✕
              </button>
            </div>
            {task ? (
              <TaskPanel run={run} task={task} definition={written} log={log.data} />
            ) : search.stage !== undefined ? (
              <StagePanel run={run} address={search.stage} definition={written} pick={pick} />
            ) : (
              <Empty title="This task is not shown any more">
                <p>{run.left_out?.hint ?? 'It has not begun, or the run has no such task.'}</p>
              </Empty>
            )}
          </aside>
        )}
      </div>
    </>
  )
}

/** A fork begins anew unless one says from where. */
const firstOf = (run: Run) => (run.stages[0] && run.left_out === null ? { stage: run.stages[0].id } : {})

function Head({ run }: { run: Run }) {
  const [more, setMore] = useState(false)
  const cancel = useAction('cancel_run')
  const pause = useAction('pause_run')
  const resume = useAction('resume_run')
  const ended = hasEnded(run.status)
  const title = runTitle({ ...run, definition_name: run.definition?.name ?? null })
  const error = cancel.error ?? pause.error ?? resume.error
  return (
    <div className="run-head">
      <div className="row spread wrap-phone">
        <div className="row grow">
          <Status state={run.status} />
          <h2 className="run-title cut2" title={title}>
            {title}
          </h2>
        </div>
        <div className="row">
          {!ended && run.status !== 'paused' && (
            <ActionButton action={pause} onPress={() => pause.mutate({ id: run.id })}>
              Pause
            </ActionButton>
          )}
          {run.status === 'paused' && (
            <ActionButton action={resume} onPress={() => resume.mutate({ id: run.id })}>
              Resume
            </ActionButton>
          )}
          {!ended && (
            <ActionButton action={cancel} tone="danger" onPress={() => cancel.mutate({ id: run.id })}>
              Cancel run
            </ActionButton>
          )}
          <Link to="/console/runs/$id/fork" params={{ id: run.id }} search={firstOf(run)} className="button">
            Fork
          </Link>
          <Link to="/console/runs/compare" search={{ left: run.id }} className="button">
            Compare
          </Link>
          <button type="button" className="button" onClick={() => setMore(true)}>
            More …
          </button>
        </div>
      </div>
      {run.reason !== '' && <p className={run.status === 'failed' ? 'bad break' : 'muted break'}>{run.reason}</p>}
      <ul className="run-facts muted small">
        <li>
          started <When at={run.started_at ?? run.created_at} />
        </li>
        <li>
          took <Took from={run.started_at} to={run.ended_at} />
        </li>
        <li>
          {count(run.cost.calls)} calls
          {run.cost.shared && `, ${count(run.cost.shared.calls)} of them before the fork`}
        </li>
        <li>
          {run.cost.input_tokens + run.cost.output_tokens === 0 && run.cost.unknown_usage > 0 ? (
            'tokens not reported'
          ) : (
            <>
              {count(run.cost.input_tokens)} tokens in, {count(run.cost.output_tokens)} out
              {run.cost.unknown_usage > 0 && `, ${count(run.cost.unknown_usage)} calls not reported`}
              {run.cost.shared &&
                `, ${count(run.cost.shared.input_tokens + run.cost.shared.output_tokens)} of them before the fork`}
            </>
          )}
        </li>
        <li>
          {run.counts.tasks_completed} of {run.counts.tasks} tasks done
          {run.counts.tasks_failed > 0 && `, ${run.counts.tasks_failed} failed attempts`}
        </li>
        {run.definition && (
          <li>
            <Link to="/console/definitions" search={{ definition: run.definition.hash }} title={run.definition.reason}>
              {run.definition.name ?? 'definition'}
            </Link>
          </li>
        )}
        {run.forked_from && (
          <li>
            forked from{' '}
            <Link to="/console/runs/$id" params={{ id: run.forked_from.run }}>
              another run
            </Link>{' '}
            after event {count(run.forked_from.seq)},{' '}
            <Link to="/console/runs/compare" search={{ left: run.forked_from.run, right: run.id }}>
              compare them
            </Link>
          </li>
        )}
        {run.parent && (
          <li>
            <Link to="/console/runs/$id" params={{ id: run.parent.run }}>
              part of another run
            </Link>
          </li>
        )}
        <li className="mono">{run.id}</li>
      </ul>
      <RunBudget run={run} />
      {run.left_out && (
        <p className="muted small">
          {run.left_out.stages} stages are not shown: {run.left_out.hint}
        </p>
      )}
      {error && <Fault error={error} />}
      {more && <RunMore run={run} onClose={() => setMore(false)} />}
    </div>
  )
}

function Planning({ run }: { run: Run }) {
  return (
    <div className="stack body-pad narrow">
      {hasEnded(run.status) ? (
        <Empty title="There is no plan">
          <p>{run.reason}</p>
        </Empty>
      ) : (
        <Empty title="The plan is being made">
          <p>The graph appears as soon as a plan has passed its check.</p>
        </Empty>
      )}
      {run.plan.map((plan) => (
        <div key={`${plan.attempt} ${plan.source}`} className="decision">
          <div className="row wrap">
            <Status state={plan.accepted ? 'completed' : 'failed'} label={plan.accepted ? 'accepted' : 'refused'} />
            <strong>
              Attempt {plan.attempt}, {plan.source}
            </strong>
            <span className="muted">{plan.model}</span>
          </div>
          {plan.analysis !== null && <p className="break">{plan.analysis}</p>}
          {plan.problems.map((problem) => (
            <p key={problem} className="bad small break">
              {problem}
            </p>
          ))}
          {plan.failure && <p className="bad small break">{plan.failure.message}</p>}
        </div>
      ))}
    </div>
  )
}

function Result({ run, ended }: { run: Run; ended: boolean }) {
  return (
    <div className="stack body-pad result">
      {ended ? (
        <>
          <h3>Result</h3>
          <ValueView value={run.result} label="Result" />
        </>
      ) : (
        <Empty title="There is no result yet">
          <p>It appears here when the run has ended.</p>
        </Empty>
      )}
      {run.success.length > 0 && (
        <>
          <h3>Success conditions</h3>
          <ul className="stack tight">
            {run.success.map((one) => (
              <li key={one.id} className="row wrap">
                <Status
                  state={one.met === true ? 'completed' : one.met === false ? 'failed' : 'skipped'}
                  label={one.met === true ? 'met' : one.met === false ? 'not met' : 'unknown'}
                />
                <strong>{one.id}</strong>
                <span className="muted">{one.reason}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>Inputs</h3>
      <ValueView value={run.inputs} label="Inputs" />
    </div>
  )
}
