/** Follows the events of a run to its end, over broken connections and restarts of the server. */
import { setTimeout as pause } from 'node:timers/promises'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { RunEvent } from '../workflow/event.ts'
import type { RunStatus } from '../workflow/run-state.ts'
import type { Client } from './client.ts'

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 5_000
/** A server that starts again is back well before this. */
const GIVE_UP_MS = 60_000

export type Ended = { status: RunStatus; reason: string }

export type Followed = { event: RunEvent } | { trouble: Failure | null } | { ended: Result<Ended> }

/**
 * Each event with a number above `after`, once and in order; what broke the connection, and null when it is back; at
 * last how it ended. Failures: those of the server, `unavailable` when it stays away, `cancelled` when `signal` aborts.
 */
export async function* followEvents(
  client: Client,
  run: string,
  {
    after = 0,
    signal,
    now,
    give_up_ms = GIVE_UP_MS,
  }: { after?: number; signal: AbortSignal; now: () => number; give_up_ms?: number },
): AsyncGenerator<Followed, void> {
  let seen = after
  let wait = FIRST_PAUSE_MS
  let lost: number | null = null
  while (!signal.aborted) {
    for await (const item of client.stream(run, seen, signal)) {
      if (!item.ok) {
        if (item.failure.kind !== 'unavailable') return yield { ended: item }
        lost ??= now()
        if (now() - lost > give_up_ms) return yield { ended: item }
        yield { trouble: item.failure }
        break
      }
      if (lost !== null) yield { trouble: null }
      lost = null
      wait = FIRST_PAUSE_MS
      if ('end' in item.value) return yield { ended: await ended(client, run, item.value.end) }
      const { event } = item.value
      if (event.seq <= seen) continue
      seen = event.seq
      yield { event }
    }
    try {
      await pause(wait, undefined, { signal })
    } catch {
      break
    }
    wait = Math.min(wait * 2, LONGEST_PAUSE_MS)
  }
  yield { ended: fail('cancelled', 'no longer watched') }
}

/** {@link followEvents} with callbacks. */
export async function followRun(
  client: Client,
  run: string,
  {
    on_event,
    on_trouble,
    ...options
  }: Parameters<typeof followEvents>[2] & {
    on_event: (event: RunEvent) => void
    on_trouble: (failure: Failure | null) => void
  },
): Promise<Result<Ended>> {
  for await (const item of followEvents(client, run, options)) {
    if ('event' in item) on_event(item.event)
    else if ('trouble' in item) on_trouble(item.trouble)
    else return item.ended
  }
  return fail('cancelled', 'no longer watched')
}

async function ended(
  client: Client,
  run: string,
  { status, reason }: { status: RunStatus | null; reason: string | null },
): Promise<Result<Ended>> {
  if (status !== null) return ok({ status, reason: reason ?? '' })
  const document = await client.run(run)
  return document.ok ? ok({ status: document.value.status, reason: document.value.reason }) : document
}
