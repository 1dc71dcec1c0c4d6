/**
 * Checksums of rows. SQLite keeps none of its pages, so a damaged letter inside a text would be read as if it had been
 * written. CRC-32 (ISO 3309, as zlib has it) finds every burst of up to 32 bits and misses other damage once in
 * 4,294,967,296 times; it is no protection against somebody who means it. About 2 µs for an event.
 *
 * What runs are made of has one: events, mail, effects, agents, rows of runs; API keys as well, since a damaged letter
 * could give one permissions or bring a revoked one back. Definitions and blobs stand under the hash of their content.
 * What is made from others (search texts, sums over time), answers kept for Idempotency-Keys and sessions of browsers
 * have none.
 */
import type { SQLInputValue } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { ApiKey, RunRow } from './store.ts'
import { damaged, StoreFailure } from './store-failure.ts'

type Part = SQLInputValue

/** Names come first, the long text last. A part cannot run over into its neighbour: none of them contains U+0000. */
const sumOf = (name: string, parts: readonly Part[], text: string): number =>
  crc32(text, crc32(`${name}\u0000${parts.join('\u0000')}\u0000`))

export type EventColumns = { seq: Part; at: Part; type: Part; v: Part; cause: Part; data: string }
export const eventSum = (namespace: string, run: string, e: EventColumns): number =>
  // Templates, here and for runs: on the way of every event, joining an array costs three times as much.
  crc32(e.data, crc32(`event\0${namespace}\0${run}\0${e.seq}\0${e.at}\0${e.type}\0${e.v}\0${e.cause ?? ''}\0`))

/** Without its number, which the database gives: numbers have no gaps, so a wrong one is seen by that. */
export type MailColumns = { eid: Part; at: Part; type: Part; data: string }
export const mailSum = (namespace: string, run: string, mail: MailColumns): number =>
  sumOf('mail', [namespace, run, mail.eid, mail.at, mail.type], mail.data)

export type EffectColumns = { state: string; agent: string; attempt: number; result: string | null }
export const effectSum = (namespace: string, key: string, effect: EffectColumns): number =>
  // Once it is done, nobody asks any more who began it.
  effect.state === 'done'
    ? sumOf('effect', [namespace, key, 'done'], effect.result ?? '')
    : sumOf('effect', [namespace, key, effect.state, effect.agent, effect.attempt], '')

export type RunColumns = Required<RunRow> & { restored: number }
export const runSum = (namespace: string, r: RunColumns): number => {
  const about = `${namespace}\0${r.id}\0${r.kind}\0${r.definition ?? ''}\0${r.definition_name ?? ''}\0${r.status}\0${r.reason}\0${r.parent ?? ''}`
  const times = `${r.created_at}\0${r.started_at ?? ''}\0${r.ended_at ?? ''}\0${r.seq}\0${r.epoch}\0${r.mail}\0${r.restored}`
  const counts = `${r.input_tokens}\0${r.output_tokens}\0${r.unknown_usage}\0${r.calls}`
  return crc32(r.goal ?? '', crc32(`run\0${about}\0${times}\0${counts}\0`))
}

export const agentSum = (namespace: string, id: string, agent: string): number => sumOf('agent', [namespace, id], agent)

/** Permissions with spaces between. Without `last_used_at`, which is noted on the way of requests and only shown. */
export type KeyColumns = Omit<ApiKey, 'permissions' | 'last_used_at'> & { permissions: string }
export const keySum = (namespace: string, k: KeyColumns): number =>
  sumOf(
    'key',
    [namespace, k.id, k.name, k.prefix, k.hash, k.created_at, k.created_by, k.expires_at, k.revoked_at, k.revoked_by],
    k.permissions,
  )

/** Throws for a row that is not what was written. `what` names it for a person: `event 12 of run_…`. */
export function verifySum(what: string, stored: number, expected: number): void {
  if (stored !== expected) throw new StoreFailure(damaged(`${what} is not what was written`))
}
