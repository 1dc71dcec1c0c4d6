/** The vote of a swarm: the tally, each ballot with its reason, and the dissent first. */
import { useState } from 'react'
import { Status } from '../parts/status.tsx'
import { count } from '../parts/time.tsx'
import { RoundPanel, ShowAll } from './round-panel.tsx'
import type { Round } from './swarm-rounds.ts'

const FIRST = 30
/** Why there is no ballot, by the state of the voter's task. */
const withoutBallot: Record<string, { state: string; label: string }> = {
  running: { state: 'running', label: 'out' },
  cancelled: { state: 'cancelled', label: 'not needed any more' },
}

export function VoteRound({ number, round }: { number: number; round: Round & { kind: 'vote' } }) {
  const [all, setAll] = useState(false)
  const { stage, ballots, tally, saw } = round
  const winner = stage.vote?.winner ?? null
  const cast = ballots.filter((ballot) => ballot.choice !== null)
  // Whoever voted otherwise is read first: agreement explains itself.
  const sorted = [...ballots].sort((a, b) => rank(a.choice, winner) - rank(b.choice, winner))
  const voted = tally.filter(({ votes }) => votes > 0)
  return (
    <RoundPanel
      number={number}
      stage={stage}
      note={
        stage.vote && (
          <>
            {stage.vote.valid} of {stage.vote.eligible} cast a valid ballot; quorum{' '}
            {Math.round(stage.vote.quorum * 100)} %
          </>
        )
      }
    >
      {saw.length > 0 && <p className="muted small">Each voter saw {saw.join(', ')}.</p>}
      <ol className="tally" aria-label="Votes by option">
        {voted.map(({ option, votes, share }) => (
          <li key={option}>
            <span className="cut" title={option}>
              {option.replaceAll('_', ' ')}
            </span>
            <span className="share" aria-hidden="true">
              <i className={option === winner ? 'won' : ''} style={{ width: `${share * 100}%` }} />
            </span>
            <span className="num">
              {votes} <span className="muted">({Math.round(share * 100)} %)</span>
            </span>
          </li>
        ))}
        {voted.length === 0 && <li className="muted">No ballot has been counted yet.</li>}
      </ol>
      {tally.length > voted.length && voted.length > 0 && (
        <p className="muted small">{count(tally.length - voted.length)} options got no vote.</p>
      )}
      <h3>
        {winner !== null && cast.some((ballot) => ballot.choice !== winner)
          ? `Dissent first: ${count(cast.filter((ballot) => ballot.choice !== winner).length)} of ${count(cast.length)} voted otherwise`
          : `Ballots: ${count(cast.length)}`}
      </h3>
      <ul className="rows ballots">
        {(all ? sorted : sorted.slice(0, FIRST)).map((ballot) => (
          <li key={ballot.address}>
            <span className="cut" title={`${ballot.voter}: ${ballot.agent ?? 'nobody'}`}>
              {ballot.agent ?? ballot.voter}
              {ballot.model !== null && <span className="muted small cut block">{ballot.model}</span>}
            </span>
            <span>
              {ballot.choice === null ? (
                <Status {...(withoutBallot[ballot.state] ?? { state: 'failed', label: 'no ballot' })} />
              ) : (
                <span className={ballot.choice === winner ? 'status good' : 'status'}>
                  {ballot.choice.replaceAll('_', ' ')}
                </span>
              )}
            </span>
            <span className="muted break">{ballot.reason}</span>
          </li>
        ))}
      </ul>
      {sorted.length > FIRST && !all && <ShowAll n={sorted.length} onPress={() => setAll(true)} />}
    </RoundPanel>
  )
}

const rank = (choice: string | null, winner: string | null): number => (choice === null ? 2 : choice === winner ? 1 : 0)
