/**
 * Which agent gets a task, and why, in words that anyone can check.
 *
 * Gates come first and are never summed with anything (a good record does not outweigh an open breaker). Then:
 * the agent that was named; the fall-back list in its order; among all that can do it, the best proven one per load.
 * An agent that failed this task already is used only when no other can be: then a repetition is better than none.
 */
import type { Failure } from '../failure.ts'
import { proven, type TrackRecord } from './track-record.ts'

export type Candidate = {
  name: string
  capabilities: readonly string[]
  /** Why it takes no work just now (draining, offline, breaker open …), or null. */
  closed: string | null
  /** Seconds until it may take work again, where that is known. */
  opens_in_s: number | null
  record: TrackRecord
  /** Calls it has in hand or waiting, and how many it takes at once. */
  load: number
  concurrency: number
  /** What it does has no effect outside. */
  harmless: boolean
}

export type Wanted = {
  agent: string | null
  capability: string | null
  fallback: readonly string[]
  excluded: readonly string[]
  /** Never one of the excluded, also when no other can take it. */
  only_others?: boolean
}

export type Choice = { why: string } & ({ agent: string } | { agent: null; failure: Failure })

/** Seconds after which an agent that is not there is worth asking for again: one round of health checks. */
const ASK_AGAIN_S = 15
/** Names listed in a reason. */
const LISTED = 8

/** Proven quality per load: an idle agent counts in full, a full one half. In [0, 1]. */
const rank = (candidate: Candidate): number => proven(candidate.record) / (1 + candidate.load / candidate.concurrency)

/** Best first; ties by name, so that the same candidates always give the same choice. */
const bestFirst = (candidates: readonly Candidate[]): Candidate[] =>
  candidates
    .map((candidate) => ({ candidate, rank: rank(candidate) }))
    .sort((a, b) => b.rank - a.rank || (a.candidate.name < b.candidate.name ? -1 : 1))
    .map(({ candidate }) => candidate)

/** Agents that offer the capability (any, when null) and take work, best first. */
export const ranked = (capability: string | null, candidates: readonly Candidate[]): Candidate[] =>
  bestFirst(
    candidates.filter(
      (each) => each.closed === null && (capability === null || each.capabilities.includes(capability)),
    ),
  )

export function chooseAgent(wanted: Wanted, candidates: readonly Candidate[]): Choice {
  const named = wanted.agent === null ? undefined : find(wanted.agent, candidates)
  if (wanted.agent !== null && named === undefined && wanted.fallback.length === 0 && wanted.capability === null) {
    return unknownAgent(wanted.agent, candidates)
  }
  const excluded = new Set(wanted.excluded.map((name) => name.toLowerCase()))
  const usable = (candidate: Candidate, again: boolean) =>
    candidate.closed === null && excluded.has(candidate.name.toLowerCase()) === again
  const pool = bestFirst(able(wanted, named, candidates))

  for (const again of wanted.only_others === true ? [false] : [false, true]) {
    const note = again ? '; it failed this task before, and no other agent can take it' : ''
    if (named !== undefined && usable(named, again))
      return { agent: named.name, why: `${named.name}: named by the task${note}` }
    for (const name of wanted.fallback) {
      const next = find(name, candidates)
      if (next === undefined || !usable(next, again)) continue
      return {
        agent: next.name,
        why: `${next.name}: next in the task's fall-back list${note}${because(wanted, named, excluded)}`,
      }
    }
    const first = pool.find((candidate) => usable(candidate, again))
    if (first !== undefined) {
      return {
        agent: first.name,
        why: `${first.name}: ${rule(wanted, pool, excluded)}${note}${because(wanted, named, excluded)}`,
      }
    }
  }
  return nobody(wanted, named, pool, candidates, excluded)
}

/**
 * Who can do it: agents with the capability; for a named agent without one, those that can do all that it can. When the
 * task says neither, those without effects outside, as long as there is one.
 */
function able(wanted: Wanted, named: Candidate | undefined, candidates: readonly Candidate[]): Candidate[] {
  const { capability } = wanted
  if (capability !== null) return candidates.filter((each) => each.capabilities.includes(capability))
  if (wanted.agent === null) {
    const harmless = candidates.filter((each) => each.harmless)
    return harmless.length > 0 ? harmless : [...candidates]
  }
  if (named === undefined || named.capabilities.length === 0) return []
  return candidates.filter(
    (each) => each !== named && named.capabilities.every((needed) => each.capabilities.includes(needed)),
  )
}

const find = (name: string, candidates: readonly Candidate[]): Candidate | undefined =>
  candidates.find((each) => each.name === name) ??
  candidates.find((each) => each.name.toLowerCase() === name.toLowerCase())

function rule(wanted: Wanted, pool: readonly Candidate[], excluded: ReadonlySet<string>): string {
  const what = wanted.capability ?? (wanted.agent === null ? 'any capability' : `all that ${wanted.agent} can do`)
  if (pool.length === 1) return `the only agent with ${what}`
  return `best proven per load of ${pool.length} with ${what} (${listed(pool, excluded)})`
}

function because(wanted: Wanted, named: Candidate | undefined, excluded: ReadonlySet<string>): string {
  if (wanted.agent === null) return ''
  return `; not ${wanted.agent}: ${named === undefined ? 'unknown' : state(named, excluded)}`
}

const state = (candidate: Candidate, excluded: ReadonlySet<string>): string =>
  candidate.closed ?? (excluded.has(candidate.name.toLowerCase()) ? 'failed this task' : 'takes work')

function listed(pool: readonly Candidate[], excluded: ReadonlySet<string>): string {
  const lines = pool.slice(0, LISTED).map((each) => {
    const closed = state(each, excluded)
    return closed === 'takes work'
      ? `${each.name} ${proven(each.record).toFixed(2)} with ${each.load}/${each.concurrency}`
      : `${each.name} ${closed}`
  })
  if (pool.length > LISTED) lines.push(`${pool.length - LISTED} more`)
  return lines.join(', ')
}

function unknownAgent(name: string, candidates: readonly Candidate[]): Choice {
  const names = candidates.map((each) => each.name).sort()
  const some = names.slice(0, LISTED).join(', ') + (names.length > LISTED ? ', …' : '')
  const message = `no agent is named ${name}`
  return {
    agent: null,
    why: message,
    failure: {
      kind: 'not_found',
      message,
      field: 'agent',
      value: name,
      remedy: names.length === 0 ? 'add an agent' : `one of: ${some}`,
    },
  }
}

function nobody(
  wanted: Wanted,
  named: Candidate | undefined,
  pool: readonly Candidate[],
  candidates: readonly Candidate[],
  excluded: ReadonlySet<string>,
): Choice {
  const fallback = wanted.fallback.map((name) => find(name, candidates)).filter((each) => each !== undefined)
  const asked = [...new Set([...(named === undefined ? [] : [named]), ...fallback, ...pool])]
  if (asked.length === 0) {
    const what = wanted.capability ?? wanted.agent
    const message =
      what === null
        ? 'there is no agent'
        : wanted.capability === null
          ? `no agent is named ${what}, nor any in its fall-back list`
          : `no agent offers the capability ${what}`
    return {
      agent: null,
      why: message,
      failure: {
        kind: 'not_found',
        message,
        field: wanted.capability === null ? 'agent' : 'capability',
        ...(what === null ? {} : { value: what }),
        remedy: 'add an agent that can do it, or name another',
      },
    }
  }
  const why = `no agent takes this task now (${listed(asked, excluded)})`
  const waits = asked.map((each) => each.opens_in_s).filter((wait) => wait !== null)
  return {
    agent: null,
    why,
    failure: {
      kind: 'unavailable',
      message: why,
      remedy: 'see `quorate agents`; it is tried again by itself',
      retry_after_s: waits.length === 0 ? ASK_AGAIN_S : Math.max(1, Math.ceil(Math.min(...waits))),
    },
  }
}
