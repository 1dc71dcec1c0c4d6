/** What holds for votes that do not say it themselves. Pinned when a run starts, so that a run is repeated as it was. */
import type { Configuration } from '../configuration/configuration.ts'
import { DEFAULT_THRESHOLD } from '../consensus/plurality.ts'
import type { EventData } from '../workflow/event.ts'

/** Only what differs from what holds anyway. */
export function usualVotes({
  consensus_threshold,
  decision_timeout_ms,
}: Configuration): Pick<EventData['run_started'], 'votes'> {
  const votes = {
    ...(consensus_threshold !== DEFAULT_THRESHOLD && { threshold: consensus_threshold }),
    ...(decision_timeout_ms !== null && { timeout_ms: decision_timeout_ms }),
  }
  return Object.keys(votes).length > 0 ? { votes } : {}
}
