/** An agent at work: what is configured, what drives it, and what is known of it now. */

import type { AgentHandle, AgentSystem, Health } from '../agent-systems/agent-system.ts'
import type { Agent, AgentStatus } from '../agents/agent.ts'
import type { Candidate } from '../agents/choose-agent.ts'
import {
  agentBreakerDefaults,
  allows,
  type Breaker,
  type BreakerSettings,
  closedBreaker,
  failureRate,
} from '../agents/circuit-breaker.ts'
import { noRecord, performance, type TrackRecord } from '../agents/track-record.ts'
import type { Failure, FailureKind } from '../failure.ts'
import type { EffectClass } from '../workflow/definition.ts'
import { milliseconds } from '../workflow/duration.ts'
import type { AgentView } from './fleet.ts'
import { type AgentTimes, agentTimes } from './watch-attempt.ts'

/** pino's shape; nothing else of a logger is used. */
export type Logger = { [level in 'debug' | 'info' | 'warn' | 'error']: (fields: object, message: string) => void }

/** A call in hand. */
export type Working = {
  run: string
  task: string
  agent: string
  since: number
  note: string
  tokens: number
  stop: AbortController
}

/** An agent system with the agent's settings. A change of settings makes a new one; the old one ends with its last call. */
export type Engine = {
  system: AgentSystem | null
  effect: EffectClass
  handle: AgentHandle | null
  /** Why there is no handle. */
  problem: Failure | null
  in_use: number
  replaced: boolean
}

export type Member = {
  agent: Agent
  engine: Engine
  breaker: Breaker
  record: TrackRecord
  health: (Health & { at: number }) | null
  /** Health checks failed in a row. */
  failed_checks: number
  /** Whether it has ever answered a check or a call since it is here. */
  answered: boolean
  working: Set<Working>
  /** How long it took before. */
  times: AgentTimes
  /** Removed as soon as its last call has ended. */
  removing: boolean
  counts: { ok: number; failed: { [kind in FailureKind]?: number } }
  /** Called when the last call in hand has ended. */
  when_idle: (() => void)[]
}

export const newMember = (agent: Agent, engine: Engine): Member => ({
  agent,
  engine,
  breaker: closedBreaker,
  record: noRecord,
  health: null,
  failed_checks: 0,
  answered: false,
  working: new Set(),
  times: agentTimes(),
  removing: false,
  counts: { ok: 0, failed: {} },
  when_idle: [],
})

const settingsOf = new WeakMap<Agent, BreakerSettings>()

/** A call that takes nine tenths of the agent's time-out is slow. Asked several times for each call, so made once. */
export function breakerSettings(agent: Agent): BreakerSettings {
  const known = settingsOf.get(agent)
  if (known !== undefined) return known
  const made = { ...agentBreakerDefaults, slow_call_ms: 0.9 * milliseconds(agent.timeout) }
  settingsOf.set(agent, made)
  return made
}

/** One failed check may be chance; an agent that never answered gets no benefit of the doubt. */
const isOffline = (member: Member): boolean =>
  member.engine.handle === null || member.failed_checks >= (member.answered ? 2 : 1)

/** Why the agent takes no work now, or null. */
export function closedBecause(member: Member, now: number): { reason: string; opens_in_s: number | null } | null {
  const { agent, engine, health, breaker } = member
  if (agent.retired) return { reason: 'retired', opens_in_s: null }
  if (agent.draining) return { reason: 'draining', opens_in_s: null }
  if (engine.handle === null) return { reason: `offline: ${engine.problem?.message ?? 'not opened'}`, opens_in_s: null }
  if (isOffline(member)) return { reason: `offline: ${health?.detail ?? 'no answer'}`, opens_in_s: null }
  if (allows(breaker, breakerSettings(agent), now)) return null
  if (breaker.state === 'half_open') return { reason: 'breaker half open, its trials are under way', opens_in_s: 1 }
  const wait = ((breaker.open_until ?? now) - now) / 1_000
  return { reason: `breaker open for ${Math.ceil(wait)} s`, opens_in_s: wait }
}

export function statusOf(member: Member): AgentStatus {
  const { agent, breaker, failed_checks, working } = member
  if (agent.retired) return 'retired'
  if (agent.draining) return 'draining'
  if (isOffline(member)) return 'offline'
  if (breaker.state !== 'closed' || failed_checks > 0) return 'degraded'
  return working.size > 0 ? 'busy' : 'idle'
}

export function candidateOf(member: Member, load: number, now: number): Candidate {
  const closed = closedBecause(member, now)
  const effect = effectOf(member, null)
  return {
    name: member.agent.name,
    capabilities: member.agent.capabilities,
    closed: closed?.reason ?? null,
    opens_in_s: closed?.opens_in_s ?? null,
    record: member.record,
    load,
    concurrency: member.agent.concurrency,
    harmless: effect === 'none' || effect === 'pure',
  }
}

/** The task's word on its effect counts, else the agent's, else what the adapter proposes. */
export const effectOf = (member: Member, declared: EffectClass | null): EffectClass =>
  declared ?? member.agent.effect ?? member.engine.effect

export function viewOf(member: Member, queued: number): AgentView {
  const { agent, breaker, health, record } = member
  return {
    ...agent,
    status: statusOf(member),
    current_tasks: [...member.working].map(({ run, task, since, note }) => ({
      run,
      task: `${run}/${task}`,
      since,
      agent: agent.name,
      note,
    })),
    queued,
    breaker: {
      state: breaker.state,
      failure_rate: failureRate(breaker, breakerSettings(agent)),
      calls: breaker.calls.length,
      opens_again_at: breaker.open_until,
    },
    health:
      member.engine.problem === null
        ? health
        : { ok: false, detail: member.engine.problem.message, at: health?.at ?? agent.updated_at },
    performance: performance(record),
  }
}
