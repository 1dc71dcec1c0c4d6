/** How a stage decided: all its ways with the one that was taken, or the iterations of a loop. */
import type { DecideStage } from '../../../src/workflow/definition.ts'
import { Status, StatusIcon } from '../parts/status.tsx'
import { Took } from '../parts/time.tsx'
import type { Run } from '../server/queries.ts'

type Decision = Run['decisions'][number]

/** Every case in its order, then otherwise: which was taken, which were not. */
export function Ways({ stage, decision }: { stage: DecideStage; decision: Decision | undefined }) {
  const ways = [
    ...stage.cases.map(({ when, then }, at) => ({ name: `case ${at + 1}`, when, then: [then].flat() })),
    { name: 'otherwise', when: null, then: [stage.otherwise].flat() },
  ]
  return (
    <section className="stack tight" aria-label="Ways">
      <ol className="ways">
        {ways.map(({ name, when, then }) => {
          const taken = decision?.taken === name
          return (
            <li key={name} className={decision === undefined ? 'way' : taken ? 'way taken' : 'way not-taken'}>
              <div className="row wrap">
                {taken && <StatusIcon state="completed" />}
                <strong>{name}</strong>
                <span>→ {then.join(', ')}</span>
                <span className="muted small">{decision === undefined ? '' : taken ? 'taken' : 'not taken'}</span>
              </div>
              {when !== null && <code className="break">{when}</code>}
            </li>
          )
        })}
      </ol>
      {decision === undefined ? (
        <p className="muted small">Not decided yet.</p>
      ) : (
        <>
          <p className="muted small break">{decision.reason}</p>
          {Object.keys(decision.inputs).length > 0 && <h3>What it saw</h3>}
          <Values values={decision.inputs} />
        </>
      )}
    </section>
  )
}

export function Values({ values }: { values: Decision['inputs'] }) {
  const entries = Object.entries(values)
  if (entries.length === 0) return null
  return (
    <dl className="facts">
      {entries.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="mono">{name}</dt>
          <dd className="mono">{JSON.stringify(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

const MOST_ITERATIONS = 200

/** The iterations of a loop with the stages of each, the latest first, and why it went on or ended. */
export function Iterations({
  run,
  address,
  until,
  max,
  pick,
}: {
  run: Run
  address: string
  until: string
  max: number
  pick: (what: { stage: string }) => void
}) {
  const inner = Map.groupBy(
    run.stages.filter(({ id }) => id.startsWith(`${address}[`)),
    ({ id }) => Number(id.slice(address.length + 1, id.indexOf(']', address.length))),
  )
  const decided = new Map(
    run.decisions
      .filter(({ kind, stage }) => kind === 'loop' && stage === address)
      .map((decision) => [Number(decision.inputs.iteration), decision]),
  )
  const all = [...new Set([...inner.keys(), ...decided.keys()])].sort((a, b) => b - a)
  return (
    <section className="stack tight" aria-label="Iterations">
      <p className="muted small">
        Until <code className="break">{until}</code>, at most {max} times
      </p>
      <ol className="stack tight">
        {all.slice(0, MOST_ITERATIONS).map((n) => {
          const decision = decided.get(n)
          return (
            <li key={n} className="decision">
              <div className="row wrap">
                <strong>Iteration {n}</strong>
                {decision ? (
                  <span className="tag">{decision.taken}</span>
                ) : (
                  <span className="muted small">under way</span>
                )}
              </div>
              {decision && <p className="muted small break">{decision.reason}</p>}
              {inner.get(n)?.map((stage) => (
                <button
                  key={stage.id}
                  type="button"
                  className="button plain wide-button"
                  onClick={() => pick({ stage: stage.id })}
                >
                  <Status state={stage.state} />
                  <span className="cut grow">{stage.id.slice(stage.id.indexOf(']', address.length) + 2)}</span>
                  <span className="muted small">
                    <Took from={stage.started_at} to={stage.ended_at} />
                  </span>
                </button>
              ))}
            </li>
          )
        })}
      </ol>
      {all.length === 0 && <p className="muted small">No iteration has begun.</p>}
      {all.length > MOST_ITERATIONS && (
        <p className="muted small">{all.length - MOST_ITERATIONS} earlier iterations are in the event log.</p>
      )}
    </section>
  )
}
