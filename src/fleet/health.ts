/**
 * Whether the agents are there: checked regularly, with jitter, a few at once, each within a bound. An agent that
 * answered a call since its last check needs none.
 */

import type { Health } from '../agent-systems/agent-system.ts'
import { ok, type Result } from '../failure.ts'
import type { Logger, Member } from './member.ts'

export const CHECK_EVERY_MS = 15_000
/** Share of the interval by which checks are spread. */
const JITTER = 0.2
/** After failed checks it is looked at sooner: a host that starts, or comes back, is not made to wait. */
const CHECK_ILL_MS = 2_000
export const CHECK_TIMEOUT_MS = 5_000
export const CHECKS_AT_ONCE = 8
const TICK_MS = 1_000

export type HealthChecks = {
  /** Checks one agent now. */
  check: (member: Member, signal: AbortSignal) => Promise<Result<Health>>
  check_all: (signal: AbortSignal) => Promise<void>
  close: () => Promise<void>
}

export function createHealthChecks(parts: {
  members: () => Iterable<Member>
  now: () => number
  random: () => number
  logger: Logger
}): HealthChecks {
  const { now, random, logger } = parts
  /** When an agent is to be checked next, and since when there has been no news of it. */
  const due = new WeakMap<Member, { at: number; since: number }>()
  const closing = new AbortController()
  const schedule = (member: Member) => {
    const since = now()
    const { failed_checks } = member
    const every =
      failed_checks === 0 ? CHECK_EVERY_MS : Math.min(CHECK_EVERY_MS, CHECK_ILL_MS * 2 ** (failed_checks - 1))
    due.set(member, { at: since + every * (1 + JITTER * (2 * random() - 1)), since })
  }

  async function check(member: Member, signal: AbortSignal): Promise<Result<Health>> {
    const { engine, agent } = member
    schedule(member)
    const { handle } = engine
    if (handle === null) {
      const detail = engine.problem?.message ?? 'closed'
      return engine.problem === null ? ok({ ok: false, detail }) : { ok: false, failure: engine.problem }
    }
    const health = await bounded((stop) => handle.check(stop), AbortSignal.any([signal, closing.signal]))
    // Cancelled from outside, or changed meanwhile: says nothing of this agent.
    if (signal.aborted || closing.signal.aborted || member.engine !== engine) return ok(health)
    const before = member.health?.ok
    member.health = { ...health, at: now() }
    if (health.ok) {
      member.answered = true
      member.failed_checks = 0
    } else member.failed_checks++
    schedule(member)
    if (before !== health.ok)
      logger.info({ agent: agent.name, ok: health.ok, detail: health.detail }, 'health of an agent changed')
    return ok(health)
  }

  /** At most {@link CHECKS_AT_ONCE} side by side. */
  async function checkEach(members: Member[], signal: AbortSignal): Promise<void> {
    const rest = members[Symbol.iterator]()
    const worker = async () => {
      for (const member of rest) {
        if (signal.aborted) return
        await check(member, signal)
      }
    }
    await Promise.all(Array.from({ length: Math.min(CHECKS_AT_ONCE, members.length) }, worker))
  }

  let ticking: Promise<void> = Promise.resolve()
  let busy = false
  const tick = () => {
    if (busy) return
    const at = now()
    const wanted: Member[] = []
    for (const member of parts.members()) {
      if (member.agent.retired) continue
      const when = due.get(member)
      const answered = when !== undefined && member.health?.ok === true && member.health.at > when.since
      if (when === undefined || (when.at <= at && !answered)) wanted.push(member)
      if (when === undefined || when.at <= at) schedule(member)
    }
    if (wanted.length === 0) return
    busy = true
    ticking = checkEach(wanted, closing.signal).finally(() => {
      busy = false
    })
  }
  const timer = setInterval(tick, TICK_MS)
  timer.unref()

  return {
    check,
    check_all: (signal) =>
      checkEach(
        [...parts.members()].filter((member) => !member.agent.retired),
        signal,
      ),
    async close() {
      clearInterval(timer)
      closing.abort()
      await ticking
    },
  }
}

/** Ends after {@link CHECK_TIMEOUT_MS} also when the adapter does not; never throws. */
async function bounded(act: (signal: AbortSignal) => Promise<Health>, outer: AbortSignal): Promise<Health> {
  const stop = new AbortController()
  const forward = () => stop.abort()
  outer.addEventListener('abort', forward, { once: true })
  if (outer.aborted) forward()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Health>((resolve) => {
    timer = setTimeout(() => {
      resolve({ ok: false, detail: `no answer within ${CHECK_TIMEOUT_MS / 1_000} s` })
      stop.abort()
    }, CHECK_TIMEOUT_MS)
    stop.signal.addEventListener('abort', () => resolve({ ok: false, detail: 'the check was cancelled' }), {
      once: true,
    })
  })
  try {
    return await Promise.race([act(stop.signal), late])
  } catch (error) {
    return { ok: false, detail: `the check broke down: ${error instanceof Error ? error.name : 'unknown'}` }
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', forward)
  }
}
