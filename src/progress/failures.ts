/** What the failures of earlier attempts say together: an agent that crashes again and again, a task that nobody survives. */
import type { Failure } from '../failure.ts'
import type { Finding } from './finding.ts'
import { hash32, normalised } from './words.ts'

/** One failed attempt of a task. */
export type FailureSeen = {
  agent: string | null
  /** Kind and message, without what changes by itself; the same for the same cause. */
  signature: string
  /** Milliseconds since 1970. */
  at: number
}

/** Failures that are kept of a task. */
export const KEPT_FAILURES = 20
/** The same failure this often at one agent. */
const CRASHES = 3
/** The same failure this often, and at this many agents. */
const POISON_FAILURES = 3
const POISON_AGENTS = 2

/** @param agent its name is no part of the cause */
export const signatureOf = (agent: string | null, { kind, message }: Pick<Failure, 'kind' | 'message'>): string => {
  const text = agent === null ? message : message.replaceAll(agent, '#')
  // Numbers are mostly positions, sizes and ids here.
  return `${kind}:${hash32(normalised(text).replace(/\d+/g, '#')).toString(36)}`
}

/** How often the last failure has happened before and now. */
export function timesSeen(failures: readonly FailureSeen[]): number {
  const last = failures.at(-1)
  return last === undefined ? 0 : failures.filter(({ signature }) => signature === last.signature).length
}

/** @param message of the last failure */
export function acrossAttempts(failures: readonly FailureSeen[], message: string): Finding | null {
  const last = failures.at(-1)
  if (last === undefined) return null
  const same = failures.filter(({ signature, agent }) => signature === last.signature && agent !== null)
  const agents = new Set(same.map(({ agent }) => agent))
  const evidence = { signature: last.signature, failures: same.length, agents: agents.size }
  if (same.length >= POISON_FAILURES && agents.size >= POISON_AGENTS)
    return {
      detector: 'poison',
      message: `${same.length} attempts of ${agents.size} agents failed alike: ${message}`,
      evidence,
    }
  const own = same.filter(({ agent }) => agent === last.agent)
  if (last.agent !== null && own.length >= CRASHES)
    return {
      detector: 'crash_loop',
      message: `${last.agent} failed ${own.length} times alike: ${message}`,
      evidence: { ...evidence, failures: own.length, over_ms: last.at - (own[0]?.at ?? last.at) },
    }
  return null
}
