/** One line on what an event says. Total, so that a new event type has to say. */
import type { Remedy } from '../../../src/progress/remedies.ts'
import type { EventData, EventType, RunEvent } from '../../../src/workflow/event.ts'

export const remedyNames: Record<Remedy, string> = {
  tell: 'told the facts',
  restart: 'begun anew',
  other_model: 'another model',
  other_agent: 'another agent',
  smaller_task: 'divided',
  set_aside: 'set aside',
  ask_person: 'a person is asked',
}

const by = (who: string, reason: string) => (reason === '' ? `by ${who}` : `by ${who}: ${reason}`)

const texts: { [T in EventType]: (data: EventData[T]) => string } = {
  run_started: ({ goal, by: who }) => `${goal ?? 'a definition'}, by ${who}`,
  plan_proposed: ({ attempt, source, name, problems }) =>
    `${source}, attempt ${attempt}: ${problems.length === 0 ? (name ?? 'accepted') : `${problems.length} problems`}`,
  task_finished: ({ task, agent, model, finding }) =>
    `${task} by ${agent}${model === null ? '' : ` on ${model}`}${finding === undefined ? '' : `; ${finding.detector}: ${finding.message}`}`,
  task_failed: ({ task, failure }) => `${task}: ${failure.message}`,
  items_read: ({ stage, from, items }) => `${stage}: items ${from + 1} to ${from + items.length}`,
  collected: ({ stage, metrics }) => `${stage}: ${metrics.succeeded} of ${metrics.n} succeeded`,
  timer_fired: ({ timer }) => timer,
  signal_received: ({ name, by: who }) => `${name}, by ${who}`,
  approval_given: ({ approval, decision, comment, by: who }) => `${approval}: ${decision}, ${by(who, comment)}`,
  effect_resolved: ({ task, happened, by: who }) => `${task}: ${happened ? 'happened' : 'did not happen'}, by ${who}`,
  child_finished: ({ stage, status }) => `${stage}: ${status}`,
  cancel_requested: ({ by: who, reason }) => by(who, reason),
  pause_requested: ({ by: who, reason }) => by(who, reason),
  resume_requested: ({ by: who, reason }) => by(who, reason),
  plan_requested: ({ attempt }) => `attempt ${attempt}`,
  definition_chosen: ({ name, source, reason }) => `${name} (${source}): ${reason}`,
  stage_started: ({ stage, kind }) => `${stage} (${kind})`,
  task_started: ({ task, attempt, agent, capability }) =>
    `${task}${attempt > 1 ? `, attempt ${attempt}` : ''}: ${agent ?? `any agent with ${capability}`}`,
  loop_iterated: ({ stage, iteration, reason }) => `${stage}, iteration ${iteration}: ${reason}`,
  decision_made: ({ stage, then, reason }) => `${stage} → ${then.join(', ')}: ${reason}`,
  vote_closed: ({ stage, result }) => `${stage}: ${result.winner ?? result.status}, ${result.reason}`,
  timer_started: ({ timer, due }) => `${timer}, due ${new Date(due).toLocaleTimeString()}`,
  approval_requested: ({ question }) => question,
  effect_question: ({ question }) => question,
  remedy_tried: ({ task, remedy, cause, facts }) =>
    `${task}, ${cause.replaceAll('_', ' ')}: ${remedyNames[remedy]}; ${facts}`,
  remedy_ended: ({ task, remedy, healed, reason }) =>
    `${task}: ${remedyNames[remedy]} ${healed ? 'helped' : `did not help${reason === '' ? '' : `, ${reason}`}`}`,
  wait_started: ({ stage, signal }) => `${stage} waits for ${signal}`,
  child_started: ({ stage, run }) => `${stage}: ${run}`,
  decomposition_requested: ({ task, level, reason }) => `${task}, level ${level}: ${reason}`,
  decomposition_proposed: ({ task, attempt, parts, problems }) =>
    `${task}, attempt ${attempt}: ${problems.length === 0 ? `${parts.length} parts` : problems.join('; ')}`,
  decomposition_denied: ({ task, cap, reason }) => `${task}, ${cap}: ${reason}`,
  task_decomposed: ({ task, logic, parts }) =>
    `${task}: ${parts.map(({ does }) => does).join(logic === 'and' ? ', then ' : ', or ')}`,
  decomposition_ended: ({ task, stop, reason }) => `${task} ${stop}: ${reason}`,
  stage_finished: ({ stage, status, reason }) => `${stage} ${status}${reason === '' ? '' : `: ${reason}`}`,
  feedback_fired: ({ feedback, action }) => `${feedback}: ${action}`,
  compensation_started: ({ reason }) => reason,
  compensation_finished: ({ task, undone, reason }) => `${task}: ${undone ? 'undone' : `not undone, ${reason}`}`,
  definition_changed: ({ definition, by: who }) => `${definition.slice(0, 19)}, by ${who}`,
  definition_kept: ({ reason, by: who }) => `asked for by ${who}: ${reason}`,
  program_changed: ({ from, to }) => (from === null ? to : `${from} → ${to}`),
  agent_changed: ({ agent, what, from, to }) =>
    what === 'agent' ? `${agent}: ${from.slice(7, 19)} → ${to.slice(7, 19)}` : `${agent}: ${from} → ${to}`,
  budget_opened: ({ account }) => account,
  budget_notice: ({ account, unit }) => `two thirds of the ${unit} of ${account} are used`,
  budget_denied: ({ account, unit, by: who }) =>
    `${who === '' ? '' : `${who}: `}nothing left of the ${unit} of ${account}`,
  budget_raised: ({ unit, by: who, reason }) => `${unit}, ${by(who, reason)}`,
  close_out_started: ({ reason, in_hand }) => `${reason}; ${in_hand} in hand`,
  run_paused: ({ reason, by: who }) => by(who, reason),
  run_resumed: ({ reason, by: who }) => by(who, reason),
  run_finished: ({ status, reason }) => `${status}${reason === '' ? '' : `: ${reason}`}`,
}

export const eventText = (event: RunEvent): string => {
  const text = texts[event.type] as ((data: unknown) => string) | undefined
  return text?.(event.data) ?? ''
}
