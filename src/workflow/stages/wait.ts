/** Waits for a signal by name. One that came earlier in the run is taken at once; signals are taken in order. */
import type { WaitStage } from '../definition.ts'
import { milliseconds } from '../duration.ts'
import { evaluateBinding } from '../expression.ts'
import { lookupFrom } from '../lookup.ts'
import { completeStage, failStage } from '../scope.ts'
import type { Place, StageBehaviour, Turn } from '../turn.ts'
import type { Value } from '../value.ts'

const timerOf = (place: Place): string => `${place.address}/timeout`

function arrived(turn: Turn, place: Place<WaitStage>, data: Value): void {
  turn.dropTimer(timerOf(place))
  completeStage(turn, place, data, null, `signal ${place.stage.signal} received`)
}

export const waitBehaviour: StageBehaviour<'wait'> = {
  start(turn, place) {
    const early = turn.state.signals[place.stage.signal]
    const data = early?.shift()
    if (early?.length === 0) delete turn.state.signals[place.stage.signal]
    if (data !== undefined) return arrived(turn, place, data)
    const due = turn.at + milliseconds(place.stage.timeout)
    turn.emit('wait_started', { stage: place.address, signal: place.stage.signal, due })
    turn.startTimer(timerOf(place), due)
  },
  signalReceived(turn, place, data) {
    arrived(turn, place, data)
  },
  timerFired(turn, place) {
    const reason = `no signal ${place.stage.signal} within ${place.stage.timeout}`
    if (place.stage.default === undefined) return failStage(turn, place, reason)
    const value = evaluateBinding(place.stage.default, lookupFrom(turn, place))
    if (value.ok) completeStage(turn, place, value.value, null, `${reason}: default taken`)
    else failStage(turn, place, `${reason}, and the default cannot be had: ${value.failure.message}`)
  },
}
