/**
 * The store's port. Asynchronous, so that SQLite can move to a worker thread and PostgreSQL can stand behind it.
 * The event log is the truth; everything else here can be rebuilt from it or is configuration.
 * Every row has a `namespace` column (one by default: `default`), set by the store it was opened with.
 */
import type { Agent } from '../agents/agent.ts'
import type { Amounts, CountedUnit, Limits } from '../budget/amounts.ts'
import type { Denied, Purpose, Used } from '../budget/tree.ts'
import type { Failure, Result } from '../failure.ts'
import type { Definition } from '../workflow/definition.ts'
import type { RunEvent, RunInput } from '../workflow/event.ts'
import type { RunStatus } from '../workflow/run-state.ts'
import type { Json, Value } from '../workflow/value.ts'

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
  /** Fence: a batch of an older epoch than the run's is refused whole; whoever takes a run over writes under the next one. */
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

/** A part of the sums over time. `from` and `to` are multiples of `grain`, `bucket` is one of the sizes of slots or a multiple. */
export type UsageFilter = {
  kind: 'run' | 'task'
  grain: number
  bucket: number
  from: number
  /** The first moment that is not meant. */
  to: number
  agent?: string
  by?: 'agent' | 'model'
}
/** What was summed up in one bucket; `name` is of the agent or model asked for, else empty. */
export type UsageSum = {
  at: number
  name: string
  outcome: string
  n: number
  input_tokens: number
  output_tokens: number
  unknown_usage: number
  calls: number
}

/** One ended attempt of a task by one agent, out of its event. */
export type AgentCall = {
  run: string
  seq: number
  at: number
  task: string
  attempt: number
  ok: boolean
  failure: Failure | null
  model: string | null
  input_tokens: number | null
  output_tokens: number | null
  duration_ms: number
  queued_ms: number
  why: string
}
export type AgentState = { agent: string; at: number; state: string; breaker: string; reason: string }

/** One prompt given to one agent outside of any run. */
export type StoredTry = {
  id: string
  /** Id of the agent, and its name at that time. */
  agent: string
  agent_name: string
  prompt: string
  by: string
  state: 'running' | 'completed' | 'failed' | 'cancelled'
  created_at: number
  ended_at: number | null
  output: Value
  failure: Failure | null
  model: string | null
  input_tokens: number | null
  output_tokens: number | null
  duration_ms: number | null
  queued_ms: number | null
}

/** A key by which a program or a person is known; never the key itself. */
export type ApiKey = {
  /** `key_` + UUID. */
  id: string
  /** Of its own among keys in force; stands in events as the one who did it. */
  name: string
  /** The first characters of the key, to recognise it by. */
  prefix: string
  /** SHA-256 of the whole key, in hex. */
  hash: string
  permissions: string[]
  created_at: number
  created_by: string
  expires_at: number | null
  /** Coarse: minutes late. */
  last_used_at: number | null
  revoked_at: number | null
  revoked_by: string | null
}

/** Who set out to cause an effect: only that destination can be asked about it, and only the same attempt was interrupted. */
export type EffectTry = { agent: string; attempt: number }

/** One call of a model by an agent outside, through the gateway. Times in milliseconds. */
export type ModelCall = {
  run: string
  task: string
  attempt: number
  agent: string
  /** One execution of an attempt: another one after a crash, with the same attempt. */
  access: string
  /** Within the access, from 1. */
  position: number
  /** `/v1/chat/completions`, `/api/chat` … */
  endpoint: string
  /** Hash of what was asked, whatever the dialect. */
  content: string
  at: number
  /** Tokens that were set aside for it: what it is charged with if it never ended. */
  reserved_tokens: number
  /** `running`, `ok`, `budget` (ended in mid-answer by the budget), or the kind of its failure. */
  outcome: string
  /** `host/model`; null when none answered. */
  model: string | null
  input_tokens: number | null
  output_tokens: number | null
  /** The tokens are an estimate, on the high side. */
  estimated: boolean
  first_token_ms: number | null
  duration_ms: number | null
  /** Answered from the record of an earlier execution of the attempt; costs nothing. */
  replayed: boolean
  /** Its execution ended in order; false when the program ended first. */
  closed: boolean
  /** Hashes of the bodies, without secrets; null when they are not kept. */
  request: string | null
  answer: string | null
}

export type ModelCallEnd = Pick<
  ModelCall,
  | 'reserved_tokens'
  | 'outcome'
  | 'model'
  | 'input_tokens'
  | 'output_tokens'
  | 'estimated'
  | 'first_token_ms'
  | 'duration_ms'
>

/** What a call is to take from accounts that several runs draw on. */
export type Reservation = {
  /** Names the call: the same for a repetition of it. */
  key: string
  /** The process that makes the call. */
  owner: string
  /** Milliseconds since 1970: when its process has not shown itself until then, the hold is charged in full. */
  alive_until: number
  amounts: Amounts
  /** Opened where they are not there yet. `configured`: the limits are taken as they are given, else they only grow. */
  accounts: { id: string; limits: Limits; keep: Amounts; configured?: boolean }[]
  purpose: Purpose
}

/** One unit of one account. */
export type BudgetRow = {
  id: string
  unit: CountedUnit
  most: number
  kept: number
  spent: number
  estimated: number
  reserved: number
}

export type Store = {
  runs: {
    /** Writes row, first events and inbox in one commit. `conflict` when the id exists. */
    create: (row: RunRow, events: RunEvent[]) => Promise<Result<void>>
    get: (id: string) => Promise<RunRow | null>
    list: (filter: RunFilter) => Promise<Page<RunRow>>
    counts: (kind?: 'workflow' | 'swarm') => Promise<Record<RunStatus, number>>
    /** Runs that have not ended, oldest first, and their last events; only those in the given states. */
    unfinished: (status?: RunStatus[]) => Promise<{ id: string; status: RunStatus; seq: number }[]>
    /** Ids of runs that this one started and that have not ended. */
    unfinished_children: (parent: string) => Promise<string[]>
    /** Ids of runs that have not ended and asked a person or wait for a signal at some time; oldest first. Whether they still do, their fold says. */
    asking: (limit: number) => Promise<{ id: string; seq: number }[]>
  }
  events: {
    /**
     * All batches in one transaction; storing one again changes nothing. `fenced`: runs of which a batch was refused,
     * because its epoch is older than the run's, or another writer has stored something else under its numbers. A batch of a
     * newer epoch makes it the run's.
     */
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
  /** Accounts that several runs draw on. Each call is one transaction. */
  budgets: {
    /** Takes all of it or nothing. `died`: an earlier execution of this call had left its hold, and was charged in full. */
    reserve: (reservation: Reservation) => Promise<{ denied: Denied | null; died: boolean }>
    /** Takes more for a call that goes on; null = taken, or nothing is held under this key. */
    more: (key: string, amounts: Amounts) => Promise<Denied | null>
    /** Charges what was used, what is not known as reserved. False when nothing is held under this key (any more). */
    settle: (key: string, used: Used) => Promise<boolean>
    /** False when there is no such account, or its limit is as high. */
    raise: (id: string, unit: CountedUnit, to: number) => Promise<boolean>
    /** Says that a process lives on. */
    alive: (owner: string, until: number) => Promise<void>
    /** Charges in full what is held by processes that have not shown themselves; returns how many holds that were. */
    charge_left_behind: (now: number) => Promise<number>
    /** Accounts whose id begins so, at most 1,000 rows. */
    list: (prefix: string) => Promise<BudgetRow[]>
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
  /** Calls of models through the gateway; written when they begin and when they end. */
  model_calls: {
    begin: (call: ModelCall) => Promise<void>
    /** With its bodies, which become blobs; null for what is not kept. */
    end: (
      access: string,
      position: number,
      end: ModelCallEnd,
      bodies: { request: Uint8Array | null; answer: Uint8Array | null },
    ) => Promise<void>
    /** The access has ended in order: its calls are nobody's to repeat. */
    close: (access: string) => Promise<void>
    /** Of all attempts of one task, in the order in which they began. */
    of_task: (run: string, task: string) => Promise<ModelCall[]>
    /** Of a run, oldest first, after the given place in that order (0 = from the first). */
    list: (run: string, after: number, limit: number) => Promise<(ModelCall & { n: number })[]>
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
  /** Sums over time of ended runs and attempts: kept with the events that they are made of, in one commit. */
  usage: {
    /** One row for each bucket, name and outcome that has anything, buckets ascending. */
    sums: (filter: UsageFilter) => Promise<UsageSum[]>
    /** How many took how long: bins of src/metrics/latency-bins.ts; only of one outcome when it is given. */
    durations: (
      filter: UsageFilter,
      outcome?: string,
    ) => Promise<{ at: number; name: string; bin: number; n: number }[]>
  }
  agent_history: {
    /** Ended attempts of the agent of this name, the latest first; what forks share with their source is left out. */
    calls: (filter: { agent: string; limit: number; cursor?: string }) => Promise<Page<AgentCall>>
    /** Keeps that agents changed their state; by id. The latest 1,000 of each are kept. */
    note: (changes: AgentState[]) => Promise<void>
    /** Changes of one agent, by id, the latest first. */
    states: (agent: string, limit: number) => Promise<AgentState[]>
  }
  tries: {
    put: (value: StoredTry) => Promise<void>
    get: (id: string) => Promise<StoredTry | null>
    /** Of one agent, by id, the latest first. */
    list: (agent: string, limit: number) => Promise<StoredTry[]>
  }
  /** Keys by which programs and people are known, and the sessions of browsers that signed in with one. */
  api_keys: {
    /** False when a key in force has the name. One that has expired gives its name free. */
    put: (key: ApiKey) => Promise<boolean>
    /** At most 1,000: those in force, the latest first; then revoked ones where they are wanted. */
    list: (filter: { revoked: boolean }) => Promise<ApiKey[]>
    /** By its id, or else by its name: one that is not revoked; it may have expired. */
    find: (given: string) => Promise<ApiKey | null>
    /** Every key that begins so, whatever has become of it. */
    of_prefix: (prefix: string) => Promise<ApiKey[]>
    /** Ends the key and its sessions. False when there is none in force with this id. */
    revoke: (id: string, at: number, by: string) => Promise<boolean>
    used: (id: string, at: number) => Promise<void>
    /** By the hash of its token; the latest 100 of a key are kept. */
    open_session: (session: { hash: string; key: string; created_at: number; expires_at: number }) => Promise<void>
    session: (hash: string) => Promise<{ key: ApiKey; expires_at: number } | null>
    close_session: (hash: string) => Promise<void>
  }
  /** Small settings of the program itself (schema marks, build hashes). */
  meta: { get: (key: string) => Promise<string | null>; set: (key: string, value: string) => Promise<void> }
  health: () => Promise<{ ok: boolean; detail: string; kind: 'sqlite' | 'postgres'; size_bytes: number | null }>
  close: () => Promise<void>
}
