/** Everything that waits for a person, the most urgent first. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { runTitle } from '../parts/run-rows.tsx'
import { Empty, Loaded } from '../parts/states.tsx'
import { MOST_WAITING, questionsQuery } from '../server/queries.ts'
import { ApprovalCard, EffectCard } from './question-card.tsx'

export function Inbox() {
  const questions = useQuery(questionsQuery)
  return (
    <main id="content" className="content" tabIndex={0}>
      <Loaded query={questions}>
        {({ items, more }) =>
          items.length === 0 ? (
            <Empty title="Nothing waits for you">
              <p>
                A stage of kind <code>approval</code> asks here before a run goes on, with a deadline and what counts
                when nobody answers. So does a task whose effect was interrupted and may or may not have happened.
              </p>
              <Link to="/console/runs" className="button">
                See the runs
              </Link>
            </Empty>
          ) : (
            <ul className="stack narrow">
              {[...items]
                .sort((a, b) => dueOf(a) - dueOf(b))
                .map((item) => (
                  <li
                    key={`${item.run.id} ${item.kind === 'approval' ? item.approval.approval : item.effect.task}`}
                    className="panel"
                  >
                    <header>
                      <Link to="/console/runs/$id" params={{ id: item.run.id }} className="cut">
                        {runTitle({ ...item.run, definition_name: item.run.definition?.name ?? null })}
                      </Link>
                    </header>
                    {item.kind === 'approval' ? (
                      <ApprovalCard run={item.run} approval={item.approval} />
                    ) : (
                      <EffectCard run={item.run} effect={item.effect} />
                    )}
                  </li>
                ))}
              {more && <p className="muted">The oldest {MOST_WAITING} open runs were looked at; there are more.</p>}
            </ul>
          )
        }
      </Loaded>
    </main>
  )
}

const dueOf = (item: { kind: 'approval'; approval: { due: number } } | { kind: 'effect' }): number =>
  item.kind === 'approval' ? item.approval.due : 0
