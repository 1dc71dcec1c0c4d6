/**
 * The store's port. Asynchronous, so that SQLite can move to a worker thread and PostgreSQL can stand behind it.
 * The event log is the truth; everything else here can be rebuilt from it or is configuration.
 * Every row has a `namespace` column (one by default: `default`), set by the store it was opened with.
 */
import type { Agent } from '../agents/agent.ts'
import type { Result } from '../failure.ts'
import type { Definition } from '../workflow/definition.ts'
import type { RunEvent, RunInput } from '../workflow/event.ts'
import type { RunStatus } from '../workflow/run-state.ts'
import type { Json } from '../workflow/value.ts'

/** The row that lists show; kept by the writer of events, can be rebuilt by folding. */
export type RunRow = {
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
  /** Number of the last mail that was fed; committed with the events it made. 0 when left out; always set on reading. */
  mail?: number
  input_tokens: number
  output_tokens: number
  /** Calls whose tokens nobody reported. */
  unknown_usage: number
  calls: number
}
export type RunRowChange = Partial<Omit<RunRow, 'id' | 'kind' | 'created_at' | 'epoch'>>

/** `total` is null where counting is costly (a text search) and after the first page. */
export type Page<T> = { items: T[]; next: string | null; total: number | null }

export type RunFilter = {
  status?: RunStatus[]
  kind?: 'workflow' | 'swarm'
  /** Words that the goal or the definition's name contains. */
  text?: string
  definition?: string
  parent?: string
  limit: number
  cursor?: string
  order?: 'newest' | 'oldest'
}

export type EventBatch = {
  run: string
  /** Fence: a batch of an older epoch is refused whole. */
  epoch: number
  events: RunEvent[]
  row: RunRowChange
}

export type StoredDefinition = {
  hash: string
  name: string
  version: number
  definition: Definition
  created_at: number
  by: string
  note: string
}

/** Who set out to cause an effect: only that destination can be asked about it, and only the same attempt was interrupted. */
export type EffectTry = { agent: string; attempt: number }

export type Store = {
  runs: {
    /** Writes row, first events and inbox in one commit. `conflict` when the id exists. */
    create: (row: RunRow, events: RunEvent[]) => Promise<Result<void>>
    get: (id: string) => Promise<RunRow | null>
    list: (filter: RunFilter) => Promise<Page<RunRow>>
    counts: (kind?: 'workflow' | 'swarm') => Promise<Record<RunStatus, number>>
    /** Ids of runs that have not ended, oldest first; only those in the given states. */
    unfinished: (status?: RunStatus[]) => Promise<{ id: string; status: RunStatus }[]>
    /** Raises the epoch, so that batches of older segments are refused from now on; returns the new one. */
    raise_epoch: (id: string) => Promise<number>
  }
  events: {
    /** INSERT OR IGNORE by (run, seq), all batches in one transaction. `fenced` lists the runs that were refused. */
    append: (batches: EventBatch[]) => Promise<{ fenced: string[] }>
    /** Events with seq > after, ascending. */
    read: (run: string, after: number, limit: number) => Promise<RunEvent[]>
    last_seq: (run: string) => Promise<number>
    /** Calls back (soon, coalesced) after events of the run were stored by this process. Returns unsubscribe. */
    watch: (run: string | '*', listener: (run: string) => void) => () => void
  }
  /** The durable inbox of each run: signals, approvals, timers, cancel. Deduplicated by `eid`. */
  inbox: {
    /** Returns the mail's number within the run; the same eid gives the same number again. */
    put: (run: string, eid: string, input: Omit<RunInput, 'mail'>) => Promise<number>
    /** Mail with number > after, ascending; each input has `mail` set. */
    read: (run: string, after: number, limit: number) => Promise<RunInput[]>
    /** Runs that have mail beyond what their row says was fed. */
    waiting: () => Promise<string[]>
  }
  definitions: {
    /** Stores by content hash; a new content under a known name gets the next version. Idempotent. */
    put: (definition: Definition, by: string, note: string) => Promise<StoredDefinition>
    /** Makes a stored content the latest version of its name again, under a new number; itself when it is the latest. Null when there is none of this hash. */
    restore: (hash: string, by: string, note: string) => Promise<StoredDefinition | null>
    /** By `sha256:…` (as it was first stored), `name@version` or `name` (latest). */
    get: (reference: string) => Promise<StoredDefinition | null>
    list: (filter: {
      text?: string
      limit: number
      cursor?: string
    }) => Promise<Page<Omit<StoredDefinition, 'definition'>>>
    versions: (name: string) => Promise<Omit<StoredDefinition, 'definition'>[]>
  }
  blobs: {
    /** Stores bytes under their hash, durable when the promise resolves. */
    put: (bytes: Uint8Array) => Promise<string>
    get: (hash: string) => Promise<Uint8Array | null>
  }
  agents: {
    put: (agent: Agent) => Promise<void>
    list: () => Promise<Agent[]>
    remove: (id: string) => Promise<boolean>
  }
  /** Write-ahead record of effects that must not happen twice. */
  effects: {
    /** `new` when this call wrote it first; otherwise the record as it stands. */
    begin: (
      key: string,
      run: string,
      task: string,
      by: EffectTry,
    ) => Promise<{ state: 'new' } | { state: 'pending'; by: EffectTry } | { state: 'done'; result: Json }>
    /** The record as it stands, without writing; null = nothing was begun. */
    get: (key: string) => Promise<{ state: 'pending'; by: EffectTry } | { state: 'done'; result: Json } | null>
    done: (key: string, result: Json) => Promise<void>
    /** Forgets a pending record: the effect certainly did not happen. */
    forget: (key: string) => Promise<void>
  }
  /** Kept 30 days. */
  idempotency: {
    /** `new`: the caller goes on and must `finish`; `done`: the stored answer; `running`: another request is at it; `mismatch`: same key, other body. */
    begin: (
      key: string,
      fingerprint: string,
      at: number,
    ) => Promise<
      { state: 'new' } | { state: 'running' } | { state: 'done'; status: number; body: Json } | { state: 'mismatch' }
    >
    finish: (key: string, status: number, body: Json) => Promise<void>
    abandon: (key: string) => Promise<void>
  }
  /** Small settings of the program itself (schema marks, build hashes). */
  meta: { get: (key: string) => Promise<string | null>; set: (key: string, value: string) => Promise<void> }
  health: () => Promise<{ ok: boolean; detail: string; kind: 'sqlite' | 'postgres'; size_bytes: number | null }>
  close: () => Promise<void>
}
