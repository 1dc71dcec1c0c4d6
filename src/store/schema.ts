/** The tables as Kysely sees them. Every table has `namespace` as the first part of its key. */
import type { Generated, Kysely } from 'kysely'
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
    /** 1: came out of a backup before it had ended, so nobody knows what it did after that moment. */
    restored: number
    sum: number
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
    sum: number
  }
  inbox: { namespace: string; run: string; n: number; eid: string; at: number; type: string; data: string; sum: number }
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
  agents: { namespace: string; id: string; agent: string; created_at: number; sum: number }
  effects: {
    namespace: string
    key: string
    run: string
    task: string
    agent: string
    attempt: number
    /** `forgotten`: it certainly did not happen; kept, so that a restored run is not asked about it again. */
    state: 'pending' | 'done' | 'forgotten'
    result: string | null
    created_at: number
    sum: number
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
  model_calls: {
    namespace: string
    n: Generated<number>
    run: string
    task: string
    attempt: number
    agent: string
    access: string
    position: number
    endpoint: string
    content: string
    at: number
    reserved_tokens: number
    outcome: string
    model: string | null
    input_tokens: number | null
    output_tokens: number | null
    estimated: number
    first_token_ms: number | null
    duration_ms: number | null
    replayed: number
    closed: number
    request: string | null
    answer: string | null
  }
  usage_sums: {
    namespace: string
    grain: number
    kind: 'run' | 'task'
    slot: number
    agent: string
    model: string
    outcome: string
    bin: number
    n: number
    input_tokens: number
    output_tokens: number
    unknown_usage: number
    calls: number
  }
  agent_states: { namespace: string; agent: string; at: number; state: string; breaker: string; reason: string }
  tries: { namespace: string; id: string; agent: string; created_at: number; try: string }
  api_keys: {
    namespace: string
    id: string
    name: string
    prefix: string
    hash: string
    /** With spaces between. */
    permissions: string
    created_at: number
    created_by: string
    expires_at: number | null
    last_used_at: number | null
    revoked_at: number | null
    revoked_by: string | null
    sum: number
  }
  api_sessions: { namespace: string; hash: string; key: string; created_at: number; expires_at: number }
}

/** What a noun of the store is handed. */
export type StoreAccess = { db: Kysely<StoreSchema>; namespace: string; now: () => number }
