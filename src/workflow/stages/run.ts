/** Another definition as a run of its own; this stage waits for it and takes its result. */
import { depthDenied } from '../budget.ts'
import { childBudget, deny } from '../call-budget.ts'
import { contentHash } from '../content-hash.ts'
import { evaluateBinding } from '../expression.ts'
import { lookupFrom } from '../lookup.ts'
import { completeStage, failStage } from '../scope.ts'
import type { StageBehaviour } from '../turn.ts'
import type { Value } from '../value.ts'

/** The same stage of the same run always has the same child, so that starting it twice starts it once. */
export function childRunId(run: string, stage: string): string {
  const hex = contentHash({ run, stage }).slice('sha256:'.length)
  // UUIDv8 (RFC 9562, 5.8): version and variant set, everything else ours.
  return `run_${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export const runBehaviour: StageBehaviour<'run'> = {
  start(turn, place) {
    const inputs: { [name: string]: Value } = {}
    for (const [name, binding] of Object.entries(place.stage.input ?? {})) {
      const value = evaluateBinding(binding, lookupFrom(turn, place))
      if (!value.ok) return failStage(turn, place, `input ${name}: ${value.failure.message}`)
      inputs[name] = value.value
    }
    const deep = depthDenied(turn)
    if (deep !== null) return failStage(turn, place, deny(turn, place.address, deep))
    const budget = childBudget(turn, place)
    const run = childRunId(turn.state.run, place.address)
    turn.emit('child_started', { stage: place.address, run, definition: place.stage.definition })
    turn.ask({
      do: 'start_run',
      stage: place.address,
      run,
      definition: place.stage.definition,
      inputs,
      ...(budget === undefined ? {} : { budget }),
    })
  },
  childFinished(turn, place, status, output) {
    if (status === 'completed' || status === 'partial')
      completeStage(turn, place, output, null, `the run ended as ${status}`)
    else failStage(turn, place, `the run ended as ${status}`, null, output)
  },
}
