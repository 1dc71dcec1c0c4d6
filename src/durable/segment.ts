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
import { type Step, stepAddress } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import { feedCourse } from '../workflow/fold.ts'
import { CLOCK, type Cursor, LAUNCHER, RUN, type SegmentRequest } from './invocations.ts'
import { rowOf } from './run-row.ts'
import type { Shell } from './shell-contract.ts'

/** Steps of one segment. Measured: shorter segments cost more per step, longer ones gain nothing. */
export const SEGMENT_STEPS = 200
/** Side by side within a segment: racing n promises costs n², so a wide stage goes in waves. */
const SIDE_BY_SIDE = 100
/** Calls that go on from the segment before must never fill this one, or it would hand over at once instead of waiting for them. */
const sideBySide = (steps: number): number => Math.max(1, Math.min(SIDE_BY_SIDE, Math.floor(steps / 2)))

type Answer = { address: string; input: RunInput | null; failure: string | null }
type Arrived = { mail: RunInput[] } | Answer

export async function driveSegment(
  shell: Shell,
  ctx: ObjectContext,
  request: SegmentRequest,
): Promise<'more' | 'park' | 'end'> {
  const run = ctx.key
  const stored = request.recover === true ? null : await ctx.get<Cursor>('cursor')
  const cursor = stored ?? (await ctx.run('load', () => shell.locate(run)))
  if (cursor === null) return 'end'
  const { epoch } = cursor
  const course = await shell.courses.take(run, cursor.seq, cursor.mail)
  const { state, owed } = course
  const opening = await ctx.run('open', () => shell.opening(run, state.mail))
  const quick = new Set(opening.quick)

  const inflight = new Map<string, RestatePromise<Arrived>>()
  const inside = new Set<string>()
  const ids = new Map<string, InvocationId>()
  /** Runs that were started and will answer by mail. */
  const children = new Set<string>()
  const chores: (() => Promise<unknown>)[] = []
  const cancels: Promise<void>[] = []
  let launched = 0

  const arm = (timer: string, due: number): void => {
    const delay = Math.max(0, due - shell.now())
    ctx.serviceSendClient(CLOCK).fire({ run, timer, due }, rpc.sendOpts({ delay }))
  }

  const feed = async (input: RunInput): Promise<void> => {
    await shell.courses.prepare(input)
    const before = state.mail
    const { events, commands } = feedCourse(shell.courses.definitionOf, course, input)
    if (events.length > 0 || state.mail !== before)
      shell.writer.push({ run, epoch, events, row: rowOf(state, shell.courses.definitionOf) })
    for (const command of commands) {
      if (command.do === 'start_timer') arm(command.timer, command.due)
      else if (command.do === 'cancel_step') {
        cancels.push(shell.flights.cancel(`${run}/${command.step}`))
        const id = ids.get(command.step)
        if (id !== undefined) ctx.cancel(id)
      } else if (command.do === 'cancel_child') chores.push(() => shell.cancelChild(run, command.stage, command.reason))
    }
  }

  const launch = async (): Promise<void> => {
    const slow: Step[] = []
    for (const [address, step] of owed) {
      if (inflight.size + slow.length >= sideBySide(shell.segment_steps) || launched >= shell.segment_steps) break
      if (inflight.has(address) || children.has(address)) continue
      launched++
      if (isQuick(step, quick)) {
        inside.add(address)
        inflight.set(
          address,
          ctx
            .run(address, () => shell.perform(run, step))
            .map((input, failure) => answer(address, input ?? null, failure)),
        )
      } else slow.push(step)
    }
    if (slow.length === 0) return
    const launchedIds = await ctx.serviceClient(LAUNCHER).launch({ run, steps: slow })
    for (const [i, step] of slow.entries()) {
      const address = stepAddress(step)
      const id = launchedIds[i] as InvocationId
      ids.set(address, id)
      inflight.set(
        address,
        ctx.attach<RunInput | null>(id).map((input, failure) => answer(address, input ?? null, failure)),
      )
    }
  }

  const take = async (arrived: Answer): Promise<void> => {
    inflight.delete(arrived.address)
    inside.delete(arrived.address)
    const step = owed.get(arrived.address)
    if (step === undefined) return
    if (arrived.failure !== null) return feed(await lost(ctx, step, arrived.failure))
    if (arrived.input !== null) await feed(arrived.input)
    else children.add(arrived.address)
  }

  if (stored === null) for (const [timer, due] of Object.entries(state.timers)) arm(timer, due)
  if (stored === null && state.ended_at === undefined)
    shell.writer.push({ run, epoch, events: [], row: rowOf(state, shell.courses.definitionOf) })
  for (const mail of opening.mail) await feed(mail)

  let how: 'more' | 'park' | 'end' = 'park'
  let waiting: RestatePromise<Arrived> | null = null
  let enough = new AbortController()
  const closeMail = async (): Promise<boolean> => {
    if (waiting === null) return false
    enough.abort()
    const arrived = (await waiting) as { mail: RunInput[] }
    waiting = null
    for (const mail of arrived.mail) await feed(mail)
    return arrived.mail.length > 0
  }

  for (;;) {
    for (const chore of chores.splice(0)) await ctx.run('chore', chore)
    if (state.ended_at !== undefined) {
      how = 'end'
      break
    }
    if (state.paused === null && launched < shell.segment_steps) await launch()
    // What runs in an invocation of its own goes on without us; only what runs inside must have come back.
    const full = launched >= shell.segment_steps
    if (inflight.size === 0 || (full && inside.size === 0)) {
      if (await closeMail()) continue
      const late: RunInput[] = await ctx.run('mail', () => shell.store.inbox.read(run, state.mail, 500))
      for (const mail of late) await feed(mail)
      if (late.length > 0) continue
      how = full ? 'more' : 'park'
      break
    }
    if (waiting === null) {
      enough = new AbortController()
      // An attempt that the engine has given up (it died, it took the connection away) waits for nothing any more.
      const signal = AbortSignal.any([enough.signal, ctx.request().attemptCompletedSignal])
      waiting = ctx.run('wait', () => shell.mail.wait(run, state.mail, signal)).map((mail) => ({ mail: mail ?? [] }))
    }
    const arrived: Arrived = await RestatePromise.race([...inflight.values(), waiting])
    if ('mail' in arrived) {
      waiting = null
      for (const mail of arrived.mail) await feed(mail)
    } else await take(arrived)
  }

  // S2: nothing of ours may still run; what was called off ends at once.
  await Promise.allSettled(cancels)
  for (const address of inside) await inflight.get(address)
  await closeMail()
  if (!(await shell.writer.stored(run))) throw new TerminalError('a newer segment has taken this run over')
  if (how === 'end') {
    if (state.parent !== null) await ctx.run('tell-parent', () => shell.tellParent(run, state))
    ctx.clear('cursor')
    shell.courses.drop(run)
    shell.flights.forget(`${run}/`)
  } else {
    ctx.set('cursor', { seq: state.seq, mail: state.mail, epoch } satisfies Cursor)
    shell.courses.put(run, course)
    if (how === 'more') ctx.objectSendClient(RUN, run).segment({})
  }
  return how
}

const answer = (address: string, input: RunInput | null, failure: TerminalError | undefined): Arrived => ({
  address,
  input,
  failure: failure === undefined ? null : failure.message,
})

/** Quick steps run inside the segment; what may take seconds gets an invocation of its own, which outlives the segment. */
const isQuick = (step: Step, quickAgents: ReadonlySet<string>): boolean =>
  step.do === 'collect' ||
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
  throw new TerminalError(failure.message)
}
