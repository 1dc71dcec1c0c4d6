/** What each event changes in the view of a run (run-view.ts). */
import { viewBudget } from './budget-view.ts'
import type { EventData, EventType, RunEvent } from './event.ts'
import {
  callOff,
  closeAttempt,
  decide,
  newStage,
  newTask,
  noteFinding,
  settle,
  spend,
  viewLimits,
} from './run-view-parts.ts'
import type { RunFold } from './run-view-shape.ts'
import { stuckTask } from './trouble.ts'

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
    callOff(stage, at, data.reason)
    // The levels inside a loop that ends early end with it, without a word of their own.
    if (stage.kind === 'loop' || stage.kind === 'for_each')
      for (const [address, inner] of fold.stages)
        if (address.startsWith(`${data.stage}[`)) callOff(inner, at, `${data.stage} was over`)
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
    noteFinding(task, data)
  },
  task_failed: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task) ?? newTask(fold, data.task, at)
    fold.view.counts.tasks_failed += 1
    settle(fold.view, task, data)
    task.state = 'failed'
    task.agent = data.agent ?? task.agent
    task.failure = data.failure
    closeAttempt(task, data, data.failure)
    noteFinding(task, data)
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
  items_read: () => {},
  timer_started: () => {},
  wait_started: ({ view }, data) => {
    view.waits.push(data)
  },
  signal_received: () => {},
  approval_requested: ({ view, tasks }, data, { at }) => {
    const task = data.task === undefined ? undefined : tasks.get(data.task)
    if (task !== undefined) task.state = 'asking'
    view.approvals.push({ ...data, requested_at: at })
  },
  timer_fired: ({ view }, { timer }) => {
    const task = stuckTask(timer)
    if (task !== null) view.approvals = view.approvals.filter((open) => open.task !== task)
  },
  approval_given: ({ view, tasks }, data) => {
    const about = view.approvals.find((open) => open.approval === data.approval)?.task
    const task = about === undefined ? undefined : tasks.get(about)
    if (task !== undefined) task.state = 'failed'
    view.approvals = view.approvals.filter((open) => open.approval !== data.approval)
  },
  effect_question: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task)
    if (task !== undefined) task.state = 'asking'
    fold.view.effect_questions.push({ ...data, asked_at: at })
  },
  remedy_tried: (fold, { task, ...data }, { at }) => {
    const of = fold.tasks.get(task)
    if (of === undefined) return
    of.remedies = [...(of.remedies ?? []), { ...data, at, healed: null, reason: '' }].slice(-viewLimits.attempts)
  },
  remedy_ended: (fold, data) => {
    const last = fold.tasks.get(data.task)?.remedies?.findLast(({ remedy }) => remedy === data.remedy)
    if (last === undefined) return
    last.healed = data.healed
    last.reason = data.reason
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
    const task = fold.tasks.get(data.stage)
    if (task === undefined) return
    task.output = data.output
    if (task.parts !== null) task.parts.run = data.run
  },
  decomposition_requested: (fold, data, { at }) => {
    const task = fold.tasks.get(data.task) ?? newTask(fold, data.task, at)
    task.state = 'running'
    const { level, reason } = data
    task.parts ??= { state: 'planning', level, reason, logic: null, parts: [], run: null, stop: null }
  },
  decomposition_proposed: ({ view }, { usage }) => spend(view, usage),
  decomposition_denied: () => {},
  task_decomposed: (fold, { task: address, run, logic, parts }) => {
    const task = fold.tasks.get(address)
    if (task?.parts) Object.assign(task.parts, { state: 'running', run, logic, parts })
  },
  decomposition_ended: (fold, data) => {
    const task = fold.tasks.get(data.task)
    if (task?.parts) {
      const { stop, reason } = data
      Object.assign(task.parts, { state: 'ended', stop, reason })
    }
    const done = data.stop === 'goal_check_passed' || data.stop === 'parts_done'
    if (done) fold.view.counts.tasks_completed += 1
    if (task !== undefined) task.state = done ? 'completed' : 'failed'
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
  run_finished: (fold, data, event) => {
    const { view, stages } = fold
    const { at } = event
    for (const { id, reason } of data.not_fired ?? [])
      decide(fold, event, { stage: '', kind: 'feedback', taken: 'never fired', then: [], when: id, inputs: {}, reason })
    for (const stage of stages.values()) callOff(stage, at, data.reason)
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
