/** All that is known of one task: what it was given, who did it and why, what came out, what it took. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Definition } from '../../../src/workflow/definition.ts'
import { FailureText } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { duration, exactTime, tokens } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import { type Log, liveQuery, type Run, taskQuery } from '../server/queries.ts'
import { remedyNames } from './event-text.ts'
import { type Kind, kindNames, spentOf } from './spent.ts'
import { writtenTask } from './written.ts'

type TaskView = Run['stages'][number]['tasks'][number]

export function TaskPanel({
  run,
  task,
  definition,
  log,
}: {
  run: Run
  task: TaskView
  definition: Definition | undefined
  log: Log | undefined
}) {
  const written = definition && writtenTask(definition, task.address)
  const finished = log?.events.findLast((event) => event.type === 'task_finished' && event.data.task === task.address)
  const prompt = finished?.type === 'task_finished' ? finished.data.prompt : undefined
  return (
    <>
      <div className="row wrap">
        <Status state={task.state} />
        {task.ballot !== null && <span className="tag">voted {task.ballot}</span>}
      </div>
      {task.state === 'running' && <LiveNote run={run} task={task} />}
      {task.failure && (
        <div className="fault">
          <FailureText failure={task.failure} />
        </div>
      )}
      {task.parts && <Parts parts={task.parts} />}
      <dl className="facts">
        <dt>Agent</dt>
        <dd>
          {task.agent === null ? (
            <span className="muted">not chosen</span>
          ) : (
            <Link to="/console/agents" search={{ agent: task.agent }}>
              {task.agent}
            </Link>
          )}
        </dd>
        <dt>Why this one</dt>
        <dd>{task.why === '' ? <span className="muted">not said yet</span> : task.why}</dd>
        {task.capability !== null && (
          <>
            <dt>Capability</dt>
            <dd>{task.capability}</dd>
          </>
        )}
        <dt>Model</dt>
        <dd>{task.model ?? <span className="muted">none</span>}</dd>
        <dt>Tokens</dt>
        <dd>{tokens(task.input_tokens, task.output_tokens)}</dd>
        <dt>Took</dt>
        <dd>
          {task.duration_ms === null ? <span className="muted">still at it</span> : duration(task.duration_ms)}
          {task.queued_ms ? (
            <span className="muted">, after {duration(task.queued_ms)} of waiting for a place</span>
          ) : (
            ''
          )}
        </dd>
      </dl>
      <Asked run={run} task={task} instructions={written?.instructions} written={written?.input ?? {}} />
      {prompt !== undefined && (
        <div className="stack tight">
          <h3>Prompt that was sent</h3>
          <ValueView value={prompt} label="Prompt" />
        </div>
      )}
      <div className="stack tight">
        <h3>Output</h3>
        <ValueView value={task.output} label="Output" />
      </div>
      <div className="stack tight">
        <h3>Attempts</h3>
        <ol className="stack tight">
          {task.attempts.map((attempt) => (
            <li key={attempt.attempt} className="attempt">
              <span className="row wrap">
                <strong>{attempt.attempt}</strong>
                <span className="break">{attempt.agent ?? 'any agent'}</span>
                <span className="muted small">{exactTime(attempt.started_at)}</span>
              </span>
              <Spent attempt={attempt} />
              {attempt.failure && <span className="bad small break">{attempt.failure.message}</span>}
              {attempt.finding && (
                <span className="small break">
                  <strong>{attempt.finding.detector.replaceAll('_', ' ')}</strong>: {attempt.finding.message}
                </span>
              )}
            </li>
          ))}
        </ol>
      </div>
      {task.remedies && <Remedies remedies={task.remedies} />}
    </>
  )
}

/** What was done when it got nowhere, and whether that helped. */
function Remedies({ remedies }: { remedies: NonNullable<TaskView['remedies']> }) {
  return (
    <div className="stack tight">
      <h3>Remedies</h3>
      <ol className="stack tight">
        {remedies.map((each) => (
          <li key={`${each.at} ${each.remedy}`} className="attempt">
            <span className="row wrap">
              <strong>{remedyNames[each.remedy]}</strong>
              <span className="muted small">{exactTime(each.at)}</span>
              <span className="muted small">
                {each.healed === null ? 'not known yet' : each.healed ? 'helped' : 'did not help'}
              </span>
            </span>
            <span className="small break">
              {each.cause.replaceAll('_', ' ')}: {each.facts}
            </span>
          </li>
        ))}
      </ol>
    </div>
  )
}

/** The smaller tasks that took its place, and the run that works them off. */
function Parts({ parts }: { parts: NonNullable<TaskView['parts']> }) {
  const states = { planning: 'Being divided into smaller tasks', running: 'Divided into', ended: 'Was divided into' }
  return (
    <div className="stack tight">
      <h3>{parts.state === 'ended' && parts.parts.length === 0 ? 'Not divided' : states[parts.state]}</h3>
      {parts.parts.length > 0 && (
        <ol className="stack tight">
          {parts.parts.map(({ capability, does }) => (
            <li key={`${capability} ${does}`}>
              <span className="break">{does}</span> <span className="muted small">{capability}</span>
            </li>
          ))}
        </ol>
      )}
      {parts.logic === 'or' && <p className="muted small">The first of them that succeeds is enough.</p>}
      <p className="small break">
        {parts.stop === null ? '' : `${parts.stop.replaceAll('_', ' ')}: `}
        {parts.reason}
      </p>
      {parts.run !== null && (
        <Link to="/console/runs/$id" params={{ id: parts.run }}>
          Open the run of its parts
        </Link>
      )}
    </div>
  )
}

function Spent({ attempt }: { attempt: TaskView['attempts'][number] }) {
  const spent = Object.entries(spentOf(attempt)).filter(([, ms]) => ms > 0) as [Kind, number][]
  if (spent.length === 0) return null
  return (
    <span className="row wrap small">
      {spent.map(([kind, ms]) => (
        <span key={kind} className={`key ${kind}`}>
          {kindNames[kind]} {duration(ms)}
        </span>
      ))}
    </span>
  )
}

/** What the agent was given: with the values that it saw, worked out from the log; until then as it is written. */
function Asked({
  run,
  task,
  instructions,
  written,
}: {
  run: Run
  task: TaskView
  instructions: string | undefined
  written: { [name: string]: unknown }
}) {
  const attempt = task.attempts.at(-1)?.attempt ?? 0
  const asked = useQuery({ ...taskQuery(run.id, task.address, attempt), enabled: attempt > 0 })
  const text = asked.data?.instructions ?? instructions
  const inputs = Object.entries(asked.data?.input ?? written)
  return (
    <>
      {text !== undefined && (
        <div className="stack tight">
          <h3>Instructions</h3>
          <ValueView value={text} label="Instructions" />
        </div>
      )}
      {inputs.length > 0 && (
        <div className="stack tight">
          <h3>Input</h3>
          {inputs.map(([name, value]) => (
            <div key={name} className="stack tight">
              <span className="small">
                <code>{name}</code>{' '}
                {asked.data && typeof written[name] === 'string' && (
                  <span className="muted mono break">{written[name]}</span>
                )}
              </span>
              <ValueView value={value} label={`Input ${name}`} />
            </div>
          ))}
        </div>
      )}
    </>
  )
}

function LiveNote({ run, task }: { run: Run; task: TaskView }) {
  const live = useQuery(liveQuery(run.id))
  const call = live.data?.calls.find((one) => one.task.endsWith(task.address))
  if (!call) return null
  return (
    <p className="muted small">
      {call.agent}: {call.note} {call.tokens > 0 && `${call.tokens} tokens so far`}
    </p>
  )
}
