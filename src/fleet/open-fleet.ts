/** Puts the fleet together: who is in it, what bounds it, and what it answers. */

import type { AgentSystem, AgentSystemContext } from '../agent-systems/agent-system.ts'
import { ranked } from '../agents/choose-agent.ts'
import { defaultAgents } from '../agents/default-agents.ts'
import { createRetryBudget } from '../agents/retry.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { type Failure, type FailureKind, fail, ok, type Result } from '../failure.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { Store } from '../store/store.ts'
import { createAdmission } from './admission.ts'
import { createDispatch } from './dispatch.ts'
import type { AgentView, Fleet, OutsideBudgets } from './fleet.ts'
import { createHealthChecks } from './health.ts'
import { createHostLimiter } from './limiter.ts'
import { candidateOf, closedBecause, type Logger, type Member, viewOf } from './member.ts'
import { createRegistry } from './registry.ts'
import { createStateLog } from './state-log.ts'
import { createTrackRecords } from './track-records.ts'

/** Calls that may wait for a place. */
export const QUEUE_LIMIT = 10_000

/** How often places that are held beyond a run's share are looked for. */
const RECALL_EVERY_MS = 1_000

/** Counts since the start of the process, for /metrics. */
export type FleetStats = {
  agents: {
    agent: string
    ok: number
    failed: { [kind in FailureKind]?: number }
    breaker: AgentView['breaker']['state']
  }[]
  /** Hosts that bear less at present than was declared. */
  hosts: { host: string; limit: number; in_flight: number }[]
  retries_refused: number
  in_flight: number
  queued: number
  limit: number
}

export type OpenFleet = Fleet & { stats: () => FleetStats }

export type FleetParts = {
  configuration: Pick<Configuration, 'limits' | 'models' | 'agents' | 'default_agents' | 'progress'>
  store: Pick<Store, 'agents' | 'effects' | 'meta' | 'agent_history'>
  gateway: ModelGateway
  /** Where agents outside reach the models; without it none gets a key. */
  endpoint?: ModelEndpoint
  systems: ReadonlyMap<string, AgentSystem>
  context: Omit<AgentSystemContext, 'gateway'>
  logger: Logger
  budgets?: OutsideBudgets
  /** Milliseconds since 1970. */
  now: () => number
  /** Uniform in [0, 1). */
  random: () => number
}

/**
 * Opens the fleet: agents from the configuration file, from the API (the store), and with `default_agents` those that
 * come with the program. `invalid_input` when the file names an agent that cannot be (unknown system, wrong settings,
 * a name twice). Nothing is checked or called yet: see `check_all`.
 */
export async function openFleet(parts: FleetParts): Promise<Result<OpenFleet>> {
  const { configuration, store, logger, now, random } = parts
  const limiter = createHostLimiter(configuration)
  const retryBudget = createRetryBudget()
  let retriesRefused = 0
  let closing = false

  const admission = createAdmission(
    {
      total: configuration.limits.agent_pool_size,
      queue: QUEUE_LIMIT,
      agent: (id) => registry.byId(id)?.agent.concurrency ?? 0,
      host: limiter.limit,
      lease_ms: configuration.progress.lease_ms,
    },
    now,
  )
  const registry = createRegistry({
    store,
    systems: parts.systems,
    context: { ...parts.context, gateway: parts.gateway },
    limit: configuration.limits.agents,
    now,
    random,
    logger,
    onClosed: (member) => admission.dismiss(member.agent.id),
    queuedFor: admission.queuedFor,
  })
  const recalling = setInterval(admission.recall, RECALL_EVERY_MS)
  recalling.unref()
  const records = createTrackRecords(store.meta, registry.members, logger)
  const health = createHealthChecks({ members: registry.members, now, random, logger })
  const states = createStateLog({ history: store.agent_history, members: registry.members, now, logger })

  const problem = await enterAgents()
  if (problem !== null) {
    clearInterval(recalling)
    await health.close()
    await states.close()
    await registry.close()
    return { ok: false, failure: problem }
  }
  await records.restore(registry.members())

  const perform = createDispatch({
    registry,
    admission,
    retryBudget,
    limiter,
    retryRefused: () => {
      retriesRefused++
    },
    closing: () => closing,
    budgets: parts.budgets,
    effects: store.effects,
    byId: registry.byId,
    inFlightOn: admission.inFlightOn,
    endpoint: parts.endpoint,
    silence_ms: configuration.progress.silence_ms,
    gateway: parts.gateway,
    callEnded: registry.callEnded,
    learned: records.learned,
    now,
    logger,
  })

  const candidate = (member: Member) => candidateOf(member, admission.load(member.agent.id), now())
  const candidates = () => Array.from(registry.members(), candidate)
  const view = (member: Member) => viewOf(member, admission.queuedFor(member.agent.id))
  const viewed = (result: Result<Member>): Result<AgentView> => (result.ok ? ok(view(result.value)) : result)

  return ok({
    perform,
    add: async (input, source) => viewed(await registry.add(input, source)),
    async change(nameOrId, change) {
      const changed = await registry.change(nameOrId, change)
      // It may take more at once than before.
      if (changed.ok) admission.admit()
      return viewed(changed)
    },
    drain: async (nameOrId) => viewed(await registry.drain(nameOrId)),
    async remove(nameOrId, options) {
      const removed = await registry.remove(nameOrId, options)
      if (!removed.ok) return removed
      const last = view(removed.value.member)
      return ok(removed.value.removed ? { ...last, status: 'retired', retired: true } : last)
    },
    async get(nameOrId) {
      const member = registry.find(nameOrId)
      return member === undefined ? null : view(member)
    },
    list: async () => Array.from(registry.members(), view).sort((a, b) => (a.name < b.name ? -1 : 1)),
    async probe(nameOrId, signal) {
      const member = registry.find(nameOrId)
      return member === undefined
        ? fail('not_found', 'no agent has this name or id', { field: 'agent', value: nameOrId.slice(0, 100) })
        : health.check(member, signal)
    },
    capabilities() {
      const offered: { [capability: string]: number } = {}
      for (const member of registry.members()) {
        if (closedBecause(member, now()) !== null) continue
        for (const capability of new Set(member.agent.capabilities))
          offered[capability] = (offered[capability] ?? 0) + 1
      }
      return offered
    },
    candidates: (capability) => ranked(capability, candidates()).map((each) => each.name),
    quick_agents: () =>
      [...registry.members()]
        .filter((member) => member.engine.system?.quick === true && closedBecause(member, now()) === null)
        .map((member) => member.agent.name),
    live: (run) =>
      Array.from(registry.members()).flatMap((member) =>
        [...member.working]
          .filter((working) => working.run === run)
          .map(({ task, agent, since, note, tokens }) => ({ task, agent, since, note, tokens })),
      ),
    load: () => ({
      in_flight: admission.in_flight(),
      queued: admission.queued(),
      limit: configuration.limits.agent_pool_size,
    }),
    check_all: health.check_all,
    stats: () => ({
      agents: Array.from(registry.members(), ({ agent, counts, breaker }) => ({
        agent: agent.name,
        ok: counts.ok,
        failed: { ...counts.failed },
        breaker: breaker.state,
      })),
      hosts: limiter.hosts().map((each) => ({ ...each, in_flight: admission.inFlightOn(each.host) })),
      retries_refused: retriesRefused,
      in_flight: admission.in_flight(),
      queued: admission.queued(),
      limit: configuration.limits.agent_pool_size,
    }),
    async close() {
      if (closing) return
      closing = true
      clearInterval(recalling)
      const members = [...registry.members()]
      const idle = members
        .filter((member) => member.working.size > 0)
        .map((member) => new Promise<void>((resolve) => member.when_idle.push(resolve)))
      for (const member of members) {
        admission.dismiss(member.agent.id)
        for (const working of member.working) working.stop.abort('closing')
      }
      await health.close()
      await states.close()
      await Promise.all(idle)
      await records.close()
      await registry.close()
    },
  } satisfies OpenFleet)

  /** Agents of the file win over those of the API, and those over the ones that come with the program. */
  async function enterAgents(): Promise<Failure | null> {
    await registry.load(new Set(configuration.agents.map(({ name }) => name.toLowerCase())))
    for (const [i, input] of configuration.agents.entries()) {
      const added = await registry.add(input, 'file')
      if (!added.ok) return inFile(added.failure, i)
    }
    if (configuration.default_agents) {
      for (const input of defaultAgents) {
        const added = await registry.add(input, 'default')
        if (!added.ok)
          logger.info(
            { agent: input.name, reason: added.failure.message },
            'an agent that comes with Quorate is not there',
          )
      }
    }
    await registry.forgetUnclaimed()
    for (const { agent, engine } of registry.members()) {
      if (engine.problem !== null)
        logger.warn({ agent: agent.name, reason: engine.problem.message }, 'an agent cannot work yet')
    }
    return null
  }
}

function inFile(failure: Failure, i: number): Failure {
  const at = (field: string | undefined) =>
    field === 'limits.agents' ? field : `agents[${i}]${field === undefined ? '' : `.${field}`}`
  return {
    ...failure,
    kind: 'invalid_input',
    field: at(failure.field),
    ...(failure.problems === undefined
      ? {}
      : { problems: failure.problems.map((each) => ({ ...each, field: at(each.field) })) }),
  }
}
