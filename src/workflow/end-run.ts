/** The end of a run: its output, and whether its success criteria are met. */
import { closingOutput } from './close-out.ts'
import type { EventData } from './event.ts'
import { evaluateBinding, evaluateCondition } from './expression.ts'
import { notFired } from './feedback.ts'
import { lookupIn } from './lookup.ts'
import { scopeOutput } from './scope.ts'
import type { Turn } from './turn.ts'

export function endRun(turn: Turn, status: EventData['run_finished']['status'], reason: string): void {
  const { state, definition } = turn
  let ended = status
  let why = reason
  let output = definition === null ? null : scopeOutput(state.top, definition.stages)
  const success: EventData['run_finished']['success'] = []
  if (definition !== null) {
    const lookup = lookupIn(turn, state.top, definition.stages, null)
    if (definition.output !== undefined) {
      const value = evaluateBinding(definition.output, lookup)
      // Never another stage's output in its place: what was declared says what may be given out.
      output = value.ok ? value.value : null
      if (!value.ok && status === 'completed')
        [ended, why] = ['partial', `the output cannot be had: ${value.failure.message}`]
    }
    for (const criterion of definition.success ?? []) {
      const outcome = evaluateCondition(criterion.when, lookup)
      success.push({
        id: criterion.id,
        met: outcome.value,
        reason: outcome.value === null ? outcome.reason : `${criterion.when} is ${outcome.value}`,
      })
    }
    if (state.closing !== undefined && status === 'partial') output = closingOutput(turn, output)
    if (state.decomposition !== undefined)
      state.decomposition.met = success.every((criterion) => criterion.met === true)
    const missed = success.filter((criterion) => criterion.met !== true)
    if (ended === 'completed' && missed.length > 0)
      [ended, why] = ['partial', `success criteria not met: ${missed.map((criterion) => criterion.id).join(', ')}`]
  }
  state.status = ended
  state.reason = why
  state.output = output
  state.ended_at = turn.at
  const not_fired = notFired(state.feedback)
  turn.emit('run_finished', { status: ended, reason: why, output, success, ...(not_fired.length > 0 && { not_fired }) })
}
