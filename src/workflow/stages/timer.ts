/** A pause of a given length. The run is parked meanwhile and holds nothing. */
import { milliseconds } from '../duration.ts'
import { completeStage } from '../scope.ts'
import type { StageBehaviour } from '../turn.ts'

export const timerBehaviour: StageBehaviour<'timer'> = {
  start(turn, place) {
    turn.startTimer(`${place.address}/timer`, turn.at + milliseconds(place.stage.for))
  },
  timerFired(turn, place) {
    completeStage(turn, place, null, null)
  },
}
