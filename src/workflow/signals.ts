/** Named messages to a run. */
import { splitTask } from './address.ts'
import type { EventData } from './event.ts'
import { findPlace } from './places.ts'
import type { Turn } from './turn.ts'

/** The stage that has waited longest takes the signal; with none waiting it is kept for the first that will. */
export function signalled(turn: Turn, data: EventData['signal_received']): void {
  const { state } = turn
  for (const timer of Object.keys(state.timers)) {
    if (!timer.endsWith('/timeout') || turn.definition === null) continue
    const place = findPlace(turn.definition, state, splitTask(timer).stage)
    if (place?.stage.kind === 'wait' && place.stage.signal === data.name)
      return turn.behaviour('wait').signalReceived?.(turn, place as never, data.data)
  }
  const kept = state.signals[data.name] ?? []
  if (kept.length < KEPT_SIGNALS) state.signals[data.name] = [...kept, data.data]
}

/** Signals kept per name for a stage that may come to wait for them. */
const KEPT_SIGNALS = 1_000
