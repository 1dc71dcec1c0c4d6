/** What each event changes in the view of a run (run-view.ts). */
import type { Failure } from '../failure.ts'
import { splitTask } from './address.ts'
import { viewBudget } from './budget-view.ts'
import type { EventData, EventType, RunEvent } from './event.ts'
import type { DecisionView, RunFold, RunView, StageView, TaskView } from './run-view-shape.ts'

/** Stages, tasks and attempts that a view keeps at most. */
export const viewLimits = { stages: 400, tasks: 2_000, attempts: 10, decisions: 500, notes: 100 } as const

export function takeEvent(fold: RunFold, event: RunEvent): void {
  viewBudget(fold.view, event)
  const take = takers[event.type] as (fold: RunFold, data: unknown, event: RunEvent) => void
  take(fold, event.data, event)
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
    callOff(stage)
    // The levels inside a loop that ends early end with it, without a word of their own.
    if (stage.kind === 'loop' || stage.kind === 'for_each')
      for (const [address, inner] of fold.stages) if (address.startsWith(`${data.stage}[`)) callOff(inner)
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
    if (task.attempts.length < viewLimits.attempts)
      task.attempts.push({
        attempt: data.attempt,
        agent: data.agent,
        started_at: at,
        delay_ms: data.delay_ms,
        queued_ms: null,
        duration_ms: null,
        model_queued_ms: null,
        load_ms: null,
        failure: null,
      })
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
  compensation_started: (fold, data, event) => {
    decide(fold, event, {
      stage: '',
      kind: 'compensation',
      taken: 'undo',
      then: data.tasks,
      when: null,
      inputs: {},
      reason: data.reason,
    })
  },
  compensation_finished: (fold, data, event) => {
    decide(fold, event, {
      stage: '',
      kind: 'compensation',
      taken: data.undone ? 'undone' : 'not undone',
      then: [data.task],
      when: null,
      inputs: {},
      reason: data.reason,
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
  child_finished: (fold, data) => {
    // A fork takes the answer of the source's child: that is the run to look at.
    const stage = fold.stages.get(data.stage)
    if (stage !== undefined) stage.child = data.run
  },
  budget_raised: () => {},
  budget_opened: () => {},
  budget_notice: () => {},
  budget_denied: () => {},
  close_out_started: ({ view }, data) => {
    view.reason = data.reason
  },
  cancel_requested: ({ view }, data) => {
    view.reason = `cancel requested by ${data.by}`
  },
  pause_requested: () => {},
  resume_requested: () => {},
  definition_changed: ({ view }, { definition, by }) => {
    const name = view.definition?.name ?? null
    view.definition = { hash: definition, name, source: 'newer version', reason: `taken over by ${by}` }
  },
  // These stand in the log; what the run does is the same as before.
  definition_kept: () => undefined,
  program_changed: () => undefined,
  agent_changed: () => undefined,
  run_paused: ({ view }, data) => {
    view.state = 'paused'
    view.reason = data.reason
  },
  run_resumed: ({ view }, data) => {
    view.state = view.definition === null ? 'planning' : 'running'
    view.reason = data.reason
  },
  run_finished: ({ view, stages }, data, { at }) => {
    for (const stage of stages.values()) callOff(stage)
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

/** What has not settled when its stage is over does not any more. */
function callOff(stage: StageView): void {
  for (const task of stage.tasks) if (task.state === 'running' || task.state === 'asking') task.state = 'cancelled'
}

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

function decide(fold: RunFold, event: RunEvent, decision: Omit<DecisionView, 'at' | 'seq'>): void {
  const { decisions } = fold.view
  decisions.push({ at: event.at, seq: event.seq, ...decision })
  if (decisions.length <= viewLimits.decisions) return
  decisions.shift()
  fold.left.decisions += 1
}
