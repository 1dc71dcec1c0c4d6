/**
 * Watches one attempt while it goes on: hands what happens to the detectors (src/progress), looks again when a limit is
 * reached, and says at most once what was found. Time is elapsed time: a clock that is set says nothing about an agent.
 */
import type { Progress } from '../agent-systems/agent-system.ts'
import { type Intervals, intervals } from '../progress/accrual.ts'
import { examine } from '../progress/examine.ts'
import type { Finding } from '../progress/finding.ts'
import { nextLook } from '../progress/liveness.ts'
import { type AttemptObserver, createObserver, type History } from '../progress/observer.ts'
import type { EvidenceKind, Phase } from '../progress/record.ts'
import { type Pace, paces, slowness } from '../progress/slowness.ts'
import type { Value } from '../workflow/value.ts'

/** How long an agent took before, as long as the program runs. */
export type AgentTimes = History & {
  /** It was ended in this phase: the next time it gets longer, in case it was only slow. */
  doubt: (phase: Phase) => void
  /** It has shown that it works, at this pace on average. Answers with what was usual before. */
  worked: (paces: readonly { phase: Phase; mean: number }[]) => Pace[]
}

export function agentTimes(): AgentTimes {
  const known = new Map<Phase, Intervals>()
  const pace = new Map<Phase, ReturnType<typeof paces>>()
  const doubts = new Map<Phase, number>()
  const of = <T>(map: Map<Phase, T>, phase: Phase, fresh: () => T): T => {
    const before = map.get(phase) ?? fresh()
    map.set(phase, before)
    return before
  }
  return {
    known: (phase) => known.get(phase)?.summary() ?? null,
    doubts: (phase) => doubts.get(phase) ?? 0,
    took: (phase, ms) => of(known, phase, intervals).add(ms),
    doubt: (phase) => doubts.set(phase, (doubts.get(phase) ?? 0) + 1),
    worked: (now) => {
      doubts.clear()
      return now.map(({ phase, mean }) => {
        const before = of(pace, phase, paces)
        const usual = before.usual()
        before.add(mean)
        return { phase, mean, usual }
      })
    },
  }
}

export type Watch = {
  /** For the gateway: what the attempt asks models, and hears. */
  observer: AttemptObserver
  progress: (progress: Progress) => void
  /** What it looks like when its time is over; null = it was still at work. */
  over: () => Finding | null
  /** Ends the watch. Nothing is found any more but, of an attempt that worked, that it was slow for its agent. */
  end: (worked: boolean) => Finding | null
}

export type WatchOptions = {
  times: AgentTimes
  /** What the task declares as evidence of progress; null = anything new. */
  evidence: readonly EvidenceKind[] | null
  /** Milliseconds. */
  silence: number
  timeout: number
  found: (finding: Finding) => void
}

/** Longer waits are looked at in between. */
const LONGEST_WAIT_MS = 2 ** 31 - 1

export function watchAttempt({ times, evidence, silence, timeout, found }: WatchOptions): Watch {
  const began = performance.now()
  const now = (): number => performance.now() - began
  const spent = new Map<Phase, { ms: number; n: number }>()
  const took = (phase: Phase, ms: number): void => {
    times.took(phase, ms)
    const { ms: before, n } = spent.get(phase) ?? { ms: 0, n: 0 }
    spent.set(phase, { ms: before + ms, n: n + 1 })
  }
  const seen = createObserver({ evidence, silence, timeout, history: { ...times, took } })
  let ended = false
  let timer: NodeJS.Timeout | null = null
  let armed = Number.POSITIVE_INFINITY

  function arm(): void {
    const due = ended ? null : nextLook(seen.record())
    // A limit that has moved away is noticed when the timer fires: most of them move with each token.
    if (due === null || (timer !== null && armed <= due)) return
    if (timer !== null) clearTimeout(timer)
    armed = due
    timer = setTimeout(
      () => {
        timer = null
        // What has arrived meanwhile is read first: it may be that we were stopped, not the agent.
        setImmediate(look)
      },
      Math.min(LONGEST_WAIT_MS, Math.max(0, Math.ceil(due - now()))),
    )
  }
  function look(): void {
    if (ended) return
    const finding = examine(seen.record(), now())
    if (finding === null) return arm()
    const { phase } = seen.record().quiet
    end(false)
    if (finding.detector === 'silence' || finding.detector === 'stalled_stream') times.doubt(phase)
    found(withRecord(finding))
  }
  function end(worked: boolean): Finding | null {
    ended = true
    if (timer !== null) clearTimeout(timer)
    timer = null
    if (!worked) return null
    return slowness(times.worked(Array.from(spent, ([phase, { ms, n }]) => ({ phase, mean: ms / n }))))
  }
  const withRecord = (finding: Finding): Finding => ({
    ...finding,
    observed: structuredClone(seen.record()) as unknown as Value,
  })
  /** @param completes whether it may have ended a step, so that the detectors are asked */
  const take = (event: (at: number) => void, completes = false): void => {
    if (ended) return
    event(now())
    if (completes) look()
    else arm()
  }

  return {
    observer: {
      granted: (hide) => take((at) => seen.granted(at, hide)),
      asked: (call, messages) => take((at) => seen.asked(at, call, messages), true),
      waits: (call) => take((at) => seen.waits(at, call)),
      sent: (call) => take((at) => seen.sent(at, call)),
      streamed: (call) => take((at) => seen.streamed(at, call)),
      answered: (call, answer) => take((at) => seen.answered(at, call, answer)),
      failed: (call, kind) => take((at) => seen.failed(at, call, kind), true),
    },
    progress: ({ kind, tokens, text }) =>
      take((at) => {
        switch (kind) {
          case 'queued':
          case 'model_loading':
            return seen.own(at, 'queue')
          case 'asked':
            return seen.own(at, 'first_token')
          case 'tokens':
            return seen.tokens(at, tokens ?? 0)
          case 'output':
          case 'note':
            return seen.noted(at, text ?? null)
        }
      }),
    over: () => {
      const finding = examine(seen.record(), now(), true)
      return finding === null ? null : withRecord(finding)
    },
    end,
  }
}
