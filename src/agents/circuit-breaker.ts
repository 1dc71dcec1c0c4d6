/**
 * Circuit breaker as a state machine over plain data; the clock is passed in. CLOSED → OPEN when the failure rate or the
 * rate of slow calls over the last `window` calls reaches its threshold and there are at least `minimum` of them; OPEN →
 * HALF_OPEN after a wait; HALF_OPEN → CLOSED or OPEN by trial calls. Words and rules of resilience4j, with two additions:
 * the wait doubles each time the trials fail, and a call that says nothing of the other side gives its trial back.
 *
 * Invariants:
 *  B1. While open, nothing is let through before `open_until`.
 *  B2. While half open, at most `trials` calls are under way or judged.
 *  B3. Below `minimum` calls the rate is unknown (null) and nothing opens.
 */

export type BreakerSettings = {
  /** Calls that are remembered. */
  window: number
  /** Calls below which no rate is computed. */
  minimum: number
  /** Share of failed calls in (0, 1] at which it opens. */
  failure_rate: number
  /** A call that took longer is slow, in ms. */
  slow_call_ms: number
  /** Share of slow calls in (0, 1] at which it opens. */
  slow_call_rate: number
  /** First wait, and the longest one that doubling leads to, in ms. */
  open_ms: number
  open_ms_max: number
  /** Calls let through while half open. */
  trials: number
}

export const resilience4jDefaults: BreakerSettings = {
  window: 100,
  minimum: 100,
  failure_rate: 0.5,
  slow_call_ms: 60_000,
  slow_call_rate: 1,
  open_ms: 60_000,
  open_ms_max: 60_000,
  trials: 10,
}

/** For calls that are few, long and dear. `slow_call_ms` is set by the fleet from the agent's own time-out. */
export const agentBreakerDefaults: BreakerSettings = {
  window: 20,
  minimum: 10,
  failure_rate: 0.5,
  slow_call_ms: 270_000,
  slow_call_rate: 1,
  open_ms: 15_000,
  open_ms_max: 300_000,
  trials: 2,
}

/** `nothing`: the call says nothing about the other side (cancelled, the caller's mistake, busy). */
export type CallResult = { result: 'success' | 'failure' | 'nothing'; duration_ms: number }
type Judged = { failed: boolean; slow: boolean }

export type Breaker = {
  state: 'closed' | 'open' | 'half_open'
  /** Closed: the last `window` calls. Half open: the trials judged so far. */
  calls: readonly Judged[]
  /** Set while open: when the first trial may go. */
  open_until: number | null
  /** How often it opened without closing in between. */
  opened: number
  /** Trials under way. */
  trying: number
  /** Raised with each change of state, so that a call from before it is not counted after it. */
  epoch: number
}

export const closedBreaker: Breaker = { state: 'closed', calls: [], open_until: null, opened: 0, trying: 0, epoch: 0 }

/** Whether a call would be let through now; changes nothing. */
export function allows(breaker: Breaker, settings: BreakerSettings, now: number): boolean {
  if (breaker.state === 'closed') return true
  if (breaker.state === 'open') return now >= (breaker.open_until ?? 0)
  return breaker.trying + breaker.calls.length < settings.trials
}

/** Lets a call through or not. The permit goes back to {@link settleCall}, whatever became of the call. */
export function permit(
  breaker: Breaker,
  settings: BreakerSettings,
  now: number,
): { breaker: Breaker; permit: number | null } {
  if (!allows(breaker, settings, now)) return { breaker, permit: null }
  if (breaker.state === 'closed') return { breaker, permit: breaker.epoch }
  const half: Breaker =
    breaker.state === 'open'
      ? { ...breaker, state: 'half_open', calls: [], open_until: null, trying: 0, epoch: breaker.epoch + 1 }
      : breaker
  return { breaker: { ...half, trying: half.trying + 1 }, permit: half.epoch }
}

/** Takes the result of a call that {@link permit} let through. */
export function settleCall(
  breaker: Breaker,
  settings: BreakerSettings,
  permitted: number,
  call: CallResult,
  now: number,
): Breaker {
  if (permitted !== breaker.epoch || breaker.state === 'open') return breaker
  const trying = breaker.state === 'half_open' ? breaker.trying - 1 : 0
  if (call.result === 'nothing') return { ...breaker, trying }
  const judged: Judged = { failed: call.result === 'failure', slow: call.duration_ms > settings.slow_call_ms }
  if (breaker.state === 'half_open') {
    const calls = [...breaker.calls, judged]
    if (calls.length < settings.trials) return { ...breaker, calls, trying }
    return tooMany(calls, settings) ? opened(breaker, settings, now) : { ...closedBreaker, epoch: breaker.epoch + 1 }
  }
  const calls = [...breaker.calls.slice(-(settings.window - 1)), judged]
  if (calls.length >= settings.minimum && tooMany(calls, settings)) return opened(breaker, settings, now)
  return { ...breaker, calls }
}

/** Share of failed calls in [0, 1]; null below the minimum (resilience4j's −1). */
export function failureRate(breaker: Breaker, settings: BreakerSettings): number | null {
  const enough = breaker.state === 'half_open' ? settings.trials : settings.minimum
  return breaker.calls.length < enough ? null : share(breaker.calls, 'failed')
}

const share = (calls: readonly Judged[], what: keyof Judged): number =>
  calls.filter((call) => call[what]).length / calls.length

const tooMany = (calls: readonly Judged[], settings: BreakerSettings): boolean =>
  share(calls, 'failed') >= settings.failure_rate || share(calls, 'slow') >= settings.slow_call_rate

function opened(breaker: Breaker, settings: BreakerSettings, now: number): Breaker {
  const wait = Math.min(settings.open_ms_max, settings.open_ms * 2 ** breaker.opened)
  return {
    state: 'open',
    calls: [],
    open_until: now + wait,
    opened: breaker.opened + 1,
    trying: 0,
    epoch: breaker.epoch + 1,
  }
}
