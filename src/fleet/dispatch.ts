/**
 * One attempt of one task, from choice to outcome: who, when (a place), whether (breaker, retry budget), and the call.
 */

import { mayRetry } from '../agent-systems/agent-system.ts'
import { chooseAgent } from '../agents/choose-agent.ts'
import { permit } from '../agents/circuit-breaker.ts'
import type { RetryBudget } from '../agents/retry.ts'
import type { Failure } from '../failure.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Admission } from './admission.ts'
import { type CallParts, callAgent } from './call-agent.ts'
import type { Attempt, AttemptOutcome } from './fleet.ts'
import { breakerSettings, candidateOf, closedBecause } from './member.ts'
import type { Registry } from './registry.ts'

export type DispatchParts = CallParts & {
  registry: Registry
  admission: Admission
  retryBudget: RetryBudget
  retryRefused: () => void
  closing: () => boolean
}

/** The same on every repetition, whatever the attempt: what a destination knows the effect by. */
export const effectKey = (attempt: Pick<Attempt, 'run' | 'task' | 'instructions' | 'input'>): string =>
  contentHash({ run: attempt.run, task: attempt.task, instructions: attempt.instructions, input: attempt.input })

export function createDispatch(
  parts: DispatchParts,
): (attempt: Attempt, options: { signal: AbortSignal }) => Promise<AttemptOutcome> {
  /** Calls under way by effect key: a repetition that meets its own first execution alive waits for it. */
  const flights = new Map<string, Promise<AttemptOutcome>>()

  return async (attempt, { signal }) => {
    const effect_key = effectKey(attempt)
    const flight = `${effect_key}#${attempt.attempt}`
    for (let under = flights.get(flight); under !== undefined; under = flights.get(flight)) {
      const outcome = await under
      // The first execution was called off, this one was not.
      if (outcome.ok || outcome.failure.kind !== 'cancelled' || signal.aborted) return outcome
    }
    const outcome = perform(attempt, effect_key, signal).finally(() => flights.delete(flight))
    flights.set(flight, outcome)
    return outcome
  }

  async function perform(attempt: Attempt, effect_key: string, signal: AbortSignal): Promise<AttemptOutcome> {
    const { registry, admission, now } = parts
    const arrived = now()
    const failed = (why: string, failure: Failure, agent: string | null = null): AttemptOutcome => {
      const queued_ms = Math.max(0, now() - arrived)
      return {
        agent,
        why,
        effect_key,
        started_at: now(),
        queued_ms,
        duration_ms: 0,
        ok: false,
        failure,
        retryable: mayRetry(failure),
      }
    }

    if (attempt.attempt > 1 && !attempt.repeated) {
      if (!parts.retryBudget.retry(arrived)) {
        parts.retryRefused()
        const message = 'too many retries are under way: they would make things worse for what is failing'
        return failed('retry budget used up', {
          kind: 'busy',
          message,
          retry_after_s: 10,
          remedy: 'it is tried again by itself; see which agents fail',
        })
      }
    } else parts.retryBudget.request(arrived)

    for (;;) {
      if (parts.closing())
        return failed('Quorate is stopping', { kind: 'unavailable', message: 'Quorate is stopping', retry_after_s: 1 })
      const at = now()
      const candidates = [...registry.members()].map((member) =>
        candidateOf(member, admission.load(member.agent.id), at),
      )
      const choice = chooseAgent(attempt, candidates)
      if (choice.agent === null) return failed(choice.why, choice.failure)
      const member = registry.find(choice.agent)
      const handle = member?.engine.handle
      if (member === undefined || handle === undefined || handle === null) continue
      const place = await admission.acquire({
        run: attempt.run,
        agent: member.agent.id,
        host: handle.host,
        priority: attempt.repeated ? 1 : 0,
        signal,
      })
      if (place === 'moved') continue
      if (!place.ok) return failed(choice.why, place.failure, member.agent.name)
      try {
        if (signal.aborted) return failed(choice.why, cancelled, member.agent.name)
        // Much may have changed while it waited: then somebody else is chosen.
        if (
          closedBecause(member, now()) !== null ||
          member.engine.handle !== handle ||
          registry.byId(member.agent.id) !== member
        )
          continue
        const permitted = permit(member.breaker, breakerSettings(member.agent), now())
        member.breaker = permitted.breaker
        if (permitted.permit === null) continue
        const agent = member.agent.name
        const started_at = now()
        const called = await callAgent(parts, member, handle, attempt, effect_key, permitted.permit, signal)
        return {
          ...called,
          agent,
          why: choice.why,
          effect_key,
          started_at,
          queued_ms: Math.max(0, started_at - arrived),
        }
      } finally {
        place.value.release()
      }
    }
  }
}

const cancelled: Failure = { kind: 'cancelled', message: 'cancelled before the agent was asked' }
