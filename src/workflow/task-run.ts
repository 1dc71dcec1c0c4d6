/**
 * Tasks of a stage: asked for, tried again, settled. Shared by the kinds of stage that give work to agents.
 * A retry is an event, not a loop in the shell: it survives a crash and can be seen.
 */
import { backoffMs } from '../agents/retry.ts'
import { taskAddress } from './address.ts'
import { deny, endsTheRun, park, reserveCall } from './call-budget.ts'
import { startCloseOut } from './close-out.ts'
import type { CallAgent } from './command.ts'
import { decompose, goalMissed, isTooLarge, planAgain, type Settled } from './decomposition/decompose.ts'
import { isTooHard } from './decomposition/limits.ts'
import type { Task } from './definition.ts'
import { milliseconds } from './duration.ts'
import type { BudgetDenied, EventData, Usage } from './event.ts'
import { evaluateBinding } from './expression.ts'
import { adjusted, noteSuccess } from './feedback.ts'
import { lookupFrom } from './lookup.ts'
import { isOver, type TaskState } from './run-state.ts'
import { callOff } from './scope.ts'
import { answerFailure, askedAtTheEnd, endRemedy, personAnswered } from './trouble.ts'
import type { Place, Turn } from './turn.ts'
import type { Value } from './value.ts'

/** Tries of one task in all when its definition says nothing. */
export const DEFAULT_ATTEMPTS = 3
/** With those that ended because the program did: a task that ends the program is not tried for ever. */
const MOST_ATTEMPTS = 20

/** What a stage hands to an agent; a vote makes its own, a tasks stage takes them from the definition. */
export type TaskSpec = Omit<Task, 'title' | 'required' | 'compensate'>

export function startTask(turn: Turn, place: Place, spec: TaskSpec): void {
  const state = turn.stageState(place)
  state.tasks ??= {}
  const task: TaskState = { s: 'running', attempt: 1, tried: [], tokens: 0 }
  state.tasks[spec.id] = task
  askAgent(turn, place, spec, task, 0)
}

function askAgent(turn: Turn, place: Place, spec: TaskSpec, task: TaskState, delay: number): void {
  if (isOver(turn.state)) return settle(turn, place, spec.id, task, 'failed', 'the run begins nothing new')
  const address = taskAddress(place.address, spec.id)
  const input: { [name: string]: Value } = {}
  // A later attempt is the same work: what its effect is known by comes from the input (fleet/dispatch.ts).
  const bindings = task.input === undefined ? Object.entries(spec.input ?? {}) : []
  for (const [name, binding] of bindings) {
    const value = evaluateBinding(binding, lookupFrom(turn, place))
    if (!value.ok) return settle(turn, place, spec.id, task, 'failed', `input ${name}: ${value.failure.message}`)
    input[name] = value.value
  }
  const { next, told } = task.trouble ?? {}
  const wanted = adjusted(turn, place, {
    do: 'call_agent',
    task: address,
    attempt: task.attempt,
    agent: next?.agent ?? spec.agent ?? null,
    capability: spec.capability ?? null,
    fallback: spec.fallback ?? [],
    excluded: task.tried.filter((agent) => agent !== next?.agent),
    instructions: spec.instructions,
    input,
    output_schema: spec.output_schema ?? null,
    effect: spec.effect ?? null,
    timeout_ms: spec.timeout === undefined ? null : milliseconds(spec.timeout),
    max_output_tokens: spec.max_output_tokens ?? null,
    delay_ms: delay,
    goal: turn.state.goal,
    ...(spec.evidence === undefined ? {} : { evidence: [spec.evidence].flat() }),
    ...(next?.model === undefined ? {} : { model: next.model }),
    ...(next?.only_others === undefined ? {} : { only_others: next.only_others }),
  } satisfies CallAgent)
  task.input ??= wanted.input
  const call = { ...wanted, input: task.input }
  const unseen = task.parts === undefined && isTooLarge(turn, place, spec)
  if (unseen && decompose(turn, place, spec, task, 'it is too large to be tried as a whole', false)) return
  const reserved = reserveCall(turn, place, call)
  if (!reserved.ok) return denied(turn, place, spec.id, task, reserved.denied)
  const { budget } = reserved.call
  turn.emit('task_started', {
    task: address,
    attempt: task.attempt,
    agent: call.agent,
    capability: call.capability,
    excluded: [...call.excluded],
    delay_ms: call.delay_ms,
    ...(budget === undefined ? {} : { reserved: { account: budget.account, ...budget.amounts } }),
  })
  const { notice } = reserved.call
  turn.ask(told === undefined ? reserved.call : { ...reserved.call, notice: [told, notice ?? ''].join(' ').trim() })
}

/**
 * A call that a budget denies. Of a stage's own budget, or an agent's: the task fails. Of the run's, or one above it:
 * the run closes out, or the task waits until somebody raises the budget.
 */
function denied(turn: Turn, place: Place, id: string, task: TaskState, by: BudgetDenied): void {
  const address = taskAddress(place.address, id)
  const reason = deny(turn, address, by)
  if (park(turn, address, task, by, reason)) return
  settle(turn, place, id, task, 'failed', reason)
  if (endsTheRun(turn.state, by)) startCloseOut(turn, reason)
}

/** Asks again for a task that waits for a raised budget. */
export function unpark(turn: Turn, place: Place, spec: TaskSpec): void {
  const task = turn.stageState(place).tasks?.[spec.id]
  if (task?.s !== 'parked') return
  task.s = 'running'
  if (task.parts?.phase === 'plan') {
    const settled = planAgain(turn, place, spec, task, task.parts)
    return settled === null ? undefined : partsSettled(turn, place, spec, settled)
  }
  // What was denied was no attempt.
  task.attempt++
  task.interrupted = (task.interrupted ?? 0) + 1
  askAgent(turn, place, spec, task, 0)
}

export function taskFinished(turn: Turn, place: Place, spec: TaskSpec, data: EventData['task_finished']): void {
  const { id, capability } = spec
  const task = turn.stageState(place).tasks?.[id]
  if (task === undefined || task.s !== 'running' || task.attempt !== data.attempt) return
  task.out = data.output
  task.agent = data.agent
  if (data.ballot !== undefined) task.ballot = data.ballot
  task.tokens = addTokens(task.tokens, data.usage)
  const missed = goalMissed(turn, place, spec, data.output)
  if (missed !== null) {
    delete task.out
    if (decompose(turn, place, spec, task, missed)) return
    return settle(turn, place, id, task, 'failed', missed)
  }
  if (capability !== undefined) noteSuccess(turn, capability, data.agent)
  settle(turn, place, id, task, 'done', '')
}

/** What has become of a task that was divided, or could not be: then it is tried as a whole. */
export function partsSettled(turn: Turn, place: Place, spec: TaskSpec, settled: Settled): void {
  const task = turn.stageState(place).tasks?.[spec.id]
  if (task?.s !== 'running') return
  if (settled.s === 'try') return askAgent(turn, place, spec, task, 0)
  if (settled.s === 'failed' && askedAtTheEnd(turn, place, spec, task, settled.reason)) return
  if (settled.out !== undefined) task.out = settled.out
  settle(turn, place, spec.id, task, settled.s, settled.reason)
}

export function taskFailed(turn: Turn, place: Place, spec: TaskSpec, data: EventData['task_failed']): void {
  const task = turn.stageState(place).tasks?.[spec.id]
  if (task === undefined || task.s !== 'running' || task.attempt !== data.attempt) return
  task.tokens = addTokens(task.tokens, data.usage)
  if (data.failure.kind === 'effect_unknown') {
    task.s = 'asking'
    turn.emit('effect_question', { task: taskAddress(place.address, spec.id), question: data.failure.message })
    return
  }
  if (data.denied !== undefined && endsTheRun(turn.state, data.denied))
    return denied(turn, place, spec.id, task, data.denied)
  if (data.denied !== undefined) deny(turn, taskAddress(place.address, spec.id), data.denied)
  if (data.interrupted === true) task.interrupted = (task.interrupted ?? 0) + 1
  const given_back = data.finding?.detector === 'lease'
  if (data.agent !== null && !given_back && !task.tried.includes(data.agent)) task.tried = [...task.tried, data.agent]
  const tries = task.attempt - (task.interrupted ?? 0)
  const answer = data.interrupted === true ? null : answerFailure(turn, place, spec, task, data, tries)
  if (answer === 'goes_on') return
  if (answer === 'again')
    return askAgent(turn, place, spec, task, delayAfter(turn, place, spec, task.attempt - 1, data))
  if (answer !== null) return settle(turn, place, spec.id, task, 'failed', answer.settle)
  const again = data.interrupted === true ? task.attempt < MOST_ATTEMPTS : data.retryable
  if (again && tries < (spec.attempts ?? DEFAULT_ATTEMPTS) && !isOver(turn.state)) {
    const delay = delayAfter(turn, place, spec, task.attempt, data)
    task.attempt++
    return askAgent(turn, place, spec, task, delay)
  }
  if (isTooHard(data.failure.kind) && decompose(turn, place, spec, task, data.failure.message)) return
  if (askedAtTheEnd(turn, place, spec, task, data.failure.message)) return
  settle(turn, place, spec.id, task, 'failed', data.failure.message)
}

function delayAfter(turn: Turn, place: Place, spec: TaskSpec, attempt: number, { failure }: EventData['task_failed']) {
  const wait = failure.retry_after_s
  const seed = `${turn.state.run}/${place.address}/${spec.id}`
  return backoffMs({ attempt, seed, ...(wait === undefined ? {} : { retry_after_s: wait }) })
}

/** A person was asked about a task that gets nowhere, and has answered, or not in time. */
export function stuckAnswered(turn: Turn, place: Place, spec: TaskSpec, again: boolean, said: string): void {
  const task = turn.stageState(place).tasks?.[spec.id]
  if (task?.s !== 'stuck') return
  if (personAnswered(turn, place, spec, task, again, said)) return askAgent(turn, place, spec, task, 0)
  settle(turn, place, spec.id, task, 'failed', said === '' ? 'nobody said in time that it should be tried again' : said)
}

/** A person has said whether the unknown effect happened: yes ends the task, no has it done again. */
export function effectResolved(turn: Turn, place: Place, spec: TaskSpec, data: EventData['effect_resolved']): void {
  const task = turn.stageState(place).tasks?.[spec.id]
  if (task?.s !== 'asking') return
  task.s = 'running'
  if (data.happened) {
    task.out = data.output ?? null
    return settle(turn, place, spec.id, task, 'done', `confirmed by ${data.by}`)
  }
  task.attempt++
  askAgent(turn, place, spec, task, 0)
}

function settle(turn: Turn, place: Place, id: string, task: TaskState, s: 'done' | 'failed', reason: string): void {
  task.s = s
  task.reason = reason
  endRemedy(turn, taskAddress(place.address, id), task, s === 'done', reason)
  const { totals } = turn.state
  if (s === 'done') totals.tasks_done++
  else totals.tasks_failed++
  const state = turn.stageState(place)
  state.open = (state.open ?? 1) - 1
  // On the agenda, so that a stage whose first tasks fail at once has asked for all the others before it reacts.
  turn.agenda.push(() => {
    if (!isOver(turn.state) && turn.stageState(place).s === 'running')
      turn.behaviour(place.stage.kind).taskSettled?.(turn, place as never, id)
  })
}

const addTokens = (sum: number | null, usage: Usage): number | null =>
  sum === null || usage.input_tokens === null || usage.output_tokens === null
    ? null
    : sum + usage.input_tokens + usage.output_tokens

/** How the tasks of a stage stand. Tokens are null as soon as one call did not report its own. */
export function countTasks(turn: Turn, place: Place): { succeeded: number; failed: number; tokens: number | null } {
  let succeeded = 0
  let failed = 0
  let tokens: number | null = 0
  for (const task of Object.values(turn.stageState(place).tasks ?? {})) {
    if (task.s === 'done') succeeded++
    if (task.s === 'failed') failed++
    tokens = tokens === null || task.tokens === null ? null : tokens + task.tokens
  }
  return { succeeded, failed, tokens }
}

export const callOffTasks = (turn: Turn, place: Place): void => callOff(turn, place.address)
