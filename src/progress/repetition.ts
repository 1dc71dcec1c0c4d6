/**
 * The same again. The first three rules are those of OpenHands' stuck detector; the near-repetition and the periods of
 * three are ours.
 */
import type { Finding } from './finding.ts'
import type { Step } from './record.ts'
import { similarity } from './words.ts'

/** The same call with the same result, this many times. */
const SAME = 4
/** The same call, each time with an error. */
const SAME_ERRORS = 3
/** The same words, with nothing heard in between. */
const SAME_WORDS = 3
/** The same request that no model answered. Clients repeat by themselves, some of them within each other: two and two. */
const SAME_UNANSWERED = 6
/** Of the last three outputs, each compared with the next. */
const ALIKE = 0.9
const ALIKE_STEPS = 3
const LONGEST_PERIOD = 3

const pair = (step: Step): string => `${step.did} ${step.saw ?? ''}`

/** The last `n` steps, when there are as many, and all of them pass. */
function lastAll(steps: readonly Step[], n: number, passes: (step: Step, first: Step) => boolean): Step | null {
  const last = steps.slice(-n)
  const [first] = last
  return first !== undefined && last.length === n && last.every((step) => passes(step, first)) ? first : null
}

export function sameCall(steps: readonly Step[]): Finding | null {
  const found = (n: number, what: string, step: Step): Finding => ({
    detector: 'same_call',
    message: `${what}: ${step.said}${step.heard === '' ? '' : ` → ${step.heard}`}`,
    evidence: { times: n, did: step.did, saw: step.saw },
  })
  const unanswered = lastAll(steps, SAME_UNANSWERED, (s, first) => s.unanswered === true && pair(s) === pair(first))
  if (unanswered !== null)
    return found(SAME_UNANSWERED, `the same request failed ${SAME_UNANSWERED} times in a row`, unanswered)
  const errors = lastAll(
    steps,
    SAME_ERRORS,
    (s, first) => s.error && s.unanswered !== true && s.did === first.did && s.acts,
  )
  if (errors !== null)
    return found(SAME_ERRORS, `the same call was made ${SAME_ERRORS} times in a row, each time with an error`, errors)
  const words = lastAll(
    steps,
    SAME_WORDS,
    (s, first) => !s.acts && s.saw === null && s.unanswered !== true && s.did === first.did,
  )
  if (words !== null)
    return found(SAME_WORDS, `the same was said ${SAME_WORDS} times in a row, with nothing heard in between`, words)
  const same = lastAll(steps, SAME, (s, first) => s.unanswered !== true && pair(s) === pair(first))
  if (same !== null) return found(SAME, `the same call was made ${SAME} times in a row, with the same result`, same)
  return null
}

/** The last 3p steps have a period of p = 2 or 3 (p = 1 is the same call). */
export function alternating(steps: readonly Step[]): Finding | null {
  for (let period = 2; period <= LONGEST_PERIOD; period++) {
    const last = steps.slice(-3 * period)
    if (last.length < 3 * period || last.some((step) => step.unanswered === true)) continue
    if (!last.every((step, i) => i < period || pair(step) === pair(last[i - period] as Step))) continue
    const round = last.slice(0, period)
    if (new Set(round.map(pair)).size < 2) continue
    return {
      detector: 'alternating',
      message: `the same ${period} calls were made in turns, 3 times with the same results: ${round.map(({ said }) => said).join('; ')}`,
      evidence: { period, steps: last.length },
    }
  }
  return null
}

/** The last outputs say nearly the same, and what was seen in between was not new either. */
export function reworded(steps: readonly Step[]): Finding | null {
  const last = steps.slice(-ALIKE_STEPS)
  // Letter for letter the same is the business of the rules above, which wait one time longer.
  if (last.length < ALIKE_STEPS || new Set(last.map(({ did }) => did)).size === 1) return null
  if (last.some(({ unanswered, fresh }) => unanswered === true || fresh.check)) return null
  let least = 1
  for (const [i, step] of last.entries()) {
    const before = last[i - 1]
    if (before === undefined) continue
    least = Math.min(least, similarity(before.sketch, step.sketch))
  }
  if (least < ALIKE) return null
  return {
    detector: 'reworded',
    message: `nearly the same was said ${ALIKE_STEPS} times in a row, and nothing new came of it: ${last.at(-1)?.said ?? ''}`,
    evidence: { similarity: Math.round(least * 1_000) / 1_000, times: ALIKE_STEPS },
  }
}
