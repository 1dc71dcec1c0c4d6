/** Repeats its body until a condition holds, at most `max` times. Only the present iteration is kept in the state. */
import { bodyPrefix } from '../address.ts'
import { usedUp } from '../call-budget.ts'
import type { LoopStage } from '../definition.ts'
import { evaluateCondition } from '../expression.ts'
import { lookupIn } from '../lookup.ts'
import { openScope } from '../places.ts'
import type { Scope } from '../run-state.ts'
import { completeStage, failStage, scopeOutput, startScope } from '../scope.ts'
import type { Place, StageBehaviour, Turn } from '../turn.ts'

function iterate(turn: Turn, place: Place<LoopStage>, iteration: number, previous: Scope | null): void {
  const state = turn.stageState(place)
  state.iteration = iteration
  // What the last iteration yielded is the `item` of the next, so that work can be carried on.
  const item = previous === null ? null : scopeOutput(previous, place.stage.stages)
  state.scope = openScope(place.stage.stages, { iteration, item })
  startScope(turn, state.scope, place.stage.stages, bodyPrefix(place.address, iteration), place)
}

export const loopBehaviour: StageBehaviour<'loop'> = {
  start(turn, place) {
    iterate(turn, place, 1, null)
  },
  bodyEnded(turn, place, body, failure) {
    const iteration = body.iteration ?? 1
    const before = body.item ?? null
    // A budget of its own that is used up ends a loop as its bound does: with what it has.
    if (failure !== null && before !== null && usedUp(turn, place))
      return completeStage(turn, place, before, null, `its budget is used up in iteration ${iteration}: ${failure}`)
    if (failure !== null) return failStage(turn, place, failure)
    const outcome = evaluateCondition(place.stage.until, lookupIn(turn, body, place.stage.stages, place))
    const reason = outcome.value === null ? outcome.reason : `${place.stage.until} is ${outcome.value}`
    turn.emit('loop_iterated', { stage: place.address, iteration, until: outcome.value, reason })
    if (outcome.value !== true && iteration < place.stage.max) return iterate(turn, place, iteration + 1, body)
    const output = scopeOutput(body, place.stage.stages)
    completeStage(
      turn,
      place,
      output,
      null,
      outcome.value === true ? reason : `the bound of ${place.stage.max} iterations is reached (${reason})`,
    )
  },
}
