/**
 * One call of one agent: time-out, cancel, effect, form of the answer, and what is learned from it.
 *
 * Invariants:
 *  C1. When the time-out passes, the caller cancels, or the agent is removed, the agent's signal aborts; the call ends
 *      when the agent has stopped, or after a grace time.
 *  C2. Whatever happens, the call is taken out of the agent's hand, its permit goes back to the breaker, its engine is
 *      released, and an outcome is returned: nothing is thrown.
 */

import {
  type AgentHandle,
  type AgentTask,
  mayRetry,
  type PerformContext,
  type Performed,
} from '../agent-systems/agent-system.ts'
import { settleCall } from '../agents/circuit-breaker.ts'
import { blameOf, type Seen } from '../agents/failure-blame.ts'
import { withResult } from '../agents/track-record.ts'
import type { Allowance } from '../budget/allowance.ts'
import { type Failure, type FailureKind, fail, ok, type Result } from '../failure.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import type { Finding } from '../progress/finding.ts'
import type { Store } from '../store/store.ts'
import { durationText, milliseconds } from '../workflow/duration.ts'
import type { Usage } from '../workflow/event.ts'
import { isGuarded, withLedger } from './effect-ledger.ts'
import type { Attempt } from './fleet.ts'
import type { HostLimiter } from './limiter.ts'
import { breakerSettings, effectOf, type Logger, type Member, type Working } from './member.ts'
import { checkOutput } from './output-schema.ts'
import { watchAttempt } from './watch-attempt.ts'

/** How long an agent may take to stop once it was told to. */
export const STOP_GRACE_MS = 10_000

export type CallParts = {
  effects: Store['effects']
  limiter: HostLimiter
  byId: (id: string) => Member | undefined
  inFlightOn: (host: string) => number
  /** Gives agents outside a key to the models for the time of an attempt; without it nobody gets one. */
  endpoint?: ModelEndpoint | undefined
  /** No limit on the time without a sign of life is shorter. */
  silence_ms: number
  callEnded: (member: Member, engine: Member['engine']) => Promise<void>
  learned: () => void
  now: () => number
  logger: Logger
}

export type Called = { duration_ms: number } /** `finding`: that it was slow for this agent. */ & (
  | { ok: true; performed: Performed; finding?: Finding }
  /** `usage`: what the gateway counted, where the agent asked models through it. */
  | { ok: false; failure: Failure; retryable: boolean; usage?: Usage; finding?: Finding }
)

/** The place that the call holds. */
export type Lease = {
  /** @param end is called when the place is asked back */
  taken: (end: () => void) => void
}

/** What adapters call it when their signal aborts. */
const fell: ReadonlySet<FailureKind> = new Set(['cancelled', 'timeout', 'agent_failed', 'unavailable'])

/** What a timer can count to: 24 days. A longer time-out ends there. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

type StopReason = 'timeout' | 'no_progress' | 'lease' | 'cancelled' | 'removed' | 'closing'

/** A time-out has the platform's own reason, so that adapters can tell it; the others are ours. */
const reasonOf = (signal: AbortSignal): StopReason =>
  signal.reason instanceof DOMException ? 'timeout' : (signal.reason as StopReason)

/**
 * @param permitted the breaker's permit for this call
 * @param allowance what its models may use; absent where no budget is kept
 * @param lease absent where nobody asks for the place back
 */
export async function callAgent(
  parts: CallParts,
  member: Member,
  handle: AgentHandle,
  attempt: Attempt,
  effect_key: string,
  permitted: number,
  signal: AbortSignal,
  allowance?: Allowance,
  lease?: Lease,
): Promise<Called> {
  const { now, logger } = parts
  const { agent, engine } = member
  const { host } = handle
  const started = now()
  const stop = new AbortController()
  const working: Working = {
    run: attempt.run,
    task: attempt.task,
    agent: agent.name,
    since: started,
    note: '',
    tokens: 0,
    stop,
  }
  const timeout = Math.min(milliseconds(agent.timeout), attempt.timeout_ms ?? LONGEST_TIMER_MS, LONGEST_TIMER_MS)
  const timer = setTimeout(
    () => stop.abort(new DOMException('the time for this task was over', 'TimeoutError')),
    timeout,
  )
  const cancel = () => stop.abort('cancelled')
  signal.addEventListener('abort', cancel, { once: true })
  if (signal.aborted) cancel()
  member.working.add(working)
  engine.in_use++

  let finding: Finding | null = null
  const watch = watchAttempt({
    times: member.times,
    evidence: attempt.evidence ?? null,
    silence: parts.silence_ms,
    timeout,
    found: (what) => {
      finding = what
      stop.abort('no_progress')
    },
  })
  lease?.taken(() => {
    finding = { detector: 'lease', message: 'its run held more than its share while another waited', evidence: {} }
    watch.end(false)
    stop.abort('lease')
  })
  const access = parts.endpoint?.open({
    run: attempt.run,
    task: attempt.task,
    attempt: attempt.attempt,
    agent: agent.name,
    allowance,
    observer: watch.observer,
    model: attempt.model,
    signal: stop.signal,
  })
  const context: PerformContext = {
    signal: stop.signal,
    ...(access && { model_access: access.grant, complete: access.complete }),
    progress: (said) => {
      watch.progress(said)
      const { kind, tokens, text } = said
      if (tokens !== undefined) working.tokens = tokens
      working.note = text === undefined ? kind : `${kind}: ${text.slice(0, 200)}`
    },
  }
  const stopped = (): Failure | null =>
    stop.signal.aborted ? stopFailure(reasonOf(stop.signal), agent.name, timeout, finding) : null
  const guarded = <T>(act: () => Promise<Result<T>>) => settled(act, stop.signal, stopped, agent.name, logger)
  const task = taskOf(member, attempt, effect_key)
  const effect = effectOf(member, attempt.effect)

  let result: Result<Performed>
  let called = false
  try {
    const outcome = await withLedger(parts, {
      task,
      effect,
      by: { agent: agent.id, attempt: attempt.attempt },
      again: attempt.repeated || attempt.attempt > 1,
      perform: () => guarded(() => handle.perform(task, context)),
      canReconcile: handle.reconcile !== undefined,
      reconcile: (id) => {
        const before = id === agent.id ? handle : parts.byId(id)?.engine.handle
        const { reconcile } = before ?? {}
        return reconcile === undefined ? null : guarded(() => reconcile.call(before, task, context))
      },
      agentName: (id) => parts.byId(id)?.agent.name ?? id,
    })
    called = outcome.called
    result = outcome.result
  } catch (error) {
    result = { ok: false, failure: failureOf(error) }
  }
  clearTimeout(timer)
  signal.removeEventListener('abort', cancel)
  if (!result.ok && result.failure.kind === 'timeout') finding ??= watch.over()
  const slow = watch.end(result.ok)
  // Also of an agent that was left behind: its key ends here.
  const ended = stop.signal.aborted ? `the attempt was ended (${reasonOf(stop.signal)})` : 'the attempt has ended'
  const counted = (await access?.close(ended)) ?? null
  if (result.ok && counted !== null) result = ok({ ...result.value, usage: withCounted(result.value.usage, counted) })

  const duration_ms = Math.max(0, now() - started)
  if (result.ok && attempt.output_schema !== null) {
    const checked = checkOutput(result.value.output, attempt.output_schema)
    result = checked.ok ? ok({ ...result.value, output: checked.value }) : checked
  }
  // Nothing is learned from a call that was not made, that we ended, or that was made under other settings.
  const why = stop.signal.aborted ? reasonOf(stop.signal) : null
  const ours = why !== null && why !== 'timeout' && why !== 'no_progress'
  const seen = finding?.detector ?? (why === 'timeout' ? 'at_work' : null)
  const unjudged = { result: 'nothing', duration_ms } as const
  if (called && !ours && member.engine === engine) learn(parts, member, host, result, seen, duration_ms, permitted)
  else member.breaker = settleCall(member.breaker, breakerSettings(agent), permitted, unjudged, now())
  member.working.delete(working)
  engine.in_use--
  try {
    await parts.callEnded(member, engine)
  } catch (error) {
    logger.error({ agent: agent.name, error: String(error) }, 'the end of a call could not be recorded')
  }
  if (result.ok) return { duration_ms, ok: true, performed: result.value, ...(slow !== null && { finding: slow }) }
  const { failure } = result
  // What was written ahead has happened: the recorded answer would only come again.
  const retryable = mayRetry(failure) && !(failure.kind === 'output_invalid' && isGuarded(effect))
  return {
    duration_ms,
    ok: false,
    failure,
    retryable,
    ...(counted !== null && { usage: counted }),
    ...(finding !== null && { finding }),
  }
}

/** What the gateway counted, or what the agent says where that is more: it may have asked models besides. */
function withCounted(said: Usage, counted: Usage): Usage {
  const most = (a: number | null, b: number | null): number | null =>
    a === null || b === null ? (a ?? b) : Math.max(a, b)
  const more = (a: number | null, b: number | null): boolean => a !== null && b !== null && a > b
  const besides = more(said.input_tokens, counted.input_tokens) || more(said.output_tokens, counted.output_tokens)
  const { money, ...rest } = counted
  return {
    ...said,
    ...rest,
    ...(money !== undefined && !besides && { money }),
    input_tokens: most(said.input_tokens, counted.input_tokens),
    output_tokens: most(said.output_tokens, counted.output_tokens),
    calls: Math.max(said.calls, counted.calls),
  }
}

const taskOf = (member: Member, attempt: Attempt, effect_key: string): AgentTask => ({
  run: attempt.run,
  task: attempt.task,
  attempt: attempt.attempt,
  goal: attempt.goal,
  role: member.agent.role,
  agent_instructions: member.agent.instructions,
  instructions: attempt.instructions,
  input: attempt.input,
  output_schema: attempt.output_schema,
  max_output_tokens: attempt.max_output_tokens,
  ...(attempt.notice === undefined ? {} : { notice: attempt.notice }),
  ...(attempt.model === undefined ? {} : { model: attempt.model }),
  effect_key,
})

/**
 * Carries out an adapter's promise under C1 and C2: a throw is a bug of the adapter, a stop says why, and one that does
 * not stop is left behind after the grace time. An answer that came in spite of the stop is taken: it is paid for.
 */
async function settled<T>(
  act: () => Promise<Result<T>>,
  signal: AbortSignal,
  stopped: () => Failure | null,
  agent: string,
  logger: Logger,
): Promise<Result<T>> {
  let grace: NodeJS.Timeout | undefined
  let onAbort = () => {}
  const late = new Promise<Result<T>>((resolve) => {
    onAbort = () => {
      grace = setTimeout(() => {
        logger.error(
          { agent },
          `an agent went on for ${durationText(STOP_GRACE_MS)} after it was told to stop, and was left behind`,
        )
        const failure = stopped()
        if (failure !== null) resolve({ ok: false, failure })
      }, STOP_GRACE_MS)
    }
    signal.addEventListener('abort', onAbort, { once: true })
    if (signal.aborted) onAbort()
  })
  try {
    const result = await Promise.race([Promise.resolve().then(act), late])
    if (result.ok) return result
    const why = stopped()
    // The adapter only sees a signal; why it fell is known here. A failure from before that keeps its own words.
    return why !== null && fell.has(result.failure.kind) ? { ok: false, failure: why } : result
  } catch (error) {
    const why = stopped()
    if (why !== null) return { ok: false, failure: why }
    logger.error({ agent, ...whereThrown(error) }, 'an agent system threw instead of answering')
    return fail('internal', `the system of agent ${agent} broke down`, {
      remedy: 'see the log; this is a defect of the adapter',
    })
  } finally {
    clearTimeout(grace)
    signal.removeEventListener('abort', onAbort)
  }
}

/** Without the message, which may carry what the adapter was handed. */
const whereThrown = (error: unknown): object =>
  error instanceof Error
    ? {
        error: error.name,
        at: (error.stack ?? '')
          .split('\n')
          .filter((line) => /^\s+at /.test(line))
          .slice(0, 5),
      }
    : { error: typeof error }

function stopFailure(reason: StopReason, agent: string, timeout: number, finding: Finding | null): Failure {
  const remedy = 'another agent may take the task'
  switch (reason) {
    case 'timeout':
      return {
        kind: 'timeout',
        message: `${agent} did not answer within ${durationText(timeout)}`,
        field: 'timeout',
        value: durationText(timeout),
        remedy: 'give the task or the agent more time, or make the task smaller',
      }
    case 'no_progress':
      return {
        kind: 'no_progress',
        message: `${agent} was ended: ${finding?.message ?? 'it showed no progress'}`,
        remedy,
      }
    case 'lease':
      return { kind: 'busy', message: `${agent} was given back: ${finding?.message ?? 'another run waits'}` }
    case 'removed':
      return { kind: 'agent_failed', message: `${agent} was removed while it worked`, remedy }
    case 'closing':
      return { kind: 'agent_failed', message: `Quorate was stopped while ${agent} worked`, remedy }
    case 'cancelled':
      return { kind: 'cancelled', message: `the call of ${agent} was cancelled` }
  }
}

/** Breaker, limiter, track record and counts, each by what the outcome says about the agent. */
function learn(
  parts: CallParts,
  member: Member,
  host: string,
  result: Result<Performed>,
  seen: Seen | null,
  duration_ms: number,
  permitted: number,
): void {
  const { limiter, now } = parts
  const at = now()
  const says = result.ok
    ? { breaker: 'success' as const, limiter: false, record: true }
    : blameOf(result.failure.kind, seen)
  member.breaker = settleCall(
    member.breaker,
    breakerSettings(member.agent),
    permitted,
    { result: says.breaker, duration_ms },
    at,
  )
  if (result.ok || says.limiter) {
    limiter.record(host, { dropped: says.limiter, rtt_ms: duration_ms, in_flight: parts.inFlightOn(host) })
  }
  if (says.record) {
    member.record = withResult(member.record, result.ok)
    parts.learned()
  }
  if (says.breaker === 'success') {
    member.answered = true
    member.failed_checks = 0
    member.health = {
      ok: true,
      detail: result.ok ? 'answered a call' : 'was at work in a call',
      at,
      ...(member.health?.version === undefined ? {} : { version: member.health.version }),
    }
  }
  if (result.ok) member.counts.ok++
  else member.counts.failed[result.failure.kind] = (member.counts.failed[result.failure.kind] ?? 0) + 1
}

/** The store refuses with a failure of its own inside its error. */
function failureOf(error: unknown): Failure {
  const { failure } = error as { failure?: Failure }
  if (failure !== undefined) return failure
  return {
    kind: 'internal',
    message: 'the call could not be carried out',
    remedy: 'see the log; this is a defect of Quorate',
  }
}
