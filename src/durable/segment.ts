/**
 * A segment: one invocation of the engine that drives a run until it has to wait for long, or ends.
 *
 * The engine's journal holds nothing of what happens in between: the event log does. An invocation that died is begun
 * again, finds in the log how far the run is, and goes on from there.
 *
 * Invariants:
 *  S1. What follows from an input is stored before anything is begun because of it. What was in flight when a segment died
 *      is asked again by the next one; nothing else is.
 *  S2. A segment ends only when its events are stored and its timers are kept.
 *  S3. Mail that was stored before the wake is read by the segment that wakes or by the one that runs: none is lost.
 *  S4. What a command sets off besides a step (a timer, the calling off of a run, telling the parent) can be seen from the
 *      log, and is set off again when a run is taken up from its log.
 */
import { TerminalError } from '@restatedev/restate-sdk'
import type { RunRowChange } from '../store/store.ts'
import { StoreFailure } from '../store/store-failure.ts'
import { type Step, stepAddress } from '../workflow/command.ts'
import type { RunEvent, RunInput } from '../workflow/event.ts'
import { type Course, feedCourse } from '../workflow/fold.ts'
import { childRunId } from '../workflow/stages/run.ts'
import { type Answer, MAIL_AT_ONCE, openArrivals } from './arrivals.ts'
import { UnreadLog } from './courses.ts'
import { emptyProposal } from './divide.ts'
import type { SegmentEnd } from './drives.ts'
import type { Ear } from './ears.ts'
import { callOffChild, type OpenRun, openRun, tellParent } from './open-run.ts'
import { rowChange, rowOf } from './run-row.ts'
import type { Shell } from './shell-contract.ts'

/** Calls of one run that are with the engine at once; the others wait. */
const SIDE_BY_SIDE = 100
/** Quick steps of one run that are performed at once. */
const QUICK_AT_ONCE = 2_000

/** @param opened told of the run's course, which changes from then on until the segment ends */
export async function driveSegment(shell: Shell, run: string, opened: (course: Course) => void): Promise<SegmentEnd> {
  const ear = shell.ears.listen(run)
  try {
    ear.heard = false
    const open = await openRun(shell, run)
    if (open === null) {
      ear.close()
      return 'end'
    }
    opened(open.course)
    const how = await drive(shell, run, open, ear)
    // Mail that came after the last look, while we still said that we listen.
    if (ear.close() && how === 'park') shell.dispatcher.wake(run)
    return how
  } catch (error) {
    // The engine invokes it again, and mail is read then.
    ear.close()
    if (error instanceof UnreadLog) {
      const { epoch = 0 } = (await shell.store.runs.get(run)) ?? {}
      await shell.writer.store({ run, epoch, events: [], row: { reason: error.message } })
      throw new TerminalError(error.message)
    }
    if (error instanceof StoreFailure && error.failure.kind === 'data_damaged') throw new TerminalError(error.message)
    throw error
  }
}

/** Somebody else has taken the run over. If it was a dead one's last breath, the engine invokes this one again. */
class Fenced extends Error {
  constructor(run: string) {
    super(`${run} was taken over by another segment`)
  }
}

async function drive(shell: Shell, run: string, open: OpenRun, ear: Ear): Promise<SegmentEnd> {
  const { course, epoch, folded } = open
  const { state, owed } = course
  const { definitionOf } = shell.courses
  shell.budgets?.seen(run, () => state.budget?.tree)
  const quick = new Set(shell.quick_agents())
  const arrivals = openArrivals(ear, () => shell.store.inbox.read(run, state.mail, MAIL_AT_ONCE))
  if (open.mail.length >= MAIL_AT_ONCE) ear.heard = true
  /** Steps with an invocation of their own. */
  const calls = new Set<string>()
  /** Runs that were started and will answer by mail. */
  const children = new Set<string>()
  /** Not kept by the engine yet. */
  const timers = new Set<Promise<void>>()
  /** What is done once the events that it follows from are stored. */
  let chores: (() => Promise<unknown>)[] = []

  const arm = (timer: string, due: number): void => {
    const armed = shell.arm(run, timer, due).then(() => void timers.delete(armed))
    timers.add(armed)
    armed.catch(() => undefined)
  }
  /** While the engine is away it keeps no timer; mail is read all the same. */
  const timersKeptOrMail = (): Promise<void> =>
    new Promise((resolve, reject) => {
      ear.wake = resolve
      Promise.all(timers).then(() => resolve(), reject)
    })

  let fed: RunEvent[] = []
  let moved = false
  const feed = async (given: RunInput): Promise<void> => {
    const input = given.type === 'definition_changed' ? await settleChange(given) : given
    const definitions = shell.courses.prepare(input)
    if (definitions !== undefined) await definitions
    const before = state.mail
    const { events, commands } = feedCourse(definitionOf, course, input)
    for (const event of events) fed.push(event)
    moved ||= events.length > 0 || state.mail !== before
    for (const command of commands) {
      if (command.do === 'start_timer') chores.push(async () => arm(command.timer, command.due))
      else if (command.do === 'cancel_step') {
        arrivals.dismiss(command.step)
        calls.delete(command.step)
        shell.flights.cancel(run, command.step)
      } else if (command.do === 'cancel_child')
        chores.push(() => callOffChild(shell, run, childRunId(run, command.stage), command.reason))
    }
  }

  let shown: RunRowChange = {}
  let lastWrite: Promise<boolean> = Promise.resolve(true)
  /** Stores what was fed. Only events are waited for: a row that changes without them can be made again. */
  const store = async (): Promise<void> => {
    if (moved) {
      const row = rowOf(state, definitionOf)
      const events = fed
      fed = []
      moved = false
      lastWrite = shell.writer.store({ run, epoch, events, row: rowChange(shown, row) })
      lastWrite.catch(() => undefined)
      shown = row
      if (events.length > 0 && !(await lastWrite)) throw new Fenced(run)
    }
    if (chores.length === 0) return
    const due = chores
    chores = []
    for (const chore of due) await chore()
  }

  /** Whether the change fits is judged by the whole log, so that has to be stored before. */
  const settleChange = async (mail: RunInput<'definition_changed'>): Promise<RunInput> => {
    await store()
    return shell.settleChange(run, state.seq, mail)
  }

  const launch = (): void => {
    for (const [address, step] of owed) {
      if (arrivals.expects(address) || children.has(address)) continue
      if (isQuick(step, quick)) {
        if (arrivals.size() - calls.size >= QUICK_AT_ONCE) continue
        arrivals.expect(
          address,
          shell.perform(run, step).then((input) => ({ input })),
        )
      } else {
        if (calls.size >= SIDE_BY_SIDE) continue
        calls.add(address)
        arrivals.expect(address, shell.call(run, step))
      }
    }
  }

  const take = async (answer: Answer): Promise<void> => {
    const { address } = answer
    calls.delete(address)
    const step = owed.get(address)
    if (step === undefined) return
    if ('failure' in answer) await feed(lost(shell, step, answer.failure))
    else if (answer.input !== null) await feed(answer.input)
    else if (step.do === 'start_run') children.add(address)
    else await feed(lost(shell, step, 'it was not made'))
  }

  if (folded) {
    for (const [timer, due] of Object.entries(state.timers)) arm(timer, due)
    moved = true
  }
  if (state.program !== shell.version)
    await feed({ at: shell.now(), type: 'program_changed', data: { from: state.program, to: shell.version } })
  for (const mail of open.mail) await feed(mail)

  for (;;) {
    await store()
    if (state.ended_at !== undefined) break
    if (state.paused === null) launch()
    if (arrivals.size() === 0 && !ear.heard) {
      if (timers.size > 0) await timersKeptOrMail()
      if (!(await lastWrite)) throw new Fenced(run)
      if (ear.heard || timers.size > 0) continue
      shell.courses.put(run, course, epoch)
      return 'park'
    }
    const { mail, answers } = await arrivals.next()
    for (const each of mail) await feed(each)
    for (const each of answers) await take(each)
    for (const { address } of answers) shell.flights.taken(run, address)
  }

  shell.flights.end(run)
  await tellParent(shell, state)
  shell.budgets?.seen(run, null)
  shell.timers.forget(run)
  return 'end'
}

/** Quick steps are performed in the segment; what may take seconds gets an invocation of its own, which any process may take up. */
const isQuick = (step: Step, quickAgents: ReadonlySet<string>): boolean =>
  step.do === 'collect' ||
  step.do === 'read_items' ||
  step.do === 'start_run' ||
  (step.do === 'call_agent' && step.agent !== null && quickAgents.has(step.agent))

/** A step whose invocation was ended from outside (an operator killed it): a failure like any other. */
function lost({ now }: Shell, step: Step, message: string): RunInput {
  const at = now()
  const failure = { kind: 'internal', message: `the call was ended by the engine: ${message}` } as const
  const usage = { input_tokens: null, output_tokens: null, calls: 1 }
  if (step.do === 'call_agent')
    return {
      at,
      type: 'task_failed',
      data: {
        task: step.task,
        attempt: step.attempt,
        agent: null,
        failure,
        retryable: true,
        usage,
        duration_ms: 0,
        queued_ms: 0,
        why: '',
      },
    }
  if (step.do === 'plan')
    return {
      at,
      type: 'plan_proposed',
      data: {
        attempt: step.attempt,
        source: 'model',
        definition: null,
        name: null,
        problems: [],
        model: null,
        usage,
        analysis: null,
        raw: null,
        failure,
        duration_ms: 0,
      },
    }
  if (step.do === 'divide')
    return {
      at,
      type: 'decomposition_proposed',
      data: { ...emptyProposal(step), failure, interrupted: true, usage },
    }
  throw new TerminalError(`${stepAddress(step)}: ${failure.message}`)
}
