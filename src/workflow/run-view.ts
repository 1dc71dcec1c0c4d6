/**
 * A run as people look at it, built by folding its stored events (never the engine's state): stages with their tasks,
 * decisions with what they saw and why, open questions, cost, result.
 *
 * O(n) in the number of events, and bounded in size: of a run with a hundred thousand stages the oldest settled ones
 * leave the view (they stay in the event log, which is paged). A view can be fed further as more events are stored.
 */
import type { RunEvent } from './event.ts'
import { takeEvent } from './run-view-events.ts'
import { viewLimits } from './run-view-parts.ts'
import type { RunFold, RunView } from './run-view-shape.ts'

export type { DecisionView, RunView, StageView, TaskView } from './run-view-shape.ts'

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
    budget: null,
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
    takeEvent(fold, event)
    if (event.seq === fold.view.forked_from?.shared) {
      const { input_tokens, output_tokens, calls } = fold.view.cost
      fold.view.cost.shared = { input_tokens, output_tokens, calls }
    }
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
