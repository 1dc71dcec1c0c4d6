/** One line of plain text for each event of a run: what logs show, and progress where nobody looks at a terminal. Pure. */

import { amountText, countedUnits, type Limits } from '../budget/amounts.ts'
import type { Remedy } from '../progress/remedies.ts'
import { durationText } from '../workflow/duration.ts'
import type { BudgetUnit, EventData, EventType, RunEvent, Usage } from '../workflow/event.ts'
import { count, oneLine, type Paint, painted, span } from './format.ts'

/** Without a time in front. */
export function eventLine(event: RunEvent, paint: Paint): string {
  const say = lines[event.type] as ((data: unknown, paint: Paint) => string) | undefined
  // A newer server may know more kinds of events than this command line.
  return oneLineKeepingColour(say ? say(event.data, paint) : event.type)
}

/** Whether the event is worth a line while one waits for the result. */
export const isMilestone = (event: RunEvent): boolean => milestones[event.type] ?? false

const oneLineKeepingColour = (text: string): string => text.replace(/\s*\n\s*/g, ' ')

const used = ({ input_tokens, output_tokens }: Usage): string =>
  input_tokens === null && output_tokens === null ? '' : `, ${count((input_tokens ?? 0) + (output_tokens ?? 0))} tokens`

const text = (value: string): string => oneLine(value)
const because = (reason: string): string => (reason === '' ? '' : `: ${text(reason)}`)

const budgetText = (unit: BudgetUnit, amount: number): string =>
  unit === 'wall_clock'
    ? durationText(amount)
    : unit === 'depth' || unit === 'fan_out'
      ? `${unit} ${amount}`
      : amountText(unit, amount)

const limitsText = (limits: Limits, wall_clock_ms: number | null): string =>
  [
    ...countedUnits.flatMap((unit) => (limits[unit] === undefined ? [] : [amountText(unit, limits[unit])])),
    ...(wall_clock_ms === null ? [] : [durationText(wall_clock_ms)]),
  ].join(', ') || 'no limit of its own'

const remedyText: Record<Remedy, string> = {
  tell: 'telling the agent the facts',
  restart: 'beginning anew',
  other_model: 'another model',
  other_agent: 'another agent',
  smaller_task: 'dividing it',
  set_aside: 'setting it aside',
  ask_person: 'asking a person',
}

const lines: { [T in EventType]: (data: EventData[T], paint: Paint) => string } = {
  run_started: ({ goal, definition }) =>
    `run started${goal === null ? '' : `: ${text(goal)}`}${definition === null ? '' : ` (definition ${definition.slice(0, 19)})`}`,
  plan_requested: ({ attempt, problems }) =>
    `planning, attempt ${attempt}${problems.length > 0 ? `; to repair: ${text(problems.join('; '))}` : ''}`,
  plan_proposed: ({ attempt, source, model, problems, definition, failure, usage, duration_ms }) =>
    `plan ${attempt} from ${source === 'model' ? text(model ?? 'the model') : 'a template'} in ${span(duration_ms)}${used(usage)}: ${
      definition !== null ? 'accepted' : failure ? text(failure.message) : text(problems.join('; ')) || 'refused'
    }`,
  definition_chosen: ({ name, source, reason }) => `definition ${text(name)} (${source})${because(reason)}`,
  stage_started: ({ stage, kind }, paint) => `${paint('bold', text(stage))} started (${kind})`,
  task_started: ({ task, attempt, agent, capability, delay_ms }) =>
    `${text(task)} → ${text(agent ?? capability ?? 'any agent')}${attempt > 1 ? `, attempt ${attempt}` : ''}${delay_ms > 0 ? ` in ${span(delay_ms)}` : ''}`,
  task_finished: ({ task, agent, usage, duration_ms, ballot, finding }, paint) =>
    `${text(task)} ${paint('green', 'done')} by ${text(agent)} in ${span(duration_ms)}${used(usage)}${ballot === undefined ? '' : `, votes for ${text(ballot)}`}${finding === undefined ? '' : `; ${finding.detector}: ${text(finding.message)}`}`,
  task_failed: ({ task, agent, failure, retryable, attempt }, paint) =>
    `${text(task)} ${paint('red', 'failed')}${agent === null ? '' : ` at ${text(agent)}`} (attempt ${attempt}${retryable ? ', may be tried again' : ''}): ${text(failure.message)}`,
  items_read: ({ stage, from, items }) =>
    `${text(stage)} read the items ${from + 1} to ${from + items.length} of its list`,
  collected: ({ stage, metrics }) =>
    `${text(stage)} collected ${metrics.succeeded} of ${metrics.n} results${metrics.agreement === null ? '' : `, agreement ${metrics.agreement.toFixed(2)}`}`,
  decision_made: ({ stage, then, when, reason, taken }, paint) =>
    `${paint('bold', text(stage))} decided: ${then.map(text).join(', ')} (${taken === 'otherwise' ? 'otherwise' : text(when ?? `case ${taken + 1}`)})${because(reason)}`,
  loop_iterated: ({ stage, iteration, reason }) => `${text(stage)} iteration ${iteration}${because(reason)}`,
  vote_closed: ({ stage, result }) =>
    `${text(stage)} voted: ${text(result.winner ?? result.status)}, ${result.valid} of ${result.eligible} valid${because(result.reason)}`,
  stage_finished: ({ stage, status, reason, metrics }, paint) =>
    `${paint('bold', text(stage))} ${painted(paint, status)}${metrics ? ` in ${span(metrics.duration_ms)}` : ''}${because(reason)}`,
  timer_started: ({ timer, due }) => `timer ${text(timer)} until ${new Date(due).toISOString()}`,
  timer_fired: ({ timer }) => `timer ${text(timer)} fired`,
  wait_started: ({ stage, signal }) => `${text(stage)} waits for the signal ${text(signal)}`,
  signal_received: ({ name, by }) => `signal ${text(name)} from ${text(by)}`,
  approval_requested: ({ stage, question, default: standing }, paint) =>
    `${text(stage)} ${paint('yellow', 'asks')}: ${text(question)} (without an answer: ${standing})`,
  approval_given: ({ decision, by, comment }) =>
    `${decision === 'approve' ? 'approved' : 'refused'} by ${text(by)}${because(comment)}`,
  remedy_tried: ({ task, remedy, cause, facts, agent, model }, paint) =>
    `${text(task)} gets nowhere (${cause}), ${paint('yellow', remedyText[remedy])}${agent === null ? '' : `: ${text(agent)}`}${model === null ? '' : ` with ${text(model)}`}; ${text(facts)}`,
  remedy_ended: ({ task, remedy, healed, reason }, paint) =>
    `${text(task)}: ${remedyText[remedy]} ${healed ? paint('green', 'helped') : `did not help${because(reason)}`}`,
  effect_question: ({ task, question }, paint) => `${text(task)} ${paint('yellow', 'asks')}: ${text(question)}`,
  effect_resolved: ({ task, happened, by }) =>
    `${text(task)}: ${text(by)} says that it ${happened ? 'happened' : 'did not happen'}`,
  child_started: ({ stage, run }) => `${text(stage)} started ${text(run)}`,
  child_finished: ({ stage, run, status }, paint) => `${text(stage)}: ${text(run)} ${painted(paint, status)}`,
  decomposition_requested: ({ task, level, reason, attempt, problems }) =>
    `${text(task)} is to be divided (level ${level}${attempt > 1 ? `, attempt ${attempt}` : ''})${because(problems.length > 0 ? problems.join('; ') : reason)}`,
  decomposition_proposed: ({ task, attempt, model, parts, definition, failure, problems, usage, duration_ms }) =>
    `${text(task)}: plan ${attempt} of its parts from ${text(model ?? 'the model')} in ${span(duration_ms)}${used(usage)}: ${
      definition !== null ? `${parts.length} parts` : text(failure?.message ?? problems.join('; ')) || 'refused'
    }`,
  decomposition_denied: ({ task, cap, reason }, paint) =>
    `${text(task)} ${paint('red', 'denied')} more parts by the cap on ${cap}${because(reason)}`,
  task_decomposed: ({ task, run, logic, parts }) =>
    `${text(task)} divided into ${parts.map(({ does }) => text(does)).join(logic === 'and' ? ', then ' : ', or ')} (${text(run)})`,
  decomposition_ended: ({ task, stop, reason }) =>
    `${task === '' ? '' : `${text(task)}: `}division ended (${stop})${because(reason)}`,
  feedback_fired: ({ feedback, action }) => `feedback ${text(feedback)}: ${text(action)}`,
  compensation_started: ({ tasks, reason }) => `undoing ${tasks.length} tasks${because(reason)}`,
  compensation_finished: ({ task, undone, reason }) =>
    `${text(task)} ${undone ? 'undone' : 'could not be undone'}${because(reason)}`,
  cancel_requested: ({ by, reason }) => `cancel requested by ${text(by)}${because(reason)}`,
  pause_requested: ({ by, reason }) => `pause requested by ${text(by)}${because(reason)}`,
  resume_requested: ({ by, reason }) => `resume requested by ${text(by)}${because(reason)}`,
  definition_changed: ({ definition, by }) => `goes on with definition ${definition.slice(0, 19)}, by ${text(by)}`,
  definition_kept: ({ definition, reason, by }, paint) =>
    `${paint('yellow', 'stays')} with its definition; ${definition.slice(0, 19)}, wanted by ${text(by)}, does not fit${because(reason)}`,
  program_changed: ({ from, to }) =>
    `driven by Quorate ${text(to)} from here on${from === null ? '' : `, by ${text(from)} before`}`,
  agent_changed: ({ agent, task, what, from, to }) =>
    `${text(task)}: ${what === 'agent' ? 'agent' : 'model of'} ${text(agent)} is another than before (${what === 'agent' ? `${from.slice(7, 19)} → ${to.slice(7, 19)}` : text(`${from} → ${to}`)})`,
  budget_opened: ({ account, limits, wall_clock_ms }) =>
    `budget of ${text(account)}: ${limitsText(limits, wall_clock_ms)}`,
  budget_notice: ({ account, unit, spent, limit }, paint) =>
    `${paint('yellow', 'two thirds')} of the budget of ${text(account)} are used: ${budgetText(unit, spent)} of ${budgetText(unit, limit)}`,
  budget_denied: ({ by, account, unit, wanted, left, limit }, paint) =>
    `${by === '' ? '' : `${text(by)} `}${paint('red', 'denied')} by the budget of ${text(account)}: ${budgetText(unit, wanted)} wanted, ${budgetText(unit, left)} left of ${budgetText(unit, limit)}`,
  budget_raised: ({ unit, to, by, reason }) =>
    `budget raised to ${budgetText(unit, to)} by ${text(by)}${because(reason)}`,
  close_out_started: ({ reason, in_hand }) => `closing out, ${in_hand} in hand${because(reason)}`,
  run_paused: ({ by, reason }) => `paused by ${text(by)}${because(reason)}`,
  run_resumed: ({ by, reason }) => `resumed by ${text(by)}${because(reason)}`,
  run_finished: ({ status, reason }, paint) => `run ${painted(paint, status)}${because(reason)}`,
}

const milestones: { [T in EventType]: boolean } = {
  run_started: false,
  plan_requested: true,
  plan_proposed: true,
  definition_chosen: true,
  stage_started: true,
  task_started: false,
  task_finished: true,
  task_failed: true,
  collected: false,
  items_read: false,
  decision_made: true,
  loop_iterated: true,
  vote_closed: true,
  stage_finished: true,
  timer_started: true,
  timer_fired: false,
  wait_started: true,
  signal_received: true,
  approval_requested: true,
  approval_given: true,
  effect_question: true,
  remedy_tried: true,
  remedy_ended: true,
  effect_resolved: true,
  child_started: true,
  child_finished: true,
  decomposition_requested: true,
  decomposition_proposed: false,
  decomposition_denied: true,
  task_decomposed: true,
  decomposition_ended: true,
  feedback_fired: true,
  compensation_started: true,
  compensation_finished: true,
  cancel_requested: true,
  pause_requested: false,
  resume_requested: false,
  definition_changed: true,
  definition_kept: true,
  program_changed: false,
  agent_changed: true,
  budget_opened: false,
  budget_notice: true,
  budget_denied: true,
  budget_raised: true,
  close_out_started: true,
  run_paused: true,
  run_resumed: true,
  run_finished: false,
}

/** Time since the run began: `+12s`. */
export const since = (start: number, at: number): string =>
  `+${durationText(Math.round(Math.max(0, at - start) / 1_000) * 1_000)}`
