/** All that is known of one task: what it was given, who did it and why, what came out, what it took. */
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { Definition, Stage, Task } from '../../../src/workflow/definition.ts'
import { FailureText } from '../parts/states.tsx'
import { Status } from '../parts/status.tsx'
import { duration, exactTime, tokens } from '../parts/time.tsx'
import { ValueView } from '../parts/value.tsx'
import { type Log, liveQuery, type Run } from '../server/queries.ts'
import { pathOf } from './stage-graph.ts'

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
  const written = definition && writtenTask(definition.stages, pathOf(task.address))
  const finished = log?.events.findLast((event) => event.type === 'task_finished' && event.data.task === task.address)
  const prompt = finished?.type === 'task_finished' ? finished.data.prompt : undefined
  const inputs = Object.entries(written?.input ?? {})
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
      {written && (
        <div className="stack tight">
          <h3>Instructions</h3>
          <ValueView value={written.instructions} label="Instructions" />
        </div>
      )}
      {inputs.length > 0 && (
        <div className="stack tight">
          <h3>Input</h3>
          <dl className="facts">
            {inputs.map(([name, value]) => (
              <div key={name} className="contents">
                <dt className="mono">{name}</dt>
                <dd className="mono">{typeof value === 'string' ? value : JSON.stringify(value)}</dd>
              </div>
            ))}
          </dl>
        </div>
      )}
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
                <span>{attempt.agent ?? 'no agent'}</span>
                <span className="muted small">
                  {exactTime(attempt.started_at)}
                  {attempt.duration_ms !== null && `, ${duration(attempt.duration_ms)}`}
                </span>
              </span>
              {attempt.failure && <span className="bad small">{attempt.failure.message}</span>}
            </li>
          ))}
        </ol>
      </div>
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

function writtenTask(stages: readonly Stage[], address: string): Task | undefined {
  const [path = '', id] = address.split('/')
  const stage = writtenStage(stages, path)
  return stage?.kind === 'tasks' ? stage.tasks.find((task) => task.id === id) : undefined
}

export function writtenStage(stages: readonly Stage[], path: string): Stage | undefined {
  const [first, ...rest] = path.split('.')
  const stage = stages.find(({ id }) => id === first)
  if (rest.length === 0 || stage === undefined) return stage
  return 'stages' in stage ? writtenStage(stage.stages, rest.join('.')) : undefined
}
