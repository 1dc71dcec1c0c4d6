/** Parts of the view of a run, as events begin, change and end them. */
import type { Failure } from '../failure.ts'
import type { Finding } from '../progress/finding.ts'
import { splitTask } from './address.ts'
import type { EventData, RunEvent } from './event.ts'
import type { DecisionView, RunFold, RunView, StageView, TaskView } from './run-view-shape.ts'

/** Stages, tasks and attempts that a view keeps at most. */
export const viewLimits = { stages: 400, tasks: 2_000, attempts: 10, decisions: 500, notes: 100 } as const

export const newStage = (id: string, at: number): StageView => ({
  id,
  kind: '',
  state: 'running',
  reason: '',
  started_at: at,
  ended_at: null,
  iteration: null,
  metrics: null,
  vote: null,
  child: null,
  output: null,
  tasks: [],
})

/** What has not settled when its stage is over does not any more. */
export function callOff(stage: StageView, at: number, reason: string): void {
  if (stage.state === 'running') Object.assign(stage, { state: 'cancelled', reason, ended_at: at })
  for (const task of stage.tasks) if (task.state === 'running' || task.state === 'asking') task.state = 'cancelled'
}

export function newTask(fold: RunFold, address: string, at: number): TaskView {
  const { stage, task } = splitTask(address)
  const view: TaskView = {
    id: task,
    address,
    state: 'running',
    agent: null,
    capability: null,
    model: null,
    attempts: [],
    input_tokens: null,
    output_tokens: null,
    started_at: at,
    duration_ms: null,
    queued_ms: null,
    why: '',
    ballot: null,
    output: null,
    failure: null,
    parts: null,
  }
  fold.view.counts.tasks += 1
  const owner = fold.stages.get(stage)
  // An answer to a stage that has left the view: it counts, and is not shown.
  if (owner === undefined) return view
  fold.tasks.set(address, view)
  owner.tasks.push(view)
  return view
}

type Spent = EventData['task_finished']['usage']

export function spend(view: RunView, usage: Spent): void {
  view.cost.input_tokens += usage.input_tokens ?? 0
  view.cost.output_tokens += usage.output_tokens ?? 0
  view.cost.calls += usage.calls
  if (usage.calls > 0 && (usage.input_tokens === null || usage.output_tokens === null))
    view.cost.unknown_usage += usage.calls
}

export function settle(
  view: RunView,
  task: TaskView,
  data: { usage: Spent; duration_ms: number; queued_ms: number; why: string },
): void {
  spend(view, data.usage)
  // Over all attempts; unknown stays unknown until an attempt reports.
  if (data.usage.input_tokens !== null) task.input_tokens = (task.input_tokens ?? 0) + data.usage.input_tokens
  if (data.usage.output_tokens !== null) task.output_tokens = (task.output_tokens ?? 0) + data.usage.output_tokens
  task.duration_ms = (task.duration_ms ?? 0) + data.duration_ms
  task.queued_ms = (task.queued_ms ?? 0) + data.queued_ms
  task.why = data.why
}

export function closeAttempt(
  task: TaskView,
  data: {
    attempt: number
    agent: string | null
    queued_ms: number
    duration_ms: number
    model_queued_ms?: number
    load_ms?: number
  },
  failure: Failure | null,
): void {
  const attempt = task.attempts.find((each) => each.attempt === data.attempt)
  if (attempt === undefined) return
  attempt.agent = data.agent ?? attempt.agent
  attempt.queued_ms = data.queued_ms
  attempt.duration_ms = data.duration_ms
  attempt.model_queued_ms = data.model_queued_ms ?? null
  attempt.load_ms = data.load_ms ?? null
  attempt.failure = failure
}

export function noteFinding(task: TaskView, data: { attempt: number; finding?: Finding }): void {
  const attempt = task.attempts.find((each) => each.attempt === data.attempt)
  if (attempt !== undefined && data.finding !== undefined) attempt.finding = data.finding
}

export function decide(fold: RunFold, event: RunEvent, decision: Omit<DecisionView, 'at' | 'seq'>): void {
  const { decisions } = fold.view
  decisions.push({ at: event.at, seq: event.seq, ...decision })
  if (decisions.length <= viewLimits.decisions) return
  decisions.shift()
  fold.left.decisions += 1
}
