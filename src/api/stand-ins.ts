/**
 * What tests of the door put in place of the parts behind it: the real store on a real file, and stand-ins for the
 * durable shell, the fleet and the models. `Runs` here stores what the real one stores and executes nothing.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { v7 } from 'uuid'
import type { AgentInput } from '../agents/agent.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import { fail, ok } from '../failure.ts'
import type { AgentView, Fleet } from '../fleet/fleet.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import { operations } from '../operations/all.ts'
import type { Operation, Runs } from '../operations/operation.ts'
import type { Planner } from '../planning/planner.ts'
import { openStore } from '../store/sqlite.ts'
import type { EventBatch, RunRow, Store } from '../store/store.ts'
import type { RunEvent } from '../workflow/event.ts'
import { type ApiParts, openApi } from './server.ts'

export type Sent = { method?: string; path: string; headers?: Record<string, string>; body?: string }
export type Answered = { status: number; headers: Headers; text: string; json: Record<string, unknown> }

/** What curl says of everything that it sends with `-d`. */
export const asForm = { 'content-type': 'application/x-www-form-urlencoded' }
export const asJson = { 'content-type': 'application/json' }

export type Door = {
  url: string
  port: number
  store: Store
  parts: ApiParts
  log: { fields: object; message: string }[]
  send: (sent: Sent) => Promise<Answered>
  /** Sends JSON; a text is sent as it is. */
  post: (path: string, body: unknown, headers?: Record<string, string>) => Promise<Answered>
  runCount: () => Promise<number>
  close: () => Promise<void>
}

export async function openDoor(
  change: {
    limits?: Partial<Configuration['limits']>
    authentication?: Configuration['authentication']
    own_key?: string
    now?: () => number
    console_dir?: string
    operations?: readonly Operation[]
    runs?: Partial<Runs>
    timing?: ApiParts['timing']
    endpoint?: (store: Store) => ModelEndpoint
  } = {},
): Promise<Door> {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-api-'))
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) throw new Error(opened.failure.message)
  const store = opened.value
  const log: Door['log'] = []
  const note = (fields: object, message: string) => void log.push({ fields, message })
  const parts: ApiParts = {
    operations: change.operations ?? operations,
    logger: { debug: note, info: note, warn: note, error: note },
    timing: { idempotency_takeover_ms: 0, ...change.timing },
    ...(change.endpoint && { endpoint: change.endpoint(store) }),
    ...(change.own_key !== undefined && { own_key: change.own_key }),
    ...(change.console_dir !== undefined && { console_dir: change.console_dir }),
    context: {
      configuration: {
        ...configurationFor(data_dir, change.limits ?? {}),
        authentication: change.authentication ?? 'off',
      },
      store,
      runs: { ...standInRuns(store), ...change.runs },
      fleet: standInFleet(),
      gateway: standInGateway,
      planner: standInPlanner,
      version: '0.0.0-test',
      started_at: Date.now(),
      now: change.now ?? Date.now,
    },
  }
  const api = await openApi(parts)
  if (!api.ok) throw new Error(api.failure.message)
  return {
    url: api.value.url,
    port: api.value.port,
    store,
    parts,
    log,
    send: (sent) => send(api.value.url, sent),
    post: (path, body, headers = asJson) =>
      send(api.value.url, {
        method: 'POST',
        path,
        headers,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    runCount: async () => (await store.runs.list({ limit: 1 })).total ?? 0,
    async close() {
      await api.value.close()
      await store.close()
      await rm(data_dir, { recursive: true, force: true })
    },
  }
}

async function send(url: string, { method = 'GET', path, headers = {}, body }: Sent): Promise<Answered> {
  const answer = await fetch(url + path, { method, headers, ...(body !== undefined && { body }) })
  const text = await answer.text()
  const isJson = text !== '' && /json/.test(answer.headers.get('content-type') ?? '')
  return { status: answer.status, headers: answer.headers, text, json: isJson ? JSON.parse(text) : {} }
}

/** Stores the run with its first event, and mail; as durable as the real shell, and does nothing more. */
export function standInRuns(store: Store): Runs {
  return {
    async start({ kind, goal, definition, inputs, by, run = `run_${v7()}` }) {
      const at = Date.now()
      const row: RunRow = {
        id: run,
        kind,
        goal,
        definition,
        definition_name: null,
        status: 'queued',
        reason: '',
        parent: null,
        created_at: at,
        started_at: null,
        ended_at: null,
        seq: 1,
        epoch: 0,
        input_tokens: 0,
        output_tokens: 0,
        unknown_usage: 0,
        calls: 0,
      }
      const event: RunEvent = {
        run,
        seq: 1,
        at,
        type: 'run_started',
        v: 1,
        cause: null,
        data: { goal, definition, inputs, by },
      }
      const created = await store.runs.create(row, [event])
      return created.ok ? ok({ run }) : created
    },
    fork: async () => fail('unsupported', 'the stand-in forks nothing'),
    async send(run, eid, input) {
      return ok({
        mail: await store.inbox.put(run, eid, { at: Date.now(), ...input } as Parameters<Store['inbox']['put']>[2]),
      })
    },
    queue: () => ({ executing: 0, queued: 0, limit: 20 }),
    engine: async () => ({ ok: true, detail: 'stand-in' }),
  }
}

/** Appends events to a run as the shell does. */
export async function append(
  store: Store,
  run: string,
  events: Pick<RunEvent, 'type' | 'data'>[],
  row: EventBatch['row'] = {},
): Promise<void> {
  const from = await store.events.last_seq(run)
  const full = events.map(
    (event, i) => ({ run, seq: from + 1 + i, at: 1_000 + from + i, v: 1, cause: null, ...event }) as RunEvent,
  )
  await store.events.append([{ run, epoch: 0, events: full, row: { seq: from + events.length, ...row } }])
}

function standInFleet(): Fleet {
  const agents = new Map<string, AgentView>()
  const missing = (name: string) => fail('not_found', `there is no agent ${name}`, { field: 'agent', value: name })
  const view = (input: AgentInput): AgentView => ({
    ...input,
    id: `agt_${v7()}`,
    source: 'api',
    draining: false,
    retired: false,
    created_at: 0,
    updated_at: 0,
    hash: 'sha256:0',
    status: 'idle',
    current_tasks: [],
    queued: 0,
    breaker: { state: 'closed', failure_rate: null, calls: 0, opens_again_at: null },
    health: { ok: true, detail: 'stand-in', at: 0 },
    performance: { value: null, n: 0, interval: null, reason: 'needs 5 results, has 0' },
  })
  const changed = (name: string, change: Partial<AgentView>) => {
    const agent = agents.get(name)
    if (agent === undefined) return missing(name)
    const next = { ...agent, ...change }
    agents.set(name, next)
    return ok(next)
  }
  const builtIn = (name: string): AgentInput => ({
    name,
    type: 'model',
    system: 'command',
    description: '',
    role: '',
    instructions: '',
    capabilities: ['analysis'],
    settings: {},
    concurrency: 4,
    timeout: '5m',
  })
  for (const name of ['analyst', 'critic', 'writer']) agents.set(name, view(builtIn(name)))
  return {
    async add(input) {
      if (agents.has(input.name))
        return fail('conflict', `an agent ${input.name} exists already`, { field: 'name', value: input.name })
      agents.set(input.name, view(input))
      return ok(view(input))
    },
    change: async (name, change) => changed(name, change as Partial<AgentView>),
    drain: async (name) => changed(name, { draining: true, status: 'draining' }),
    async remove(name) {
      const agent = agents.get(name)
      agents.delete(name)
      return agent === undefined ? missing(name) : ok(agent)
    },
    get: async (name) => agents.get(name) ?? null,
    list: async () => [...agents.values()],
    probe: async (name) => (agents.has(name) ? ok({ ok: true, detail: 'stand-in' }) : missing(name)),
    capabilities: () => ({ analysis: agents.size }),
    candidates: () => [...agents.keys()],
    perform: () => Promise.reject(new Error('the stand-in fleet performs nothing')),
    quick_agents: () => [],
    live: () => [],
    load: () => ({ in_flight: 0, queued: 0, limit: 100 }),
    check_all: async () => {},
    close: async () => {},
  }
}

const standInGateway: ModelGateway = {
  complete: async () => fail('model_missing', 'the stand-in has no model'),
  hosts: async () => [],
  default_model: () => ({ id: null, reason: 'the stand-in has no model' }),
  close: async () => {},
}

/** Whatever the goal: one task for the analyst. */
const standInPlanner: Planner = {
  divide: () => Promise.reject(new Error('nothing is divided here')),
  propose: async ({ goal }) => ({
    source: 'template',
    definition: {
      apiVersion: 'quorate/v1',
      name: 'stand_in',
      goal,
      stages: [{ id: 'only', kind: 'tasks', tasks: [{ id: 'task', agent: 'analyst', instructions: 'Do it.' }] }],
    },
    problems: [],
    analysis: null,
    model: null,
    usage: { input_tokens: 0, output_tokens: 0, calls: 0 },
    raw: null,
    duration_ms: 0,
  }),
}

function configurationFor(data_dir: string, limits: Partial<Configuration['limits']>): Configuration {
  const loaded = loadConfiguration({
    flags: { data: data_dir },
    cwd: data_dir,
    environment: { POSTGRES_URL: 'postgres://quorate:hunter2@db/quorate' },
    machine: { cores: 2, home: data_dir, xdg_cache_home: null },
  })
  if (!loaded.ok) throw new Error(loaded.failure.message)
  return {
    ...loaded.value,
    port: 0,
    limits: { ...loaded.value.limits, body_bytes: 1_000_000, json_depth: 64, goal_characters: 20_000, ...limits },
  }
}
