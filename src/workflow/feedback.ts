/**
 * Feedback loops: after each stage of the top level their triggers are looked at, over the metrics of this run; null
 * never fires. Each named action changes how the run goes on in one documented way, and the event says so.
 *
 * | action | what it does |
 * | --- | --- |
 * | `amplify_successful_patterns` | from now on a task that names a capability prefers the agent that has completed most tasks of this capability in this run |
 * | `explore_and_strengthen` | for the next stage, agents that have worked for a capability are passed over where another one has it |
 * | `synchronize_agents` | tasks of the next stages are given the output of the stage that ended last, as `shared_summary` |
 * | `accelerate_system_state` | waits before new attempts are a quarter as long |
 * | `stabilize_new_level` | no feedback fires for the next five stages |
 */
import type { CallAgent } from './command.ts'
import { evaluateCondition, type Lookup } from './expression.ts'
import { lookupFrom, metricOf, metricReason, type Stages } from './lookup.ts'
import type { FeedbackState } from './run-state.ts'
import type { Place, Turn } from './turn.ts'

const WINDOW = 5

/** Called when a stage of the top level has completed or failed, before what depends on it starts. */
export function applyFeedback(turn: Turn, place: Place): void {
  const rules = turn.definition?.feedback ?? []
  if (rules.length === 0 || place.parent !== null) return
  const { feedback } = turn.state
  if (feedback.exploring === place.stage.id) delete feedback.exploring
  if (feedback.frozen > 0) {
    feedback.frozen--
    return
  }
  const scope = lookupFrom(turn, place)
  // Here coherence is that of the stage that has just ended, not of those before it.
  const own: Stages = [[place.stage.id, turn.stageState(place)]]
  const lookup: Lookup = (name) => {
    const metric = metricOf(name, () => own)
    return metric === undefined ? (metricReason(name, () => own) ?? scope(name)) : metric
  }
  for (const rule of rules) {
    const fired = feedback.fired[rule.id] ?? 0
    if (fired >= rule.max) continue
    const outcome = evaluateCondition(rule.when, lookup)
    if (outcome.value === null) feedback.no_value = { [rule.id]: outcome.reason, ...feedback.no_value }
    if (outcome.value !== true) continue
    feedback.fired[rule.id] = fired + 1
    turn.emit('feedback_fired', { feedback: rule.id, action: rule.action, values: outcome.values })
    if (rule.action === 'amplify_successful_patterns') feedback.amplified = true
    else if (rule.action === 'explore_and_strengthen') feedback.exploring = ''
    else if (rule.action === 'synchronize_agents') feedback.shared = true
    else if (rule.action === 'accelerate_system_state') feedback.hastened = true
    else feedback.frozen = WINDOW
  }
}

/** Rules that have never fired, and of which a value was missing at least once: which one. */
export const notFired = ({ fired, no_value = {} }: FeedbackState): { id: string; reason: string }[] =>
  Object.entries(no_value).flatMap(([id, reason]) => (fired[id] === undefined ? [{ id, reason }] : []))

/** Notes who completed a task of a capability: the pattern that amplification prefers. */
export function noteSuccess(turn: Turn, capability: string, agent: string): void {
  if ((turn.definition?.feedback?.length ?? 0) === 0) return
  const { wins } = turn.state.feedback
  const counts = wins[capability] ?? {}
  wins[capability] = { ...counts, [agent]: (counts[agent] ?? 0) + 1 }
}

/** The call as feedback would have it. */
export function adjusted(turn: Turn, place: Place, call: CallAgent): CallAgent {
  const { feedback, top } = turn.state
  let changed = call
  const wins = call.capability === null ? undefined : feedback.wins[call.capability]
  if (feedback.amplified === true && wins !== undefined && call.agent === null) {
    const best = Object.entries(wins).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]
    if (best !== undefined && !call.excluded.includes(best[0])) changed = { ...changed, agent: best[0] }
  }
  if (feedback.exploring !== undefined && wins !== undefined && call.agent === null) {
    feedback.exploring = place.stage.id
    changed = { ...changed, agent: null, excluded: [...new Set([...call.excluded, ...Object.keys(wins)])] }
  }
  const last = feedback.shared === true && top.last !== undefined ? top.stages[top.last]?.out : undefined
  if (last !== undefined && changed.input['shared_summary'] === undefined)
    changed = { ...changed, input: { ...changed.input, shared_summary: last } }
  if (feedback.hastened === true && changed.delay_ms > 0)
    changed = { ...changed, delay_ms: Math.ceil(changed.delay_ms / 4) }
  return changed
}
