/** Two runs side by side: where they part, then inputs, definition, stages with their tasks, decisions and result. */
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate } from '@tanstack/react-router'
import { useEffect, useRef, useState } from 'react'
import { DefinitionChanges } from '../definitions/definition-changes.tsx'
import { ValueDiff } from '../parts/diff.tsx'
import { runTitle } from '../parts/run-rows.tsx'
import { Empty, Fault, Loading } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, duration, exactTime } from '../parts/time.tsx'
import { type Comparison, compareQuery, type Run, runQuery } from '../server/queries.ts'
import type { CompareSearch } from './compare-search.ts'
import { RunPicker } from './run-picker.tsx'
import { StageComparison } from './stage-comparison.tsx'

type Side = 'left' | 'right'
const letters: Record<Side, string> = { left: 'A', right: 'B' }

export function Compare({ search }: { search: CompareSearch }) {
  const navigate = useNavigate()
  const { left = '', right = '' } = search
  const a = useQuery({ ...runQuery(left), enabled: left !== '' })
  const b = useQuery({ ...runQuery(right), enabled: right !== '' })
  const compared = useQuery(compareQuery(left, right))
  const [picking, setPicking] = useState<Side | null>(null)
  const choose = (side: Side, run: string) => {
    setPicking(null)
    const { stage: _, ...kept } = search
    return navigate({ to: '/console/runs/compare', search: { ...kept, [side]: run } })
  }
  const heads = { left: { id: left, query: a }, right: { id: right, query: b } }
  const error = a.error ?? b.error ?? compared.error
  return (
    <main id="content" className="content whole" tabIndex={-1}>
      <div className="stage-area">
        <div className="compare-heads">
          {(['left', 'right'] as const).map((side) => (
            <RunCard
              key={side}
              side={side}
              id={heads[side].id}
              run={heads[side].query.data}
              onPick={() => setPicking(side)}
            />
          ))}
          {left !== '' && right !== '' && (
            <Link
              to="/console/runs/compare"
              search={{ ...search, left: right, right: left }}
              className="button swap"
              aria-label="Swap A and B"
              title="Swap A and B"
            >
              ⇄
            </Link>
          )}
        </div>
        {left === '' || right === '' ? (
          <Empty title="Choose a second run">
            <p>
              Two runs are laid side by side: where they part for the first time, and what each stage made and took.
            </p>
            <button type="button" className="button primary" onClick={() => setPicking(left === '' ? 'left' : 'right')}>
              Choose a run
            </button>
          </Empty>
        ) : left === right ? (
          <Empty title="Both sides are the same run">
            <p>Choose another run for one of them.</p>
          </Empty>
        ) : error ? (
          <div className="body-pad">
            <Fault error={error} />
          </div>
        ) : a.data && b.data && compared.data ? (
          <Compared a={a.data} b={b.data} found={compared.data} search={search} />
        ) : (
          <Loading />
        )}
      </div>
      {picking && (
        <RunPicker
          title={`Run ${letters[picking]}`}
          other={picking === 'left' ? b.data : a.data}
          onClose={() => setPicking(null)}
          onPick={(run) => void choose(picking, run)}
        />
      )}
    </main>
  )
}

function RunCard({ side, id, run, onPick }: { side: Side; id: string; run: Run | undefined; onPick: () => void }) {
  return (
    <section className="panel compare-card" aria-label={`Run ${letters[side]}`}>
      <div className="row spread">
        <div className="row grow">
          <span className={`letter ${side}`}>{letters[side]}</span>
          {run && <Status state={run.status} />}
        </div>
        <button type="button" className="button" onClick={onPick}>
          {id === '' ? 'Choose' : 'Another'}
        </button>
      </div>
      {run ? (
        <>
          <Link to="/console/runs/$id" params={{ id: run.id }} className="cut2 compare-title">
            {runTitle({ ...run, definition_name: run.definition?.name ?? null })}
          </Link>
          <span className="muted small cut" title={run.id}>
            {run.started_at === null ? 'not started' : exactTime(run.started_at)} ·{' '}
            <span className="mono">{run.id.slice(-12)}</span>
          </span>
        </>
      ) : (
        <span className="muted">{id === '' ? 'none chosen yet' : '…'}</span>
      )}
    </section>
  )
}

function Compared({ a, b, found, search }: { a: Run; b: Run; found: Comparison; search: CompareSearch }) {
  return (
    <div className="stack compare-body">
      <Verdict found={found} search={search} />
      <Figures a={a} b={b} />
      <Inputs a={a} b={b} found={found} />
      {!found.definition.same && (
        <section className="panel" aria-label="Definition">
          <header>
            <h2>Definition</h2>
            {found.definition.a && found.definition.b && (
              <Link
                to="/console/definitions"
                search={{
                  definition: found.definition.b,
                  view: 'versions',
                  old: found.definition.a,
                  now: found.definition.b,
                  as: 'text',
                }}
              >
                Side by side
              </Link>
            )}
          </header>
          <DefinitionChanges changes={found.definition.changes} />
        </section>
      )}
      <Stages a={a} b={b} found={found} search={search} />
      <Decisions found={found} />
      <section className="panel" aria-label="Result">
        <header>
          <h2>Result</h2>
          <SameMark same={found.result.same} />
        </header>
        <div className="body">
          <ValueDiff left={a.result} right={b.result} label="Differences of the results" />
        </div>
      </section>
    </div>
  )
}

export const SameMark = ({ same }: { same: boolean }) => (
  <span className={same ? 'muted small' : 'differs small'}>{same ? 'the same' : 'differs'}</span>
)

const whats: Record<string, string> = {
  definition: 'in their definitions only',
  inputs: 'before anything was done: in their inputs',
  result: 'in their results',
}

function Verdict({ found, search }: { found: Comparison; search: CompareSearch }) {
  const at = found.parts_at
  return (
    <p className={`verdict ${found.same ? 'good' : 'warn'}`} role="status">
      {at === null ? (
        <strong>They did the same: same inputs, stages, decisions and result. Only time and cost may differ.</strong>
      ) : (
        <>
          <strong>
            {found.same ? 'They did the same. They differ ' : 'They part '}
            {at.stage === null ? (
              whats[at.what]
            ) : (
              <>
                at{' '}
                <Link to="/console/runs/compare" search={{ ...search, stage: at.stage }}>
                  {at.stage}
                </Link>
              </>
            )}
          </strong>
          <span className="cut2" title={at.detail}>
            {at.detail}
          </span>
        </>
      )}
    </p>
  )
}

const reported = (cost: Run['cost'], tokens: number): string =>
  cost.unknown_usage === 0
    ? count(tokens)
    : tokens === 0
      ? 'not reported'
      : `${count(tokens)}, and what ${count(cost.unknown_usage)} calls did not report`

function Figures({ a, b }: { a: Run; b: Run }) {
  const facts: [name: string, of: (run: Run) => string, number?: (run: Run) => number | null][] = [
    ['State', (run) => run.status],
    [
      'Took',
      ({ cost }) => (cost.duration_ms === null ? '–' : duration(cost.duration_ms)),
      (run) => run.cost.duration_ms,
    ],
    ['Calls', ({ cost }) => count(cost.calls), (run) => run.cost.calls],
    [
      'Tokens in',
      ({ cost }) => reported(cost, cost.input_tokens),
      ({ cost }) => (cost.unknown_usage > 0 ? null : cost.input_tokens),
    ],
    [
      'Tokens out',
      ({ cost }) => reported(cost, cost.output_tokens),
      ({ cost }) => (cost.unknown_usage > 0 ? null : cost.output_tokens),
    ],
    ['Failed attempts', ({ counts }) => count(counts.tasks_failed), (run) => run.counts.tasks_failed],
  ]
  return (
    <section className="panel scroll-x" aria-label="Figures">
      <table className="table compare-figures">
        <thead>
          <tr>
            <th scope="col">Figure</th>
            <th scope="col">A</th>
            <th scope="col">B</th>
            <th scope="col">B to A</th>
          </tr>
        </thead>
        <tbody>
          {facts.map(([name, of, number]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{of(a)}</td>
              <td>{of(b)}</td>
              <td className="muted">{number ? changeOf(number(a), number(b)) : ''}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function changeOf(from: number | null, to: number | null): string {
  if (from === null || to === null) return ''
  if (from === to) return 'same'
  if (from === 0) return `+${count(to)}`
  const share = Math.round((to / from - 1) * 100)
  if (share === 0) return 'about the same'
  return to > 2 * from ? `${(to / from).toFixed(1)} times` : `${share > 0 ? '+' : '−'}${Math.abs(share)} %`
}

function Inputs({ a, b, found }: { a: Run; b: Run; found: Comparison }) {
  const given = (run: Run): Record<string, unknown> => ({ ...(run.goal !== null && { goal: run.goal }), ...run.inputs })
  const [left, right] = [given(a), given(b)]
  const different = found.inputs.filter(({ same }) => !same)
  return (
    <section className="panel" aria-label="Inputs">
      <header>
        <h2>Inputs</h2>
        <SameMark same={different.length === 0} />
      </header>
      {found.inputs.length === 0 ? (
        <p className="body muted">Neither was given any.</p>
      ) : different.length === 0 ? (
        <p className="body muted small">{found.inputs.map(({ name }) => name).join(', ')}</p>
      ) : (
        <div className="body stack">
          {different.map(({ name }) => (
            <div key={name} className="stack tight">
              <h3 className="mono">{name}</h3>
              <ValueDiff left={left[name]} right={right[name]} label={`Differences of the input ${name}`} />
            </div>
          ))}
        </div>
      )}
    </section>
  )
}

function Stages({ a, b, found, search }: { a: Run; b: Run; found: Comparison; search: CompareSearch }) {
  const differing = found.stages.filter(({ same }) => !same).length
  const shown = found.stages.filter(({ same, stage }) => search.all || !same || stage === search.stage)
  const opened = useRef<HTMLLIElement>(null)
  useEffect(() => {
    if (search.stage !== undefined) opened.current?.scrollIntoView({ block: 'nearest' })
  }, [search.stage])
  const { all: _, ...rest } = search
  return (
    <section className="panel" aria-label="Stages">
      <header>
        <h2>
          Stages <span className="muted small">{`${differing} of ${found.stages.length} differ`}</span>
        </h2>
        <Link to="/console/runs/compare" search={search.all ? rest : { ...search, all: true }} className="button">
          {search.all ? 'Only those that differ' : 'Show all'}
        </Link>
      </header>
      {shown.length === 0 ? (
        <p className="body muted">
          {found.stages.length === 0
            ? 'No stage has begun in either.'
            : 'Every stage ended alike, with the same output.'}
        </p>
      ) : (
        <ol className="rows">
          {shown.map((stage) => (
            <li key={stage.stage} ref={stage.stage === search.stage ? opened : null}>
              <StageComparison a={a} b={b} compared={stage} open={stage.stage === search.stage} search={search} />
            </li>
          ))}
        </ol>
      )}
      {(found.left_out as { stages: number }).stages > 0 && (
        <p className="body muted small">
          {count((found.left_out as { stages: number }).stages)} more stages are not compared here; the API has the
          events.
        </p>
      )}
    </section>
  )
}

function Decisions({ found }: { found: Comparison }) {
  if (found.decisions.length === 0) return null
  return (
    <section className="panel" aria-label="Decisions that went another way">
      <header>
        <h2>Decisions that went another way</h2>
      </header>
      <ol className="rows">
        {found.decisions.map(({ stage, kind, a, b }) => (
          <li key={`${stage} ${kind} ${String(a?.seq ?? b?.seq)}`} className="body stack tight">
            <strong>{stage === '' ? kind : stage}</strong>
            <div className="compare-pair">
              {[a, b].map((side, at) => (
                <div key={at === 0 ? 'a' : 'b'} className="decision">
                  {side === null ? (
                    <span className="muted">no such decision</span>
                  ) : (
                    <>
                      <span>
                        <span className={`letter ${at === 0 ? 'left' : 'right'}`}>{at === 0 ? 'A' : 'B'}</span>{' '}
                        <strong>{side.taken}</strong>
                        {side.then.length > 0 && <span className="muted"> → {side.then.join(', ')}</span>}
                      </span>
                      {typeof side.when === 'string' && <code className="break">{side.when}</code>}
                      <span className="muted small break">{side.reason}</span>
                      <Values values={side.inputs} />
                    </>
                  )}
                </div>
              ))}
            </div>
          </li>
        ))}
      </ol>
    </section>
  )
}

const Values = ({ values }: { values: Record<string, unknown> }) => (
  <dl className="facts">
    {Object.entries(values).map(([name, value]) => (
      <div key={name} className="contents">
        <dt className="mono">{name}</dt>
        <dd className="mono">{JSON.stringify(value)}</dd>
      </div>
    ))}
  </dl>
)
