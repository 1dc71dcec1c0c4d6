/** A person says yes or no, within a time, with a default for silence. */
import type { ApprovalStage } from '../definition.ts'
import { milliseconds } from '../duration.ts'
import { evaluateBinding } from '../expression.ts'
import { lookupFrom } from '../lookup.ts'
import { completeStage, failStage } from '../scope.ts'
import type { Place, StageBehaviour, Turn } from '../turn.ts'
import type { Value } from '../value.ts'

const timerOf = (place: Place): string => `${place.address}/timeout`

/** Unique within the run: a loop asks again under another id. */
export const approvalId = (address: string): string => address.replace(/[^a-z0-9_]+/g, '-').replace(/-$/, '')

function decided(
  turn: Turn,
  place: Place<ApprovalStage>,
  decision: 'approve' | 'refuse',
  reason: string,
  comment: string,
): void {
  turn.dropTimer(timerOf(place))
  delete turn.state.approvals[approvalId(place.address)]
  turn.stageState(place).decision = decision
  if (decision === 'approve') completeStage(turn, place, { decision, comment }, null, reason)
  else failStage(turn, place, reason, null, { decision, comment })
}

export const approvalBehaviour: StageBehaviour<'approval'> = {
  start(turn, place) {
    const show: { [name: string]: Value } = {}
    for (const [name, binding] of Object.entries(place.stage.show ?? {})) {
      const value = evaluateBinding(binding, lookupFrom(turn, place))
      show[name] = value.ok ? value.value : `(${value.failure.message})`
    }
    const approval = approvalId(place.address)
    const due = turn.at + milliseconds(place.stage.timeout)
    turn.state.approvals[approval] = place.address
    turn.emit('approval_requested', {
      approval,
      stage: place.address,
      question: place.stage.question,
      show: show as Value,
      due,
      default: place.stage.default,
    })
    turn.startTimer(timerOf(place), due)
  },
  approvalGiven(turn, place, decision, comment) {
    decided(
      turn,
      place,
      decision,
      decision === 'approve' ? `approved${comment && `: ${comment}`}` : `refused${comment && `: ${comment}`}`,
      comment,
    )
  },
  timerFired(turn, place) {
    const decision = place.stage.default
    decided(turn, place, decision, `nobody answered within ${place.stage.timeout}; default: ${decision}`, '')
  },
}
