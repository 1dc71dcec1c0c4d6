/** What a run of parts has brought forth so far, and what it tells the run that waits for it. */
import { usedBy } from '../budget.ts'
import { contentHash } from '../content-hash.ts'
import type { EventData } from '../event.ts'
import type { RunState } from '../run-state.ts'
import type { Place, Turn } from '../turn.ts'

/** Parts in a row that gave the same result: the next will not give another. */
const SAME_IN_A_ROW = 3

/** Ends a run of parts in which three in a row gave the same result while others are still to come. */
export function nothingNew(turn: Turn, place: Place): void {
  const { state } = turn
  if (state.decomposition === undefined || place.parent !== null || place.scope.open <= 1) return
  const outputs = place.stages
    .map(({ id }) => place.scope.stages[id])
    .filter((stage) => stage?.s === 'done')
    .slice(-SAME_IN_A_ROW)
    .map((stage) => contentHash(stage?.out ?? null))
  if (outputs.length < SAME_IN_A_ROW || new Set(outputs).size > 1) return
  const reason = `no_new_state: ${SAME_IN_A_ROW} parts in a row gave the same result`
  const { level } = state.decomposition
  turn.emit('decomposition_ended', { task: '', stop: 'no_new_state', reason, level, run: state.run, nodes: 0 })
  turn.topEnded(reason)
}

/** What a run that has ended tells the run that waits for it. */
export const reportOf = (
  state: RunState,
): Pick<EventData['child_finished'], 'status' | 'output' | 'used' | 'nodes' | 'goal_met'> => {
  const { status, output = null, decomposition: tree } = state
  const parts = tree === undefined ? {} : { nodes: Math.max(0, tree.given - tree.left), goal_met: tree.met === true }
  return { status, output, used: usedBy(state), ...parts }
}
