/**
 * Who is in the fleet. Agents are added, changed, drained and removed while runs go on.
 *
 * Invariants:
 *  G1. Names are unique without regard to case. A retired agent's name may be taken again.
 *  G2. Changes happen one after the other, and are in the store before they are answered.
 *  G3. Work in hand is finished by what it was begun with: a change or a drain never touches it, a removal only by force.
 *  G4. Agents that came from a file or with the program are changed where they came from, not here.
 */
import { v7 } from 'uuid'
import type { AgentSystem, AgentSystemContext } from '../agent-systems/agent-system.ts'
import { type Agent, type AgentInput, agentInput } from '../agents/agent.ts'
import { closedBreaker } from '../agents/circuit-breaker.ts'
import { noRecord } from '../agents/track-record.ts'
import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import { behaviourHash, brokenEngine, closeEngine, openEngine } from './engine.ts'
import { type Engine, type Logger, type Member, newMember } from './member.ts'

export type Registry = {
  members: () => IterableIterator<Member>
  find: (nameOrId: string) => Member | undefined
  byId: (id: string) => Member | undefined
  /**
   * Takes agents from the store; those of other sources than the API wait for {@link add} to name them again, and one
   * whose name a file claims stays where it is, unused.
   */
  load: (claimed: ReadonlySet<string>) => Promise<void>
  /** Drops what the store still has of agents that no file names any more. */
  forgetUnclaimed: () => Promise<void>
  add: (input: AgentInput, source: Agent['source']) => Promise<Result<Member>>
  change: (nameOrId: string, change: Partial<AgentInput>) => Promise<Result<Member>>
  drain: (nameOrId: string) => Promise<Result<Member>>
  remove: (nameOrId: string, options: { force: boolean }) => Promise<Result<{ member: Member; removed: boolean }>>
  /** A call of this agent has ended: finishes a drain or a removal that waited for it. */
  callEnded: (member: Member, engine: Engine) => Promise<void>
  close: () => Promise<void>
}

export type RegistryParts = {
  store: Pick<Store, 'agents'>
  systems: ReadonlyMap<string, AgentSystem>
  context: AgentSystemContext
  limit: number
  now: () => number
  random: () => number
  logger: Logger
  /** The agent takes no more work: whoever waits for it has to look elsewhere. */
  onClosed: (member: Member) => void
  /** Calls that wait for the agent. */
  queuedFor: (id: string) => number
}

export function createRegistry(parts: RegistryParts): Registry {
  const { store, systems, context, logger, now } = parts
  const byId = new Map<string, Member>()
  const byName = new Map<string, Member>()
  /** Rows of agents that a file or the program has to name again. */
  const unclaimed = new Map<string, Agent>()
  let last: Promise<unknown> = Promise.resolve()

  /** G2. */
  function inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = last.then(act)
    last = turn.catch(() => {})
    return turn
  }

  const find = (nameOrId: string) => byId.get(nameOrId) ?? byName.get(nameOrId.toLowerCase())

  function enter(member: Member): void {
    byId.set(member.agent.id, member)
    byName.set(member.agent.name.toLowerCase(), member)
  }

  async function drop(member: Member): Promise<void> {
    await store.agents.remove(member.agent.id)
    byId.delete(member.agent.id)
    if (byName.get(member.agent.name.toLowerCase()) === member) byName.delete(member.agent.name.toLowerCase())
    await closeEngine(member.engine, logger)
  }

  /** Finishes a drain: nothing in hand, nothing waiting. */
  async function settleDrain(member: Member): Promise<void> {
    if (byId.get(member.agent.id) !== member) return
    if (
      !member.agent.draining ||
      member.agent.retired ||
      member.working.size > 0 ||
      parts.queuedFor(member.agent.id) > 0
    )
      return
    if (member.removing) return drop(member)
    member.agent = { ...member.agent, retired: true, updated_at: now() }
    await store.agents.put(member.agent)
    await closeEngine(member.engine, logger)
  }

  const writable = (nameOrId: string): Result<Member> => {
    const member = find(nameOrId)
    if (member === undefined) return unknown(nameOrId)
    const remedy = readOnlyRemedy[member.agent.source]
    return remedy === null
      ? ok(member)
      : fail('forbidden', `${member.agent.name} is read-only here`, {
          field: 'agent',
          value: member.agent.name,
          remedy,
        })
  }

  return {
    members: () => byId.values(),
    find,
    byId: (id) => byId.get(id),

    async load(claimed) {
      for (const agent of await store.agents.list()) {
        const name = agent.name.toLowerCase()
        if (agent.source !== 'api') {
          unclaimed.set(name, agent)
          continue
        }
        if (claimed.has(name)) {
          logger.warn(
            { agent: agent.name },
            'an agent of the configuration file stands in the place of one from the API',
          )
          continue
        }
        const opened = openEngine(agent, systems, context)
        if (!opened.ok)
          logger.warn({ agent: agent.name, reason: opened.failure.message }, 'a stored agent cannot be driven')
        const member = newMember(agent, opened.ok ? opened.value : brokenEngine(opened.failure))
        enter(member)
        await settleDrain(member)
      }
    },

    async forgetUnclaimed() {
      for (const [name, agent] of unclaimed) {
        if (agent.source === 'library') continue
        await store.agents.remove(agent.id)
        unclaimed.delete(name)
      }
    },

    add: (input, source) =>
      inTurn(async () => {
        const holder = byName.get(input.name.toLowerCase())
        if (holder !== undefined && !holder.agent.retired) {
          return fail(
            'conflict',
            `an agent is named ${holder.agent.name} already (from ${origin[holder.agent.source]})`,
            {
              field: 'name',
              value: input.name,
              remedy: 'choose another name, or change that agent',
            },
          )
        }
        if (byId.size - (holder === undefined ? 0 : 1) >= parts.limit) {
          return fail('conflict', `there are ${byId.size} agents, which is the limit`, {
            field: 'limits.agents',
            value: String(parts.limit),
            remedy: 'remove one, or raise limits.agents',
          })
        }
        const opened = openEngine(input, systems, context)
        if (!opened.ok) return opened
        if (opened.value.problem !== null && source === 'api') return { ok: false, failure: opened.value.problem }
        if (holder !== undefined) await drop(holder)
        const before = unclaimed.get(input.name.toLowerCase())
        unclaimed.delete(input.name.toLowerCase())
        const at = now()
        const hash = behaviourHash(input)
        const agent: Agent = {
          ...input,
          id: before?.id ?? `agt_${v7({ msecs: at, rng: () => randomBytes(parts.random) })}`,
          source,
          draining: false,
          retired: false,
          created_at: before?.created_at ?? at,
          updated_at: before?.hash === hash ? before.updated_at : at,
          hash,
        }
        await store.agents.put(agent)
        const member = newMember(agent, opened.value)
        enter(member)
        return ok(member)
      }),

    change: (nameOrId, change) =>
      inTurn(async () => {
        const held = writable(nameOrId)
        if (!held.ok) return held
        const member = held.value
        const { agent } = member
        if (agent.retired || agent.draining) {
          return fail('conflict', `${agent.name} is ${agent.retired ? 'retired' : 'draining'}`, {
            remedy: 'add it anew under this name once it is retired',
          })
        }
        const { id, source, draining, retired, created_at, updated_at: _, hash: __, ...before } = agent
        const parsed = agentInput.safeParse({ ...before, ...change })
        if (!parsed.success) {
          const issue = parsed.error.issues[0]
          const field = issue?.path.join('.') ?? ''
          return fail('invalid_input', `${field}: ${issue?.message ?? 'not valid'}`, { field })
        }
        const input = parsed.data
        const holder = byName.get(input.name.toLowerCase())
        if (holder !== undefined && holder !== member && !holder.agent.retired) {
          return fail('conflict', `an agent is named ${holder.agent.name} already`, {
            field: 'name',
            value: input.name,
          })
        }
        const opened = openEngine(input, systems, context)
        if (!opened.ok) return opened
        if (opened.value.problem !== null) return { ok: false, failure: opened.value.problem }
        const changed: Agent = {
          ...input,
          id,
          source,
          draining,
          retired,
          created_at,
          updated_at: now(),
          hash: behaviourHash(input),
        }
        await store.agents.put(changed)
        if (holder !== undefined && holder !== member) await drop(holder)
        byName.delete(agent.name.toLowerCase())
        const old = member.engine
        member.agent = changed
        member.engine = opened.value
        if (changed.hash !== agent.hash) {
          // What it did before says little of what it does now.
          member.record = noRecord
          member.breaker = { ...closedBreaker, epoch: member.breaker.epoch + 1 }
          member.health = null
          member.failed_checks = 0
          member.answered = false
        }
        enter(member)
        await closeEngine(old, logger)
        return ok(member)
      }),

    drain: (nameOrId) =>
      inTurn(async () => {
        const held = writable(nameOrId)
        if (!held.ok) return held
        await startDrain(held.value)
        return held
      }),

    async remove(nameOrId, { force }) {
      const begun = await inTurn(async (): Promise<Result<{ member: Member; removed: boolean }>> => {
        const held = writable(nameOrId)
        if (!held.ok) return held
        const member = held.value
        member.removing = true
        if (member.agent.retired) await drop(member)
        else await startDrain(member)
        return ok({ member, removed: byId.get(member.agent.id) !== member })
      })
      if (!begun.ok || begun.value.removed || !force) return begun
      const { member } = begun.value
      const idle = new Promise<void>((resolve) => member.when_idle.push(resolve))
      for (const working of member.working) working.stop.abort('removed')
      if (member.working.size > 0) await idle
      await inTurn(() => settleDrain(member))
      return ok({ member, removed: true })
    },

    async callEnded(member, engine) {
      if (engine.replaced) await closeEngine(engine, logger)
      if (member.working.size > 0) return
      for (const idle of member.when_idle.splice(0)) idle()
      if (member.agent.draining && !member.agent.retired) await inTurn(() => settleDrain(member))
    },

    async close() {
      await last
      for (const member of byId.values()) await closeEngine(member.engine, logger)
    },
  }

  async function startDrain(member: Member): Promise<void> {
    if (member.agent.draining || member.agent.retired) return settleDrain(member)
    member.agent = { ...member.agent, draining: true, updated_at: now() }
    await store.agents.put(member.agent)
    parts.onClosed(member)
    await settleDrain(member)
  }

  function unknown(nameOrId: string): Result<never> {
    return fail('not_found', `no agent has the name or id ${excerpt(nameOrId, 100)}`, {
      field: 'agent',
      value: excerpt(nameOrId, 100),
      remedy: 'see the list of agents',
    })
  }
}

const origin = {
  default: 'the program',
  file: 'the configuration file',
  api: 'the API',
  library: 'the program that embeds Quorate',
} as const

/** G4. */
const readOnlyRemedy: Record<Agent['source'], string | null> = {
  default: 'name an agent like it in quorate.yaml, which then stands in its place, or set default_agents: false',
  file: 'edit the configuration file and start again',
  api: null,
  library: null,
}

const randomBytes = (random: () => number): Uint8Array =>
  Uint8Array.from({ length: 16 }, () => Math.floor(random() * 256))
