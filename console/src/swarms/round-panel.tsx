/** The frame of one round of a swarm, and the rest of a list that is shown in part. */
import type { ReactNode } from 'react'
import { Status } from '../parts/status.tsx'
import { count } from '../parts/time.tsx'
import type { Round } from './swarm-rounds.ts'

export function RoundPanel({
  number,
  stage,
  note,
  children,
}: {
  number: number
  stage: Round['stage']
  note: ReactNode
  children: ReactNode
}) {
  return (
    <section className="panel" aria-label={`Round ${number}: ${stage.id}`}>
      <header>
        <span className="row">
          <h2>
            {number}. {stage.id}
          </h2>
          <Status state={stage.state} />
        </span>
        {note && <span className="muted small">{note}</span>}
      </header>
      <div className="body stack">{children}</div>
    </section>
  )
}

export function ShowAll({ n, onPress }: { n: number; onPress: () => void }) {
  return (
    <div>
      <button type="button" className="button" onClick={onPress}>
        Show all {count(n)}
      </button>
    </div>
  )
}
