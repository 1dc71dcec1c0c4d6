/**
 * Keeps when agents changed their state, for the history that the console shows: looked at once a second, written in
 * one commit. Idle and busy are one state here: what an agent worked on is in the logs of the runs.
 */
import type { AgentState, Store } from '../store/store.ts'
import { closedBecause, type Logger, type Member, statusOf } from './member.ts'

const LOOK_EVERY_MS = 1_000

export type StateLog = {
  /** Looks now; the promise resolves when what changed is stored. */
  look: () => Promise<void>
  close: () => Promise<void>
}

export function createStateLog(parts: {
  history: Store['agent_history']
  members: () => Iterable<Member>
  now: () => number
  logger: Logger
}): StateLog {
  const { history, members, now, logger } = parts
  /** What was noted last of each agent, by id. */
  const noted = new Map<string, string>()
  let looking: Promise<void> | null = null

  const stateOf = (member: Member, at: number): Omit<AgentState, 'at'> => {
    const status = statusOf(member)
    return {
      agent: member.agent.id,
      state: status === 'idle' || status === 'busy' ? 'ready' : status,
      breaker: member.breaker.state,
      reason: closedBecause(member, at)?.reason.replace(/ for \d+ s$/, '') ?? '',
    }
  }

  /** What the program before this one noted last: a start alone is no change. */
  async function notedBefore(id: string): Promise<void> {
    const [last] = await history.states(id, 1)
    if (last !== undefined) noted.set(id, textOf(last))
  }

  async function note(): Promise<void> {
    const at = now()
    const changes: AgentState[] = []
    for (const member of members()) {
      // Before its first check nothing is known of it.
      if (member.health === null && member.engine.handle !== null) continue
      if (!noted.has(member.agent.id)) await notedBefore(member.agent.id)
      const state = stateOf(member, at)
      if (noted.get(state.agent) === textOf(state)) continue
      changes.push({ ...state, at })
    }
    if (changes.length === 0) return
    await history.note(changes)
    for (const state of changes) noted.set(state.agent, textOf(state))
  }

  function look(): Promise<void> {
    looking ??= note()
      .catch((error: unknown) => logger.warn({ error: String(error) }, 'states of agents could not be kept'))
      .finally(() => {
        looking = null
      })
    return looking
  }

  const timer = setInterval(() => void look(), LOOK_EVERY_MS)
  timer.unref()
  return {
    look,
    async close() {
      clearInterval(timer)
      await looking
      await look()
    },
  }
}

const textOf = ({ state, breaker, reason }: Omit<AgentState, 'at'>): string => JSON.stringify([state, breaker, reason])
