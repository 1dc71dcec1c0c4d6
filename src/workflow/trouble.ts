/**
 * What is done about a task whose attempts fail: the next remedy of the ladder that the cause calls for
 * (src/progress/remedies.ts), recorded when it is tried and when its outcome is known. A task that fails for the first
 * time, without a finding, is simply tried again (task-run.ts).
 */
import { excerpt } from '../failure.ts'
import { acrossAttempts, KEPT_FAILURES, signatureOf, timesSeen } from '../progress/failures.ts'
import type { Finding } from '../progress/finding.ts'
import {
  asksAgain,
  type Cause,
  causeOf,
  LADDER_ATTEMPTS,
  ladderOf,
  type Remedy,
  remedyCaps,
} from '../progress/remedies.ts'
import { taskAddress } from './address.ts'
import { decompose } from './decomposition/decompose.ts'
import type { Task } from './definition.ts'
import { milliseconds } from './duration.ts'
import type { EventData } from './event.ts'
import { isOver, type TaskState, type Trouble } from './run-state.ts'
import { approvalId } from './stages/approval.ts'
import type { Place, Turn } from './turn.ts'
import type { Json } from './value.ts'

type Spec = Omit<Task, 'title' | 'required' | 'compensate'>
type Failed = EventData['task_failed']

/** How long a person is waited for when the definition does not say. */
const USUAL_WAIT_MS = 3_600_000
/** Characters of what an agent is told of earlier attempts. */
const TOLD = 700

const STUCK = '/stuck'
/** The task whose question to a person has run out; null = another timer. */
export const stuckTask = (timer: string): string | null =>
  timer.endsWith(STUCK) ? timer.slice(0, -STUCK.length) : null

/** What follows from a failed attempt. Null: it is tried again as ever, or fails. */
export type Answer =
  | null
  /** It is asked again, as `trouble.next` says. */
  | 'again'
  /** It goes on by itself: in smaller parts, or when a person has answered. */
  | 'goes_on'
  | { settle: string }

/** Notes a failed attempt, and takes the next remedy. @param tries attempts that count, this one included */
export function answerFailure(
  turn: Turn,
  place: Place,
  spec: Spec,
  task: TaskState,
  data: Failed,
  tries: number,
): Answer {
  const address = taskAddress(place.address, spec.id)
  endRemedy(turn, address, task, false, data.failure.message)
  task.trouble ??= { failures: [], remedies: [] }
  const { trouble } = task
  delete trouble.next
  const signature = signatureOf(data.agent, data.failure)
  trouble.failures = [...trouble.failures, { agent: data.agent, signature, at: turn.at }].slice(-KEPT_FAILURES)
  const finding = data.finding ?? acrossAttempts(trouble.failures, data.failure.message)
  const cause = causeOf(finding, data.failure.kind, timesSeen(trouble.failures))
  if (cause === null || isOver(turn.state)) return null
  const facts = finding?.message ?? data.failure.message
  for (const remedy of ladderOf(cause, finding !== null)) {
    if (trouble.remedies.filter((tried) => tried.remedy === remedy).length >= remedyCaps[remedy]) continue
    if (asksAgain(remedy)) {
      if (tries >= (spec.attempts ?? LADDER_ATTEMPTS)) continue
      const next = nextAttempt(remedy, data)
      if (next === null) continue
      task.attempt++
      trouble.next = next
      if (remedy === 'tell')
        trouble.told = `An earlier attempt of this task was ended: ${excerpt(facts, TOLD - 120)}. Doing the same again will be ended again.`
      note(turn, address, task, remedy, cause, facts, {
        attempt: task.attempt,
        agent: next.agent ?? null,
        model: next.model ?? null,
      })
      return 'again'
    }
    if (remedy === 'smaller_task' && decompose(turn, place, spec, task, facts)) {
      note(turn, address, task, remedy, cause, facts)
      return 'goes_on'
    }
    if (remedy === 'set_aside' && mayGoOn(turn, place, spec)) {
      note(turn, address, task, remedy, cause, facts)
      endRemedy(turn, address, task, false, 'the stage goes on without it')
      return { settle: `set aside: ${facts}` }
    }
    if (remedy === 'ask_person' && asksPerson(place, spec, data.finding)) {
      note(turn, address, task, remedy, cause, facts)
      askPerson(turn, place, spec, task, facts)
      return 'goes_on'
    }
  }
  return finding === null ? null : { settle: data.failure.message }
}

/** Asks a person about a task that would fail now without any finding, where the definition wants that. */
export function askedAtTheEnd(turn: Turn, place: Place, spec: Spec, task: TaskState, facts: string): boolean {
  const { trouble } = task
  const asked = trouble?.remedies.some(({ remedy }) => remedy === 'ask_person') === true
  if (trouble === undefined || asked || isOver(turn.state) || typeof spec.when_stuck !== 'object') return false
  note(turn, taskAddress(place.address, spec.id), task, 'ask_person', 'repeated_failure', facts)
  askPerson(turn, place, spec, task, facts)
  return true
}

/** A person has said whether the task is tried once more, or has not answered in time. True: it is. */
export function personAnswered(
  turn: Turn,
  place: Place,
  spec: Spec,
  task: TaskState,
  again: boolean,
  said: string,
): boolean {
  const address = taskAddress(place.address, spec.id)
  turn.dropTimer(`${address}${STUCK}`)
  delete turn.state.approvals[approvalId(address)]
  const { trouble } = task
  if (trouble === undefined) return false
  if (!again) return false
  task.s = 'running'
  task.tried = []
  task.attempt++
  delete trouble.next
  if (said !== '') trouble.told = `A person says about this task: ${excerpt(said, TOLD)}`
  return true
}

/** Says what became of the last remedy, once. */
export function endRemedy(
  turn: Turn,
  task_address: string,
  { trouble }: TaskState,
  healed: boolean,
  reason: string,
): void {
  const last = trouble?.remedies.at(-1)
  if (last?.open !== true) return
  last.open = false
  turn.emit('remedy_ended', { task: task_address, remedy: last.remedy, healed, reason: excerpt(reason, 500) })
}

function note(
  turn: Turn,
  task_address: string,
  { trouble }: TaskState,
  remedy: Remedy,
  cause: Cause,
  facts: string,
  next: { attempt: number | null; agent: string | null; model: string | null } = {
    attempt: null,
    agent: null,
    model: null,
  },
): void {
  trouble?.remedies.push({ remedy, open: true })
  turn.emit('remedy_tried', { task: task_address, remedy, cause, facts: excerpt(facts, 500), ...next })
}

/** How the next attempt is made; null = this remedy is not to be had here. */
function nextAttempt(remedy: Remedy, { agent, could }: Failed): NonNullable<Trouble['next']> | null {
  if (remedy === 'other_agent') return could?.other_agent === true ? { only_others: true } : null
  if (agent === null) return null
  if (remedy !== 'other_model') return { agent }
  const model = could?.other_model ?? null
  return model === null ? null : { agent, model }
}

/** Whether the stage can do without this task. */
function mayGoOn(turn: Turn, place: Place, spec: Spec): boolean {
  if (typeof spec.when_stuck === 'object') return false
  const { stage } = place
  if (stage.kind !== 'tasks') return true
  if (stage.on_failure !== undefined && stage.on_failure !== 'fail') return true
  if (stage.tasks.find(({ id }) => id === spec.id)?.required === true) return false
  const failed = Object.values(turn.stageState(place).tasks ?? {}).filter(({ s }) => s === 'failed').length
  return stage.tasks.length - failed - 1 >= Math.min(stage.min_success ?? 1, stage.tasks.length)
}

/** Where the definition says so; and where it says nothing, about what a watch found, never about plain failures. */
const asksPerson = (place: Place, { when_stuck }: Spec, found: Finding | undefined): boolean =>
  typeof when_stuck === 'object' || (when_stuck === undefined && found !== undefined && place.stage.kind === 'tasks')

function askPerson(turn: Turn, place: Place, spec: Spec, task: TaskState, facts: string): void {
  const address = taskAddress(place.address, spec.id)
  const approval = approvalId(address)
  const wait = typeof spec.when_stuck === 'object' ? milliseconds(spec.when_stuck.ask) : USUAL_WAIT_MS
  const due = turn.at + wait
  task.s = 'stuck'
  turn.state.approvals[approval] = address
  const { failures = [], remedies = [] } = task.trouble ?? {}
  const show: Json = {
    task: address,
    instructions: excerpt(spec.instructions, 500),
    found: excerpt(facts, 500),
    attempts: task.attempt,
    agents: [...new Set(failures.flatMap(({ agent }) => (agent === null ? [] : [agent])))],
    tried: remedies.filter(({ remedy }) => remedy !== 'ask_person').map(({ remedy }) => remedy),
  }
  turn.emit('approval_requested', {
    approval,
    stage: place.address,
    task: address,
    question: `Task ${address} gets nowhere: ${excerpt(facts, 300)}. Try it once more? A comment is told to the agent.`,
    show,
    due,
    default: 'refuse',
  })
  turn.startTimer(`${address}${STUCK}`, due)
}
