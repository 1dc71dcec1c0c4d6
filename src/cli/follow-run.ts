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

/**
 * Calls `on_event` once for each event with a number above `after`, in order. `on_trouble` gets what broke the connection, and null
 * when it is back. Failures: those of the server, `unavailable` when it stays away, `cancelled` when `signal` aborts.
 */
export async function followRun(
  client: Client,
  run: string,
  {
    after = 0,
    signal,
    on_event,
    on_trouble,
    now,
    give_up_ms = GIVE_UP_MS,
  }: {
    after?: number
    signal: AbortSignal
    on_event: (event: RunEvent) => void
    on_trouble: (failure: Failure | null) => void
    now: () => number
    give_up_ms?: number
  },
): Promise<Result<Ended>> {
  let seen = after
  let wait = FIRST_PAUSE_MS
  let lost: number | null = null
  while (!signal.aborted) {
    for await (const item of client.stream(run, seen, signal)) {
      if (!item.ok) {
        if (item.failure.kind !== 'unavailable') return item
        lost ??= now()
        if (now() - lost > give_up_ms) return item
        on_trouble(item.failure)
        break
      }
      if (lost !== null) on_trouble(null)
      lost = null
      wait = FIRST_PAUSE_MS
      if ('end' in item.value) return ended(client, run, item.value.end)
      const { event } = item.value
      if (event.seq <= seen) continue
      seen = event.seq
      on_event(event)
    }
    try {
      await pause(wait, undefined, { signal })
    } catch {
      break
    }
    wait = Math.min(wait * 2, LONGEST_PAUSE_MS)
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
