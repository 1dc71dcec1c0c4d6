/** Whether an input finds its place in a run: what it answers was asked for, and has not come back. */
import { planOf } from './command.ts'
import type { RunInput } from './event.ts'
import { hasEnded, type RunState } from './run-state.ts'

/** The address of the step that an input answers, or null when it answers none. */
export function answeredStep(input: RunInput): string | null {
  switch (input.type) {
    case 'plan_proposed':
      return `plan#${input.data.attempt}`
    case 'task_finished':
    case 'task_failed':
      return `${input.data.task}#${input.data.attempt}`
    case 'collected':
      return `${input.data.stage}/collect`
    case 'items_read':
      return `${input.data.stage}/items#${input.data.from}`
    case 'child_finished':
      return `${input.data.stage}/run`
    case 'decomposition_proposed':
      return `${planOf(input.data.task)}#${input.data.attempt}`
    default:
      return null
  }
}

/** False: the input changes nothing. Takes the step that it answers off the list of those that are owed. */
export function hasPlace(state: RunState, input: RunInput): boolean {
  if (input.type === 'run_started') return state.status === 'new'
  if (state.status === 'new' || hasEnded(state.status)) return false
  const step = answeredStep(input)
  if (step !== null) {
    const known = state.steps[step] === true
    delete state.steps[step]
    return known
  }
  if (state.ending !== undefined && input.type !== 'pause_requested' && input.type !== 'resume_requested') return false
  switch (input.type) {
    case 'timer_fired':
      return state.timers[input.data.timer] !== undefined
    case 'approval_given':
      return state.approvals[input.data.approval] !== undefined
    case 'pause_requested':
      return state.paused === null
    case 'resume_requested':
      return state.paused !== null
    case 'definition_changed':
      return state.definition === input.data.from
    default:
      return true
  }
}
