/** The first case that holds is taken; null and errors never hold, and the event says why. */
import { evaluateCondition } from '../expression.ts'
import { lookupFrom } from '../lookup.ts'
import { completeStage, pick } from '../scope.ts'
import type { StageBehaviour } from '../turn.ts'
import type { Json } from '../value.ts'

const list = (target: string | string[]): string[] => (typeof target === 'string' ? [target] : target)

export const decideBehaviour: StageBehaviour<'decide'> = {
  start(turn, place) {
    const lookup = lookupFrom(turn, place)
    const values: { [name: string]: Json } = {}
    const reasons: string[] = []
    let taken = -1
    for (const [i, option] of place.stage.cases.entries()) {
      const outcome = evaluateCondition(option.when, lookup)
      Object.assign(values, outcome.values)
      if (outcome.value === true) {
        taken = i
        break
      }
      reasons.push(`${option.when}: ${outcome.value === null ? outcome.reason : 'false'}`)
    }
    const chosen = place.stage.cases[taken]
    const then = list(chosen?.then ?? place.stage.otherwise)
    const reason = chosen === undefined ? `no case holds (${reasons.join('; ')})` : `${chosen.when} holds`
    turn.emit('decision_made', {
      stage: place.address,
      taken: chosen === undefined ? 'otherwise' : taken,
      then,
      when: chosen?.when ?? null,
      values,
      reason,
    })
    pick(turn, place, then)
    completeStage(turn, place, { then, taken: chosen?.when ?? 'otherwise' }, null, reason)
  },
}
