/**
 * A run as people look at it, built by folding its stored events (never the engine's state): stages with their tasks,
 * decisions with what they saw and why, open questions, cost, result.
 *
 * O(n) in the number of events, and bounded in size: of a run with a hundred thousand stages the oldest settled ones
 * leave the view (they stay in the event log, which is paged). A view can be fed further as more events are stored.
 */
import type { Failure } from '../failure.ts'
import { splitTask } from './address.ts'
import type { EventData, EventType, Metrics, RunEvent, VoteResult } from './event.ts'
import type { Json, Value } from './value.ts'

/** Stages, tasks and attempts that a view keeps at most. */
export const viewLimits = { stages: 400, tasks: 2_000, attempts: 10, decisions: 500, notes: 100 } as const

export type AttemptView = {
  attempt: number
  agent: string | null
  started_at: number
  duration_ms: number | null
  failure: Failure | null
}

export type TaskView = {
  id: string
  address: string
  state: 'running' | 'completed' | 'failed' | 'asking'
  agent: string | null
  capability: string | null
  model: string | null
  attempts: AttemptView[]
  input_tokens: number | null
  output_tokens: number | null
  started_at: number
  duration_ms: number | null
  queued_ms: number | null
  /** Why this agent. */
  why: string
  ballot: string | null
  output: Value
  failure: Failure | null
}

export type StageView = {
  id: string
  kind: string
  state: 'running' | 'completed' | 'failed' | 'skipped'
  reason: string
  started_at: number
  ended_at: number | null
  iteration: number | null
  metrics: Metrics | null
  vote: VoteResult | null
  child: string | null
  output: Value
  tasks: TaskView[]
}

export type DecisionView = {
  at: number
  seq: number
  stage: string
  kind: 'decide' | 'loop' | 'vote' | 'feedback' | 'plan'
  taken: string
  then: string[]
  when: string | null
  /** What the decision saw. */
  inputs: { [name: string]: Json }
  reason: string
}

export type PlanView = Pick<
  EventData['plan_proposed'],
  'attempt' | 'source' | 'name' | 'problems' | 'model' | 'usage' | 'analysis' | 'duration_ms'
> & {
  accepted: boolean
  failure: Failure | null
}

export type RunView = {
  goal: string | null
  inputs: { [name: string]: Value }
  by: string
  parent: { run: string; stage: string } | null
  forked_from: { run: string; seq: number } | null
  state: 'queued' | 'planning' | 'running' | 'paused' | EventData['run_finished']['status']
  reason: string
  definition: { hash: string; name: string | null; source: string; reason: string } | null
  plan: PlanView[]
  stages: StageView[]
  decisions: DecisionView[]
  approvals: {
    approval: string
    stage: string
    question: string
    show: Value
    requested_at: number
    due: number
    default: 'approve' | 'refuse'
  }[]
  effect_questions: { task: string; question: string; asked_at: number }[]
  waits: { stage: string; signal: string; due: number }[]
  result: Value
  success: EventData['run_finished']['success']
  cost: {
    input_tokens: number
    output_tokens: number
    unknown_usage: number
    calls: number
    duration_ms: number | null
  }
  counts: { stages: number; tasks: number; tasks_completed: number; tasks_failed: number; events: number }
  started_at: number | null
  ended_at: number | null
  /** Number of the last event seen. */
  seq: number
  /** What a huge run has more of than is shown; null when everything is here. */
  left_out: { stages: number; tasks: number; decisions: number; hint: string } | null
}

/** A view under construction: `view` is current after each {@link addEvents}. */
export type RunFold = {
  view: RunView
  stages: Map<string, StageView>
  tasks: Map<string, TaskView>
  left: { stages: number; tasks: number; decisions: number }
}

export function runView(events: Iterable<RunEvent>): RunView {
  const fold = newFold()
  addEvents(fold, events)
  return snapshot(fold)
}

export const newFold = (): RunFold => ({
  view: {
    goal: null,
    inputs: {},
    by: '',
    parent: null,
    forked_from: null,
    state: 'queued',
    reason: '',
    definition: null,
    plan: [],
    stages: [],
    decisions: [],
    approvals: [],
    effect_questions: [],
    waits: [],
    result: null,
    success: [],
    cost: { input_tokens: 0, output_tokens: 0, unknown_usage: 0, calls: 0, duration_ms: null },
    counts: { stages: 0, tasks: 0, tasks_completed: 0, tasks_failed: 0, events: 0 },
    started_at: null,
    ended_at: null,
    seq: 0,
    left_out: null,
  },
  stages: new Map(),
  tasks: new Map(),
  left: { stages: 0, tasks: 0, decisions: 0 },
})

/** Feeds events in order. Those already seen (by number) are passed over, so overlapping pages do no harm. */
export function addEvents(fold: RunFold, events: Iterable<RunEvent>): void {
  for (const event of events) {
    if (event.seq <= fold.view.seq) continue
    fold.view.seq = event.seq
    fold.view.counts.events += 1
    const take = takers[event.type] as (fold: RunFold, data: unknown, event: RunEvent) => void
    take(fold, event.data, event)
    if (fold.stages.size > viewLimits.stages || fold.tasks.size > viewLimits.tasks) evict(fold)
  }
}

/** The view as of now. Its parts are shared with the fold: serialize it before feeding more. */
export function snapshot(fold: RunFold): RunView {
  const { view, left } = fold
  view.stages = [...fold.stages.values()]
  view.left_out =
    left.stages + left.tasks + left.decisions === 0
      ? null
      : {
          ...left,
          hint: 'the oldest settled stages are not shown; the events of the run, page by page, have all of them',
        }
  return view
}

/** Per event type: what it changes in the view. Total, so that a new event type has to say. */
const takers: { [T in EventType]: (fold: RunFold, data: EventData[T], event: RunEvent) => void } = {
  run_started: ({ view }, data, { at }) => {
    view.goal = data.goal
    view.inputs = data.inputs
    view.by = data.by
    view.parent = data.parent ?? null
    view.forked_from = data.forked_from ?? null
    view.started_at = at
    view.state = data.definition === null ? 'planning' : 'running'
    if (data.definition !== null)
      view.definition = { hash: data.definition, name: null, source: 'given', reason: 'named by the request' }
  },
  plan_requested: ({ view }) => {
    view.state = 'planning'
  },
  plan_proposed: ({ view }, data) => {
    const { attempt, source, name, problems, model, usage, analysis, duration_ms } = data
    const plan = { attempt, source, name, problems, model, usage, analysis, duration_ms }
    if (view.plan.length < viewLimits.notes)
      view.plan.push({ ...plan, accepted: data.definition !== null, failure: data.failure ?? null })
    spend(view, usage)
  },
  definition_chosen: (fold, data, event) => {
    fold.view.definition = { hash: data.definition, name: data.name, source: data.source, reason: data.reason }
    fold.view.state = 'running'
    if (data.source === 'given') return
    decide(fold, event, {
      stage: '',
      kind: 'plan',
      taken: data.source,
      then: [],
      when: null,
      inputs: {},
      reason: data.reason,
    })
  },
  stage_started: (fold, data, { at }) => {
    fold.view.counts.stages += 1
    fold.stages.set(data.stage, { ...newStage(data.stage, at), kind: data.kind })
  },
  stage_finished: (fold, data, { at }) => {
    const stage = fold.stages.get(data.stage) ?? newStage(data.stage, at)
    fold.stages.set(data.stage, stage)
    stage.state = data.status
    stage.reason = data.reason
    stage.ended_at = at
    stage.metrics = data.metrics
    stage.output = data.output
    const over = (other: string) => other !== data.stage
    fold.view.waits = fold.view.waits.filter((wait) => over(wait.stage))
    fold.view.approvals = fold.view.approvals.filter((open) => over(open.stage))
  },
  collected: (fold, data) => {
    const stage = fold.stages.get(data.stage)
    if (stage === undefined) return
    stage.metrics = data.metrics
    stage.output = data.output
  },
  task_started: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task) ?? newTask(fold, data.task, at)
    task.state = 'running'
    task.agent = data.agent
    task.capability = data.capability
    const attempt = { attempt: data.attempt, agent: data.agent, started_at: at, duration_ms: null, failure: null }
    if (task.attempts.length < viewLimits.attempts) task.attempts.push(attempt)
  },
  task_finished: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task) ?? newTask(fold, data.task, at)
    fold.view.counts.tasks_completed += 1
    settle(fold.view, task, data)
    task.state = 'completed'
    task.agent = data.agent
    task.model = data.model
    task.ballot = data.ballot ?? null
    task.output = data.output
    task.failure = null
    closeAttempt(task, data, null)
  },
  task_failed: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task) ?? newTask(fold, data.task, at)
    fold.view.counts.tasks_failed += 1
    settle(fold.view, task, data)
    task.state = 'failed'
    task.agent = data.agent ?? task.agent
    task.failure = data.failure
    closeAttempt(task, data, data.failure)
  },
  decision_made: (fold, data, event) => {
    const taken = data.taken === 'otherwise' ? 'otherwise' : `case ${data.taken + 1}`
    decide(fold, event, {
      stage: data.stage,
      kind: 'decide',
      taken,
      then: data.then,
      when: data.when,
      inputs: data.values,
      reason: data.reason,
    })
  },
  loop_iterated: (fold, data, event) => {
    const stage = fold.stages.get(data.stage)
    if (stage !== undefined) stage.iteration = data.iteration
    const taken = data.until === true ? 'end' : 'once more'
    decide(fold, event, {
      stage: data.stage,
      kind: 'loop',
      taken,
      then: [],
      when: null,
      inputs: { iteration: data.iteration },
      reason: data.reason,
    })
  },
  vote_closed: (fold, data, event) => {
    const stage = fold.stages.get(data.stage)
    if (stage !== undefined) stage.vote = data.result
    const { winner, status, counts, reason } = data.result
    decide(fold, event, {
      stage: data.stage,
      kind: 'vote',
      taken: winner ?? status,
      then: [],
      when: null,
      inputs: { ...counts },
      reason,
    })
  },
  feedback_fired: (fold, data, event) => {
    decide(fold, event, {
      stage: '',
      kind: 'feedback',
      taken: data.action,
      then: [],
      when: data.feedback,
      inputs: data.values,
      reason: `feedback loop ${data.feedback}`,
    })
  },
  timer_started: () => {},
  timer_fired: () => {},
  wait_started: ({ view }, data) => {
    view.waits.push(data)
  },
  signal_received: () => {},
  approval_requested: ({ view }, data, { at }) => {
    view.approvals.push({ ...data, requested_at: at })
  },
  approval_given: ({ view }, data) => {
    view.approvals = view.approvals.filter((open) => open.approval !== data.approval)
  },
  effect_question: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task)
    if (task !== undefined) task.state = 'asking'
    fold.view.effect_questions.push({ ...data, asked_at: at })
  },
  effect_resolved: ({ view }, data) => {
    view.effect_questions = view.effect_questions.filter((open) => open.task !== data.task)
  },
  child_started: (fold, data) => {
    const stage = fold.stages.get(data.stage)
    if (stage !== undefined) stage.child = data.run
  },
  child_finished: () => {},
  cancel_requested: ({ view }, data) => {
    view.reason = `cancel requested by ${data.by}`
  },
  pause_requested: () => {},
  resume_requested: () => {},
  run_paused: ({ view }, data) => {
    view.state = 'paused'
    view.reason = data.reason
  },
  run_resumed: ({ view }, data) => {
    view.state = view.definition === null ? 'planning' : 'running'
    view.reason = data.reason
  },
  run_finished: ({ view }, data, { at }) => {
    view.state = data.status
    view.reason = data.reason
    view.result = data.output
    view.success = data.success
    view.ended_at = at
    view.cost.duration_ms = view.started_at === null ? null : at - view.started_at
    view.approvals = []
    view.effect_questions = []
    view.waits = []
  },
}

const newStage = (id: string, at: number): StageView => ({
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

function newTask(fold: RunFold, address: string, at: number): TaskView {
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

function spend(view: RunView, usage: Spent): void {
  view.cost.input_tokens += usage.input_tokens ?? 0
  view.cost.output_tokens += usage.output_tokens ?? 0
  view.cost.calls += usage.calls
  if (usage.calls > 0 && (usage.input_tokens === null || usage.output_tokens === null))
    view.cost.unknown_usage += usage.calls
}

function settle(
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

function closeAttempt(
  task: TaskView,
  data: { attempt: number; agent: string | null; duration_ms: number },
  failure: Failure | null,
): void {
  const attempt = task.attempts.find((each) => each.attempt === data.attempt)
  if (attempt === undefined) return
  attempt.agent = data.agent ?? attempt.agent
  attempt.duration_ms = data.duration_ms
  attempt.failure = failure
}

function decide(fold: RunFold, event: RunEvent, decision: Omit<DecisionView, 'at' | 'seq'>): void {
  const { decisions } = fold.view
  decisions.push({ at: event.at, seq: event.seq, ...decision })
  if (decisions.length <= viewLimits.decisions) return
  decisions.shift()
  fold.left.decisions += 1
}

/** Lets the oldest settled stages go, a tenth at a time, so that the cost per event stays constant. */
function evict(fold: RunFold): void {
  const goal = { stages: viewLimits.stages * 0.9, tasks: viewLimits.tasks * 0.9 }
  for (const [address, stage] of fold.stages) {
    if (fold.stages.size <= goal.stages && fold.tasks.size <= goal.tasks) return
    if (stage.state === 'running') continue
    fold.stages.delete(address)
    fold.left.stages += 1
    fold.left.tasks += stage.tasks.length
    for (const task of stage.tasks) fold.tasks.delete(task.address)
  }
}
