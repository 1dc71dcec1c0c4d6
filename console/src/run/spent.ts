/** Where the time of an attempt went. */
import type { Run } from '../server/queries.ts'

type Attempt = Run['stages'][number]['tasks'][number]['attempts'][number]

export type Kind = 'backs-off' | 'waits' | 'loads' | 'works' | 'fails' | 'called-off' | 'asks'

export const kindNames: Record<Kind, string> = {
  'backs-off': 'before trying again',
  waits: 'waiting for a place',
  loads: 'loading the model',
  works: 'working',
  fails: 'failed attempt',
  'called-off': 'called off before it answered',
  asks: 'waiting for a person, a signal or time',
}

/** Milliseconds by kind, in the order in which they went by; what is not known yet is 0. */
export function spentOf(attempt: Attempt): { [K in Kind]?: number } {
  const { delay_ms, queued_ms, duration_ms, model_queued_ms, load_ms, failure } = attempt
  const within = (ms: number | null) => Math.max(0, Math.min(ms ?? 0, duration_ms ?? 0))
  const loads = within(load_ms)
  const atModel = Math.min(within(model_queued_ms), (duration_ms ?? 0) - loads)
  const rest = Math.max(0, (duration_ms ?? 0) - loads - atModel)
  return {
    'backs-off': delay_ms,
    waits: (queued_ms ?? 0) + atModel,
    loads,
    [failure === null ? 'works' : 'fails']: rest,
  }
}

export type Bar = { kind: Kind; from: number; to: number }

/** An attempt under way, as the live view tells it: since when, and what it does at this moment. */
export type Now = { since: number; note: string } | undefined

/**
 * @param now Point in time up to which an attempt is drawn that goes on.
 * @param calledOff When its task was called off, if it was. What it did until then, nobody has said.
 */
export function barsOf(attempt: Attempt, now: number, live: Now, calledOff: number | null = null): Bar[] {
  const bars: Bar[] = []
  let at = attempt.started_at
  const add = (kind: Kind, to: number) => {
    if (to > at) bars.push({ kind, from: at, to })
    at = Math.max(at, to)
  }
  if (attempt.duration_ms !== null) {
    for (const [kind, ms] of Object.entries(spentOf(attempt)) as [Kind, number][]) add(kind, at + ms)
    return bars
  }
  add('backs-off', Math.min(calledOff ?? now, at + attempt.delay_ms))
  if (calledOff !== null) add('called-off', calledOff)
  else if (live === undefined) add('waits', now)
  else {
    add('waits', Math.min(live.since, now))
    add(/^model_loading/.test(live.note) ? 'loads' : /waits for a place/.test(live.note) ? 'waits' : 'works', now)
  }
  return bars
}
