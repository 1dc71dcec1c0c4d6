/** The tables as Kysely sees them. Every table has `namespace` as the first part of its key. */
import type { Kysely } from 'kysely'
import type { RunStatus } from '../workflow/run-state.ts'

export type StoreSchema = {
  runs: {
    namespace: string
    id: string
    kind: 'workflow' | 'swarm'
    goal: string | null
    definition: string | null
    definition_name: string | null
    status: RunStatus
    reason: string
    parent: string | null
    created_at: number
    started_at: number | null
    ended_at: number | null
    seq: number
    epoch: number
    mail: number
    input_tokens: number
    output_tokens: number
    unknown_usage: number
    calls: number
    /** Goal in lower case: what text search looks at. SQLite folds only ASCII, so it is folded before it is stored. */
    search_goal: string
    search_name: string
  }
  events: {
    namespace: string
    run: string
    seq: number
    at: number
    type: string
    v: number
    cause: number | null
    data: string
  }
  inbox: { namespace: string; run: string; n: number; eid: string; at: number; type: string; data: string }
  definitions: {
    namespace: string
    hash: string
    name: string
    version: number
    definition: string
    created_at: number
    by: string
    note: string
    search: string
    restored: number
  }
  blobs: { namespace: string; hash: string; bytes: Uint8Array; created_at: number }
  agents: { namespace: string; id: string; agent: string; created_at: number }
  effects: {
    namespace: string
    key: string
    run: string
    task: string
    agent: string
    attempt: number
    state: 'pending' | 'done'
    result: string | null
    created_at: number
  }
  idempotency: {
    namespace: string
    key: string
    fingerprint: string
    at: number
    status: number | null
    body: string | null
  }
  meta: { namespace: string; key: string; value: string }
}

/** What a noun of the store is handed. */
export type StoreAccess = { db: Kysely<StoreSchema>; namespace: string; now: () => number }
