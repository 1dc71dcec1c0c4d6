/** What a run that has not ended is called between two inputs, and what it waits for. */
import { splitTask } from './address.ts'
import { isBudgetTimer } from './budget.ts'
import { hasEnded, type RunState } from './run-state.ts'

/** What a run that has not ended is called between two inputs. */
export function rest(state: RunState): void {
  if (hasEnded(state.status as never) || state.status === 'new') return
  const steps = Object.keys(state.steps)
  const busy = steps.some((step) => !step.endsWith('/run'))
  if (state.paused !== null)
    [state.status, state.reason] = ['paused', state.paused.reason || `paused by ${state.paused.by}`]
  else if (state.ending !== undefined)
    [state.status, state.reason] = ['running', `undoing what it did (${state.ending.reason})`]
  else if (state.closing !== undefined)
    [state.status, state.reason] = ['running', `closing out (${state.closing.reason})`]
  else if (state.definition === null) [state.status, state.reason] = ['planning', 'a definition is being made']
  else if (busy) [state.status, state.reason] = ['running', '']
  else [state.status, state.reason] = ['waiting', waitingFor(state, steps)]
}

function waitingFor(state: RunState, steps: string[]): string {
  const approvals = Object.keys(state.approvals)
  if (approvals.length > 0) return `a person: approval ${approvals.join(', ')}`
  if (steps.length > 0) return `another run (${steps.map((step) => step.slice(0, -'/run'.length)).join(', ')})`
  if ((state.budget?.parked.length ?? 0) > 0) return 'a person: its budget is used up, and has to be raised'
  const timers = Object.keys(state.timers).filter((timer) => !isBudgetTimer(timer))
  return timers.length > 0
    ? `a timer or a signal (${timers.map((timer) => splitTask(timer).stage).join(', ')})`
    : 'an answer to the question about an effect'
}
