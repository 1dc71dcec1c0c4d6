/**
 * How long an attempt may be without a sign of life. A sign of life is what only work gives: a request to a model, a token,
 * a line of output; that a process is there is none.
 *
 * A slow agent must not be taken for one that hangs, so a limit is never below `silence`, grows with what the agent took
 * before (phi accrual for each agent and phase), and is doubled after each time that it was used.
 */
import { phi, phiLimit, type Summary } from './accrual.ts'
import type { Finding } from './finding.ts'
import type { AttemptRecord, Phase } from './record.ts'

/**
 * The least that a limit is, as a share of the attempt's time-out: one single step may be long (a prompt that is read, a
 * tool that runs), a pause between two tokens is not. Null: no sign was promised, so only the time-out ends it.
 */
const leastShare: Record<Phase, number | null> = {
  start: null,
  // The time of others: for a place at a model, or for a model to be loaded.
  queue: null,
  first_token: 1 / 2,
  stream: 0,
  tool: 1 / 4,
  output: null,
}

export type LimitsOf = {
  /** Milliseconds: no limit is shorter. */
  silence: number
  timeout: number
  /** The agent was given a key to the models, so it is expected to ask one. */
  asks_models: boolean
  /** How often this agent was ended in this phase and has not shown since that it works. */
  doubts: number
}

/** Milliseconds without a sign of life, or null where only the time-out ends it. @param known how long it took before */
export function quietLimit(phase: Phase, known: Summary | null, of: LimitsOf): number | null {
  const share = phase === 'start' && of.asks_models ? leastShare.tool : leastShare[phase]
  if (share === null) return null
  const least = Math.max(of.silence, share * of.timeout, known === null ? 0 : phiLimit(known))
  const limit = Math.round(least * 2 ** Math.min(of.doubts, 10))
  return limit < of.timeout ? limit : null
}

/** Who only repeats itself gets this many times the limit. */
const REPEATS = 3

const did: Record<Phase, string> = {
  start: 'it began',
  queue: 'it began to wait for a model',
  first_token: 'a model was asked',
  stream: 'the last token',
  tool: 'the model answered: a tool of the agent may hang',
  output: 'its last output',
}

/** @param now milliseconds since the attempt began  @param over its time is over: what it looks like at the end */
export function silence(record: AttemptRecord, now: number, over = false): Finding | null {
  const { quiet, nothing_new } = record
  const quiet_for = now - quiet.since
  const limit = quiet.limit ?? (over ? now / 2 : null)
  if (limit === null) return null
  if (quiet_for >= limit) {
    const stalled = quiet.phase === 'stream'
    return {
      detector: stalled ? 'stalled_stream' : 'silence',
      message: `no sign of life for ${seconds(quiet_for)} since ${did[quiet.phase]}`,
      evidence: {
        phase: quiet.phase,
        quiet_ms: Math.round(quiet_for),
        limit_ms: Math.round(limit),
        ...(quiet.known === null
          ? {}
          : {
              mean_ms: Math.round(quiet.known.mean),
              sd_ms: Math.round(quiet.known.sd),
              samples: quiet.known.n,
              phi: Math.min(1_000, Math.round(phi(quiet_for, quiet.known.mean, quiet.known.sd) * 10) / 10),
            }),
        ...(quiet.phase === 'stream' ? { tokens: record.tokens } : {}),
      },
    }
  }
  const repeats_for = now - nothing_new.since
  if (quiet.limit === null || nothing_new.signs === 0 || repeats_for < REPEATS * limit) return null
  return {
    detector: 'no_evidence',
    message: `signs of life, and nothing new in them for ${seconds(repeats_for)}`,
    evidence: { phase: quiet.phase, repeats_ms: Math.round(repeats_for), signs: nothing_new.signs },
  }
}

/** When to look again, in milliseconds since the attempt began; null = when something happens. */
export function nextLook({ quiet, nothing_new }: AttemptRecord): number | null {
  if (quiet.limit === null) return null
  const silent = quiet.since + quiet.limit
  return nothing_new.signs === 0 ? silent : Math.min(silent, nothing_new.since + REPEATS * quiet.limit)
}

const seconds = (ms: number): string => (ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : `${Math.round(ms / 1_000)} s`)
