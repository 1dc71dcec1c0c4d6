/**
 * Weighted plurality with quorum and threshold, all weights 1 (the depth of voting has its own place).
 * Rules: votes cast / eligible < quorum → no_quorum; the first two level → tie; share of the winner among votes cast
 * > threshold → decided; else plurality_only. An invalid ballot is never a vote and counts only among the eligible.
 */
import type { VoteResult } from '../workflow/event.ts'

export type VoteRules = { options: readonly string[]; eligible: number; quorum: number; threshold: number }

export const DEFAULT_QUORUM = 0.5
export const DEFAULT_THRESHOLD = 0.7

/** `ballots`: the option of each ballot that came, null for an invalid one or an abstention. */
export function plurality(ballots: readonly (string | null)[], rules: VoteRules): VoteResult {
  const counts: Record<string, number> = Object.fromEntries(rules.options.map((option) => [option, 0]))
  let valid = 0
  for (const ballot of ballots) {
    if (ballot === null || !(ballot in counts)) continue
    counts[ballot] = (counts[ballot] ?? 0) + 1
    valid++
  }
  const shares = Object.fromEntries(Object.entries(counts).map(([option, n]) => [option, valid === 0 ? 0 : n / valid]))
  const ranked = Object.entries(counts).sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const [first, second] = ranked
  const base = {
    shares,
    counts,
    eligible: rules.eligible,
    valid,
    invalid: ballots.length - valid,
    quorum: rules.quorum,
    threshold: rules.threshold,
  }
  if (valid === 0 || valid < rules.quorum * rules.eligible)
    return {
      ...base,
      status: 'no_quorum',
      winner: null,
      reason: `${valid} of ${rules.eligible} cast a valid ballot, quorum is ${rules.quorum}`,
    }
  if (first === undefined) return { ...base, status: 'no_quorum', winner: null, reason: 'no options' }
  if (second !== undefined && first[1] === second[1])
    return { ...base, status: 'tie', winner: null, reason: `"${first[0]}" and "${second[0]}" have ${first[1]} each` }
  const share = first[1] / valid
  return share > rules.threshold
    ? {
        ...base,
        status: 'decided',
        winner: first[0],
        reason: `"${first[0]}" has ${first[1]} of ${valid} votes, more than ${rules.threshold}`,
      }
    : {
        ...base,
        status: 'plurality_only',
        winner: first[0],
        reason: `"${first[0]}" leads with ${first[1]} of ${valid} votes, not more than ${rules.threshold}`,
      }
}

/**
 * True when the ballots still out cannot change {@link plurality}'s status and winner: the leader stays ahead even if
 * all of them go to the runner-up, the quorum is reached, and the threshold holds even if all go elsewhere.
 */
export function isCertain(ballots: readonly (string | null)[], rules: VoteRules): boolean {
  const left = rules.eligible - ballots.length
  if (left <= 0) return true
  const now = plurality(ballots, rules)
  if (now.winner === null || now.status !== 'decided') return false
  const leader = now.counts[now.winner] ?? 0
  const runnerUp = Math.max(
    0,
    ...Object.entries(now.counts).flatMap(([option, n]) => (option === now.winner ? [] : [n])),
  )
  return leader - runnerUp > left && leader / (now.valid + left) > rules.threshold
}
