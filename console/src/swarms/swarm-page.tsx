/** A swarm round by round: who saw what, proposed what, voted how; the verdict, and what stood against it. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import type { Definition } from '../../../src/workflow/definition.ts'
import { Empty, Loaded } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { count, Took, When } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import { definitionQuery, type Run, runQuery } from '../server/queries.ts'
import { RoundPanel, ShowAll } from './round-panel.tsx'
import { type Round, swarmRounds } from './swarm-rounds.ts'
import { VoteRound } from './vote-round.tsx'

export function SwarmPage({ id }: { id: string }) {
  const run = useQuery(runQuery(id))
  return (
    <main id="content" className="content" tabIndex={0}>
      <Loaded query={run} lines={12}>
        {(run) => (run.kind === 'swarm' ? <Swarm run={run} /> : <NoSwarm id={run.id} />)}
      </Loaded>
    </main>
  )
}

const NoSwarm = ({ id }: { id: string }) => (
  <Empty title="This run is no swarm">
    <p>It has no rounds, ballots or verdict of a swarm; its own page shows what it did.</p>
    <Link to="/console/runs/$id" params={{ id }} className="button">
      Open the run
    </Link>
  </Empty>
)

function Swarm({ run }: { run: Run }) {
  const definition = useQuery(definitionQuery(run.definition?.hash ?? ''))
  const rounds = swarmRounds(run, definition.data?.definition as Definition | undefined)
  const vote = rounds.find((round) => round.kind === 'vote')
  const agents = new Set(run.stages.flatMap((stage) => stage.tasks.flatMap((task) => task.agent ?? [])))
  const models = new Set(run.stages.flatMap((stage) => stage.tasks.flatMap((task) => task.model ?? [])))
  return (
    <div className="stack swarm">
      <div className="stack tight">
        <Link to="/console/swarms" className="small">
          ← Swarms
        </Link>
        <div className="row wrap spread">
          <span className="row">
            <h2 className="run-title cut2">{run.goal ?? run.id}</h2>
            <Status state={run.status} />
          </span>
          <Link to="/console/runs/$id" params={{ id: run.id }} className="button">
            Open as run
          </Link>
        </div>
        <p className="muted small">
          {count(agents.size)} {agents.size === 1 ? 'agent' : 'agents'},{' '}
          {models.size === 0 ? 'models not told' : `${count(models.size)} ${models.size === 1 ? 'model' : 'models'}`},{' '}
          {count(run.cost.calls)} calls, <Took from={run.started_at} to={run.ended_at} />, begun{' '}
          <When at={run.created_at} />
        </p>
      </div>
      <Verdict run={run} vote={vote} />
      {rounds.map((round, i) =>
        round.kind === 'vote' ? (
          <VoteRound key={round.stage.id} number={i + 1} round={round} />
        ) : (
          <Proposals
            key={round.stage.id}
            number={i + 1}
            round={round}
            winner={vote?.kind === 'vote' ? (vote.stage.vote?.winner ?? null) : null}
          />
        ),
      )}
      {rounds.length === 0 && <Empty title="No round has begun yet" />}
    </div>
  )
}

function Verdict({ run, vote }: { run: Run; vote: Round | undefined }) {
  const result = vote?.kind === 'vote' ? vote.stage.vote : null
  return (
    <section className="panel" aria-label="Verdict">
      <header>
        <h2>Verdict</h2>
        {result && (
          <Status
            state={result.status === 'decided' ? 'completed' : 'partial'}
            label={result.status.replaceAll('_', ' ')}
          />
        )}
      </header>
      <div className="body stack">
        {result ? (
          <p>{result.reason}</p>
        ) : (
          <p className="muted">
            {vote === undefined ? 'One member alone: there was nothing to vote on.' : 'The vote is not closed yet.'}
          </p>
        )}
        <dl className="facts">
          <dt>Topology</dt>
          <dd>Independent: nobody sees an answer before the vote</dd>
          <dt>Weights</dt>
          <dd>
            All 1: <span className="muted">ballots are counted, not weighted</span>
          </dd>
          <dt>Effective votes</dt>
          <dd className="muted">
            Not measured: needs answers with known outcomes of these voters, to tell how alike they err
          </dd>
          <dt>Certain</dt>
          <dd>{vote?.kind === 'vote' ? certain(vote) : '–'}</dd>
        </dl>
        {run.result !== null && run.result !== undefined && <ValueView value={run.result} label="What it came to" />}
      </div>
    </section>
  )
}

function certain({ called_off, stage }: Round & { kind: 'vote' }): string {
  const { vote } = stage
  if (called_off === null || vote === null) return 'not yet'
  const came = vote.valid + vote.invalid
  return called_off > 0
    ? `with ballot ${came} of ${vote.eligible}: the other ${called_off} could change nothing and were called off`
    : `only with the last of ${vote.eligible} ballots`
}

const FIRST = 12

function Proposals({
  number,
  round,
  winner,
}: {
  number: number
  round: Round & { kind: 'propose' }
  winner: string | null
}) {
  const [all, setAll] = useState(false)
  const { stage, contributions, saw } = round
  const shown = all ? contributions : contributions.slice(0, FIRST)
  return (
    <RoundPanel
      number={number}
      stage={stage}
      note={stage.metrics?.agreement != null && `agreement in wording ${stage.metrics.agreement.toFixed(2)}`}
    >
      <p className="muted small">
        {saw.length > 0 ? `Each saw ${saw.join(', ')}.` : 'What each saw stands in the definition, which is not here.'}
      </p>
      <ul className="proposals">
        {shown.map((one) => (
          <li key={one.address} className={one.member === winner ? 'proposal picked-one' : 'proposal'}>
            <span className="row wrap">
              <strong>{one.member.replaceAll('_', ' ')}</strong>
              {one.member === winner && <Status state="completed" label="chosen" />}
              {one.state !== 'completed' && <Status state={one.state} />}
              <span className="muted small cut">
                {one.agent ?? 'nobody'}
                {one.model !== null && ` · ${one.model}`}
                {one.tokens !== null && ` · ${count(one.tokens)} tokens`}
              </span>
            </span>
            {one.angle !== null && (
              <p className="muted small cut2" title={one.angle}>
                {one.angle}
              </p>
            )}
            <ValueView value={one.output} label={`What ${one.member} answered`} />
          </li>
        ))}
      </ul>
      {contributions.length > FIRST && !all && <ShowAll n={contributions.length} onPress={() => setAll(true)} />}
    </RoundPanel>
  )
}
