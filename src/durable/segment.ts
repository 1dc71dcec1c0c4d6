/**
 * A segment: one invocation of the engine that drives a run for a bounded number of steps, then hands over or parks.
 *
 * Invariants:
 *  S1. Every input comes from a journaled result, in a journaled order: a replayed segment feeds the same and writes
 *      the same events under the same numbers.
 *  S2. A segment ends only when its events are stored and no step runs inside it.
 *  S3. Mail that was stored before the wake is read by the segment that wakes or by the one that runs: none is lost.
 *  S4. The engine keeps a cursor of three numbers for a run and nothing else.
 */
import { type InvocationId, type ObjectContext, RestatePromise, rpc, TerminalError } from '@restatedev/restate-sdk'
import type { RunRowChange } from '../store/store.ts'
import { type Step, stepAddress } from '../workflow/command.ts'
import type { RunEvent, RunInput } from '../workflow/event.ts'
import { feedCourse } from '../workflow/fold.ts'
import { type Answer, type Arrived, arrivals, MAIL_AT_ONCE } from './arrivals.ts'
import { UnreadLog } from './courses.ts'
import { emptyProposal } from './divide.ts'
import { CLOCK, type Cursor, LAUNCHER, RUN, type SegmentRequest } from './invocations.ts'
import { rowChange, rowOf } from './run-row.ts'
import type { Shell } from './shell-contract.ts'

/** Journal entries of one segment. Measured: shorter segments cost more per step, longer ones gain nothing. */
export const SEGMENT_STEPS = 200
/** Steps of one segment for each of its entries: many answers can share one. */
const STEPS_PER_ENTRY = 10
/** Calls with an invocation of their own: racing n promises costs n², so a wide stage goes in waves. */
const SIDE_BY_SIDE = 100
/** Calls that go on from the segment before must never fill this one, or it would hand over at once instead of waiting for them. */
const sideBySide = (steps: number): number => Math.max(1, Math.min(SIDE_BY_SIDE, Math.floor(steps / 2)))

type Lost = { address: string; failure: string }

export async function driveSegment(
  shell: Shell,
  ctx: ObjectContext,
  request: SegmentRequest,
): Promise<'more' | 'park' | 'end'> {
  const run = ctx.key
  const stored = request.recover === true ? null : await ctx.get<Cursor>('cursor')
  const ear = shell.ears.listen(run)
  /** The entry that gathers what comes in, while it waits. */
  let gathering: { arrived: RestatePromise<Arrived>; enough: AbortController } | null = null
  // However this attempt ends (it died, the engine took the connection away), it waits for nothing afterwards, and nobody
  // counts on its listening.
  const over = ctx.request().attemptCompletedSignal
  over.addEventListener('abort', () => {
    gathering?.enough.abort()
    if (ear.close()) shell.dispatcher.wake(run)
  })
  const opening = await ctx.run('open', async () => {
    ear.heard = false
    return shell.open(run, stored)
  })
  if (opening === null) {
    ear.close()
    return 'end'
  }
  if (opening.mail.length >= MAIL_AT_ONCE) ear.heard = true
  const { cursor } = opening
  const { epoch } = cursor
  const course = await shell.courses.take(run, cursor.seq, cursor.mail).catch(async (error: unknown) => {
    if (!(error instanceof UnreadLog)) throw error
    shell.writer.push({ run, epoch, events: [], row: { reason: error.message } })
    await shell.writer.stored(run)
    throw new TerminalError(error.message)
  })
  const { state, owed } = course
  shell.budgets?.seen(run, () => state.budget?.tree)
  const quick = new Set(opening.quick)

  /** Calls with an invocation of their own, which outlive the segment. */
  const outside = new Map<string, RestatePromise<Answer | Lost>>()
  /** Steps that run in this process, for this segment. */
  const inside = new Map<string, Step>()
  const ids = new Map<string, InvocationId>()
  /** Runs that were started and will answer by mail. */
  const children = new Set<string>()
  const chores: (() => Promise<unknown>)[] = []
  const cancels: Promise<void>[] = []
  let launched = 0
  let entries = 0
  const full = (): boolean => entries >= shell.segment_steps || launched >= shell.segment_steps * STEPS_PER_ENTRY

  const arm = (timer: string, due: number): void => {
    const delay = Math.max(0, due - shell.now())
    shell.timers.set(run, timer, due, delay)
    ctx.serviceSendClient(CLOCK).fire({ run, timer, due }, rpc.sendOpts({ delay }))
  }

  const fed: RunEvent[] = []
  let moved = false
  const feed = async (given: RunInput): Promise<void> => {
    const input = given.type === 'definition_changed' ? await settleChange(given) : given
    await shell.courses.prepare(input)
    const before = state.mail
    const { events, commands } = feedCourse(shell.courses.definitionOf, course, input)
    fed.push(...events)
    moved ||= events.length > 0 || state.mail !== before
    for (const command of commands) {
      if (command.do === 'start_timer') arm(command.timer, command.due)
      else if (command.do === 'cancel_step') {
        inside.delete(command.step)
        cancels.push(shell.flights.cancel(run, command.step))
        const id = ids.get(command.step)
        if (id !== undefined) ctx.cancel(id)
      } else if (command.do === 'cancel_child') chores.push(() => shell.cancelChild(run, command.stage, command.reason))
    }
  }
  let shown: RunRowChange = {}
  /** Hands what was fed to the writer, as one batch. */
  const write = (): void => {
    if (!moved) return
    const row = rowOf(state, shell.courses.definitionOf)
    shell.writer.push({ run, epoch, events: fed.splice(0), row: rowChange(shown, row) })
    shown = row
    moved = false
  }

  /** Whether the change fits is judged by the whole log, so that has to be stored before. */
  const settleChange = async (mail: RunInput<'definition_changed'>): Promise<RunInput> => {
    write()
    if (!(await shell.writer.stored(run))) throw new TerminalError('a newer segment has taken this run over')
    return ctx.run('settle-change', () => shell.settleChange(run, state.seq, mail))
  }

  const launch = async (): Promise<void> => {
    const slow: Step[] = []
    for (const [address, step] of owed) {
      if (full()) break
      if (inside.has(address) || outside.has(address) || children.has(address)) continue
      if (isQuick(step, quick)) {
        if (inside.size >= shell.segment_steps * STEPS_PER_ENTRY) continue
        inside.set(address, step)
      } else {
        if (outside.size + slow.length >= sideBySide(shell.segment_steps)) continue
        slow.push(step)
        entries++
      }
      launched++
    }
    if (slow.length === 0) return
    const launchedIds = await ctx.serviceClient(LAUNCHER).launch({ run, steps: slow })
    for (const [i, step] of slow.entries()) {
      const address = stepAddress(step)
      const id = launchedIds[i] as InvocationId
      ids.set(address, id)
      outside.set(
        address,
        ctx
          .attach<RunInput | null>(id)
          .map((input, failure) =>
            failure === undefined ? { address, input: input ?? null } : { address, failure: failure.message },
          ),
      )
    }
  }

  const take = async (arrived: Answer | Lost): Promise<void> => {
    const { address } = arrived
    outside.delete(address)
    inside.delete(address)
    shell.flights.taken(run, address)
    const step = owed.get(address)
    if (step === undefined) return
    if ('failure' in arrived) return feed(await lost(ctx, step, arrived.failure))
    if (arrived.input !== null) await feed(arrived.input)
    else children.add(address)
  }

  const gather = (): RestatePromise<Arrived> => {
    if (gathering !== null) return gathering.arrived
    const enough = new AbortController()
    if (over.aborted) enough.abort()
    const steps = [...inside.values()]
    const { mail } = state
    entries++
    const arrived = ctx.run('arrivals', () =>
      arrivals(steps, {
        perform: (step) => shell.perform(run, step),
        readMail: () => shell.store.inbox.read(run, mail, MAIL_AT_ONCE),
        ear,
        enough: enough.signal,
      }),
    )
    gathering = { arrived, enough }
    return arrived
  }
  const takeGathered = async ({ mail, answers }: Arrived): Promise<boolean> => {
    gathering = null
    for (const each of mail) await feed(each)
    for (const each of answers) await take(each)
    return mail.length > 0 || answers.length > 0
  }
  const closeGathering = async (): Promise<boolean> => {
    if (gathering === null) return false
    gathering.enough.abort()
    return takeGathered(await gathering.arrived)
  }

  if (stored === null) {
    for (const [timer, due] of Object.entries(state.timers)) arm(timer, due)
    moved = state.ended_at === undefined
  }
  const { version, at } = opening.program
  if (state.program !== version) await feed({ at, type: 'program_changed', data: { from: state.program, to: version } })
  for (const mail of opening.mail) await feed(mail)

  let how: 'more' | 'park' | 'end' = 'park'
  for (;;) {
    write()
    for (const chore of chores.splice(0)) await ctx.run('chore', chore)
    if (state.ended_at !== undefined) {
      how = 'end'
      break
    }
    const before = inside.size
    if (state.paused === null) await launch()
    // What runs in an invocation of its own goes on without us; only what runs inside must have come back.
    if (inside.size === 0 && (outside.size === 0 || full())) {
      if (await closeGathering()) continue
      const late: RunInput[] = await ctx.run('mail', () => {
        ear.heard = false
        return shell.store.inbox.read(run, state.mail, MAIL_AT_ONCE)
      })
      for (const mail of late) await feed(mail)
      if (late.length > 0) continue
      how = full() ? 'more' : 'park'
      break
    }
    if (inside.size > before && (await closeGathering())) continue
    const arrived = await (outside.size === 0 ? gather() : RestatePromise.race([...outside.values(), gather()]))
    if ('answers' in arrived) await takeGathered(arrived)
    else await take(arrived)
  }

  // S2: nothing of ours may still run; what was called off ends at once.
  await closeGathering()
  for (const address of inside.keys()) cancels.push(shell.flights.cancel(run, address))
  await Promise.allSettled(cancels)
  write()
  if (!(await shell.writer.stored(run))) throw new TerminalError('a newer segment has taken this run over')
  if (how === 'end') {
    if (state.parent !== null) await ctx.run('tell-parent', () => shell.tellParent(run, state))
    ctx.clear('cursor')
    shell.courses.drop(run)
    shell.budgets?.seen(run, null)
    shell.flights.forget(run)
    shell.timers.forget(run)
  } else {
    ctx.set('cursor', { seq: state.seq, mail: state.mail, epoch } satisfies Cursor)
    shell.courses.put(run, course)
    if (how === 'more') ctx.objectSendClient(RUN, run).segment({})
  }
  // Mail that came after the last look, while we still said that we listen.
  if (ear.close() && how === 'park') shell.dispatcher.wake(run)
  return how
}

/** Quick steps run inside the segment; what may take seconds gets an invocation of its own, which outlives the segment. */
const isQuick = (step: Step, quickAgents: ReadonlySet<string>): boolean =>
  step.do === 'collect' ||
  step.do === 'read_items' ||
  step.do === 'start_run' ||
  (step.do === 'call_agent' && step.agent !== null && quickAgents.has(step.agent))

/** A step whose invocation was ended from outside (an operator killed it): a failure like any other. */
async function lost(ctx: ObjectContext, step: Step, message: string): Promise<RunInput> {
  const at = await ctx.date.now()
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
  throw new TerminalError(failure.message)
}
