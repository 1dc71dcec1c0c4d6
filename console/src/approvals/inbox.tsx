/** Everything that waits for a person, the most urgent first; j and k move, the buttons of each answer it. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type KeyboardEvent, useRef } from 'react'
import { runTitle } from '../parts/run-rows.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { exactTime, When } from '../parts/time.tsx'
import { type Question, questionsQuery } from '../server/queries.ts'
import { ApprovalCard, EffectCard } from './question-card.tsx'
import { SignalCard } from './signal-card.tsx'

export function Inbox() {
  const questions = useQuery(questionsQuery)
  const list = useRef<HTMLUListElement>(null)
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { j: 1, k: -1 }[event.key]
    const on = document.activeElement
    if (step === undefined || on instanceof HTMLInputElement || on instanceof HTMLTextAreaElement) return
    const cards = [...(list.current?.querySelectorAll<HTMLElement>('[data-question]') ?? [])]
    const at = cards.findIndex((card) => card.contains(on))
    cards[Math.max(0, Math.min(cards.length - 1, at + step))]?.focus()
  }
  return (
    <main id="content" className="content" tabIndex={0} onKeyDown={onKeyDown}>
      <Loaded query={questions}>
        {({ items, total, runs_left_out }) =>
          items.length === 0 ? (
            <Empty title="Nothing waits for you">
              <p>
                A stage of kind <code>approval</code> asks here before a run goes on, with a deadline and what counts
                when nobody answers. So does a task whose effect was interrupted and may or may not have happened, and a
                stage of kind <code>wait</code> that needs a signal.
              </p>
              <Link to="/console/runs" className="button">
                See the runs
              </Link>
            </Empty>
          ) : (
            <div className="stack narrow">
              <p className="muted small row wrap spread">
                <span>{total === 1 ? 'One question' : `${total} questions`}, the most urgent first</span>
                <span>
                  <kbd>j</kbd> <kbd>k</kbd> move
                </span>
              </p>
              <ul className="stack" ref={list}>
                {items.map((item) => (
                  <li key={`${item.run.id} ${item.kind} ${item.id}`} className="panel" data-question="" tabIndex={-1}>
                    <header>
                      <Link to="/console/runs/$id" params={{ id: item.run.id }} className="cut" title={titleOf(item)}>
                        {titleOf(item)}
                      </Link>
                      <Status state={item.run.status} />
                    </header>
                    {item.kind === 'approval' ? (
                      <ApprovalCard
                        run={item.run}
                        approval={{ ...item, approval: item.id, requested_at: item.asked_at }}
                      />
                    ) : item.kind === 'effect' ? (
                      <EffectCard
                        run={item.run}
                        effect={{ task: item.id, question: item.question, asked_at: item.asked_at }}
                      />
                    ) : (
                      <SignalCard run={item.run} stage={item.stage} signal={item.id} due={item.due} />
                    )}
                    <Context item={item} />
                  </li>
                ))}
              </ul>
              {(items.length < total || runs_left_out) && (
                <p className="muted">There are more; answer these first, and the next ones come up.</p>
              )}
            </div>
          )
        }
      </Loaded>
    </main>
  )
}

const titleOf = ({ run }: Question): string => runTitle({ ...run, definition_name: run.definition })

/** What a person looks up before deciding. */
function Context({ item }: { item: Question }) {
  const { run } = item
  return (
    <dl className="facts question-context">
      {run.definition !== null && (
        <>
          <dt>Definition</dt>
          <dd>{run.definition}</dd>
        </>
      )}
      <dt>Started</dt>
      <dd>
        <When at={run.created_at} /> by {run.by}
      </dd>
      {item.kind === 'approval' && (
        <>
          <dt>Asked</dt>
          <dd>
            <When at={item.asked_at} />
          </dd>
          <dt>By itself</dt>
          <dd>
            {item.default === 'approve' ? 'approved' : 'refused'} <When at={item.due} />{' '}
            <span className="muted">({exactTime(item.due)})</span>
          </dd>
        </>
      )}
      {item.kind === 'effect' && (
        <>
          {item.agent !== null && (
            <>
              <dt>Agent</dt>
              <dd>{item.agent}</dd>
            </>
          )}
          {item.failure !== null && (
            <>
              <dt>What went wrong</dt>
              <dd>{item.failure.message}</dd>
            </>
          )}
          <dt>By itself</dt>
          <dd>nothing: it waits until somebody says</dd>
        </>
      )}
      {item.kind === 'signal' && (
        <>
          <dt>By itself</dt>
          <dd>
            the stage ends without it <When at={item.due} /> <span className="muted">({exactTime(item.due)})</span>
          </dd>
        </>
      )}
    </dl>
  )
}
