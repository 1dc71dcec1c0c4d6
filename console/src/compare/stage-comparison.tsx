/** One stage of two runs: how it stood in each; opened, its output and every task side by side. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { ValueDiff } from '../parts/diff.tsx'
import { Status } from '../parts/status.tsx'
import { count, duration, tokens } from '../parts/time.tsx'
import { type Comparison, type Run, taskQuery } from '../server/queries.ts'
import type { CompareSearch } from './compare-search.ts'

type ComparedStage = Comparison['stages'][number]
type Task = Run['stages'][number]['tasks'][number]

export function StageComparison({
  a,
  b,
  compared,
  open,
  search,
}: {
  a: Run
  b: Run
  compared: ComparedStage
  open: boolean
  search: CompareSearch
}) {
  const { stage: _, ...closed } = search
  const sides = [compared.a, compared.b]
  return (
    <>
      <Link
        to="/console/runs/compare"
        search={open ? closed : { ...search, stage: compared.stage }}
        className="compare-stage"
        aria-expanded={open}
        resetScroll={false}
      >
        <span className="row">
          <span aria-hidden="true" className={open ? 'turn open' : 'turn'}>
            ›
          </span>
          <span className="grow">
            <strong className="cut block">{compared.stage}</strong>
            <span className="muted small">
              {compared.kind}
              {compared.same ? '' : compared.output_same ? ', another outcome' : ', another output'}
            </span>
          </span>
        </span>
        {sides.map((side, at) => (
          <span key={at === 0 ? 'a' : 'b'} className="compare-side">
            {side === null ? (
              <span className="muted">not in this run</span>
            ) : (
              <>
                <Status state={side.state} />
                <span className="muted small cut">
                  {[
                    side.duration_ms === null ? null : duration(side.duration_ms),
                    side.tokens === null ? null : side.tokens > 0 ? `${count(side.tokens)} tokens` : null,
                    side.agents.join(', '),
                  ]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
              </>
            )}
          </span>
        ))}
      </Link>
      {open && <Opened a={a} b={b} stage={compared.stage} />}
    </>
  )
}

function Opened({ a, b, stage }: { a: Run; b: Run; stage: string }) {
  const [one, two] = [a, b].map((run) => run.stages.find(({ id }) => id === stage))
  const ids = [...new Set([...(one?.tasks ?? []), ...(two?.tasks ?? [])].map(({ id }) => id))]
  return (
    <div className="body stack compare-open">
      {[one, two].map(
        (side, at) =>
          side?.reason && (
            <p key={at === 0 ? 'a' : 'b'} className="small break">
              <span className={`letter ${at === 0 ? 'left' : 'right'}`}>{at === 0 ? 'A' : 'B'}</span> {side.reason}
            </p>
          ),
      )}
      {ids.length === 0 && (
        <ValueDiff left={one?.output} right={two?.output} label={`Differences of the output of ${stage}`} />
      )}
      {ids.map((id) => (
        <TaskComparison
          key={id}
          id={id}
          a={a}
          b={b}
          one={one?.tasks.find((task) => task.id === id)}
          two={two?.tasks.find((task) => task.id === id)}
        />
      ))}
    </div>
  )
}

function TaskComparison({
  id,
  a,
  b,
  one,
  two,
}: {
  id: string
  a: Run
  b: Run
  one: Task | undefined
  two: Task | undefined
}) {
  const [asked, setAsked] = useState(false)
  const sides = [
    { run: a, task: one },
    { run: b, task: two },
  ]
  return (
    <section className="stack tight" aria-label={`Task ${id}`}>
      <h3>Task {id}</h3>
      <div className="compare-pair">
        {sides.map(({ run, task }, at) => (
          <div key={at === 0 ? 'a' : 'b'} className="decision">
            <div className="row wrap">
              <span className={`letter ${at === 0 ? 'left' : 'right'}`}>{at === 0 ? 'A' : 'B'}</span>
              {task === undefined ? (
                <span className="muted">not in this run</span>
              ) : (
                <>
                  <Status state={task.state} />
                  <Link to="/console/runs/$id" params={{ id: run.id }} search={{ task: task.address }}>
                    {task.agent ?? 'no agent'}
                  </Link>
                  <span className="muted small">{task.model}</span>
                </>
              )}
            </div>
            {task && (
              <span className="muted small">
                {task.duration_ms === null ? 'still at it' : duration(task.duration_ms)} ·{' '}
                {task.input_tokens === null && task.output_tokens === null
                  ? 'tokens not reported'
                  : tokens(task.input_tokens, task.output_tokens)}{' '}
                · {task.attempts.length} {task.attempts.length === 1 ? 'attempt' : 'attempts'}
              </span>
            )}
            {task?.failure && <span className="bad small break">{task.failure.message}</span>}
          </div>
        ))}
      </div>
      {one && two && (
        <>
          <span className="label">Output</span>
          <ValueDiff left={one.output} right={two.output} label={`Differences of the output of ${id}`} />
          {asked ? (
            <Asked a={a} b={b} one={one} two={two} />
          ) : (
            <div>
              <button type="button" className="link" onClick={() => setAsked(true)}>
                What they were asked
              </button>
            </div>
          )}
        </>
      )}
    </section>
  )
}

function Asked({ a, b, one, two }: { a: Run; b: Run; one: Task; two: Task }) {
  const left = useQuery(taskQuery(a.id, one.address, one.attempts.length))
  const right = useQuery(taskQuery(b.id, two.address, two.attempts.length))
  if (left.isPending || right.isPending) return <p className="muted small">Folding their logs …</p>
  if (!left.data || !right.data) return <p className="muted small">Their logs do not say any more.</p>
  return (
    <>
      <span className="label">Instructions</span>
      <ValueDiff
        left={left.data.instructions}
        right={right.data.instructions}
        label="Differences of the instructions"
      />
      <span className="label">Input</span>
      <ValueDiff left={left.data.input} right={right.data.input} label="Differences of the input" />
    </>
  )
}
