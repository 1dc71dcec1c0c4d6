/** A typed client of the HTTP API. Every method gives a failure as a value; none throws. */
import { randomUUID } from 'node:crypto'
import type { z } from 'zod'
import { type Failure, type FailureKind, fail, failureKinds, ok, type Result } from '../failure.ts'
import type { HostInfo } from '../models/model-gateway.ts'
import { add_agent } from '../operations/add_agent.ts'
import type { agentView } from '../operations/agent-view.ts'
import { cancel_run } from '../operations/cancel_run.ts'
import { create_workflow } from '../operations/create_workflow.ts'
import { doctor } from '../operations/doctor.ts'
import { drain_agent } from '../operations/drain_agent.ts'
import { get_agent } from '../operations/get_agent.ts'
import { get_blob } from '../operations/get_blob.ts'
import { get_run } from '../operations/get_run.ts'
import { get_run_events } from '../operations/get_run_events.ts'
import { list_agents } from '../operations/list_agents.ts'
import { list_models } from '../operations/list_models.ts'
import { list_runs, type runSummary } from '../operations/list_runs.ts'
import { live } from '../operations/live.ts'
import type { Operation } from '../operations/operation.ts'
import { probe_agent } from '../operations/probe_agent.ts'
import { remove_agent } from '../operations/remove_agent.ts'
import type { RunEvent } from '../workflow/event.ts'
import type { RunStatus } from '../workflow/run-state.ts'
import type { RunView } from '../workflow/run-view.ts'
import { isBlobRef, type Json, type Value } from '../workflow/value.ts'
import { serverSentEvents } from './event-stream.ts'

/** Longest wait for an answer that is not a stream. */
const ANSWER_MS = 30_000

export type RunSummary = z.output<typeof runSummary>
export type AgentShown = z.output<typeof agentView> & {
  role?: string
  description?: string
  queued?: number
  settings?: unknown
  health?: { ok: boolean; detail: string } | null
  concurrency?: number
  timeout?: string
}
export type RunDocument = Omit<RunView, 'state'> & {
  id: string
  kind: string
  swarm_id: string | null
  status: RunStatus
  created_at: number
}
export type Finding = {
  id: string
  severity: 'error' | 'warning' | 'info'
  title: string
  evidence: string
  remedy: string
}
export type Examination = {
  status: 'healthy' | 'degraded' | 'broken'
  examined: { subject: string; detail: string }[]
  findings: Finding[]
}
export type LiveCall = { task: string; agent: string; since: number; note: string; tokens: number }
export type EventsPage = { items: RunEvent[]; next: number | null; last_seq: number }
export type Models = { default: { id: string | null; reason: string | null }; hosts: HostInfo[] }
export type StreamItem = { event: RunEvent } | { end: { status: RunStatus | null; reason: string | null } }
type Created = { workflow_id: string; run_id: string; status: string }

type Query = { [name: string]: string | number | boolean | readonly string[] | undefined }

export type Client = ReturnType<typeof createClient>

/** `key`: an API key, for a server that asks for one. */
export function createClient({
  server,
  fetch: send,
  key = null,
}: {
  server: string
  fetch: typeof fetch
  key?: string | null
}) {
  const bearer: Record<string, string> = key === null ? {} : { authorization: `Bearer ${key}` }
  const address = (path: string, query: Query = {}) => {
    const url = new URL(`${server}${path}`)
    for (const [name, value] of Object.entries(query)) {
      if (value === undefined) continue
      for (const each of typeof value === 'object' ? value : [value]) url.searchParams.append(name, String(each))
    }
    return url
  }

  async function request<T>(
    method: string,
    path: string,
    options: { query?: Query; body?: Json; signal?: AbortSignal; answer_ms?: number } = {},
  ): Promise<Result<T>> {
    const headers: Record<string, string> = { accept: 'application/json', ...bearer }
    if (options.body !== undefined) headers['content-type'] = 'application/json'
    // The same key for the second try: the server makes one run of it, however often it arrives.
    if (method === 'POST') headers['idempotency-key'] = randomUUID()
    const once = async (): Promise<Result<T>> => {
      const timeout = AbortSignal.timeout(options.answer_ms ?? ANSWER_MS)
      const response = await send(address(path, options.query), {
        method,
        headers,
        ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
        redirect: 'error',
        signal: options.signal ? AbortSignal.any([timeout, options.signal]) : timeout,
      })
      return answer<T>(server, response)
    }
    try {
      return await once()
    } catch (error) {
      if (options.signal?.aborted || isRefused(error) || isTimeout(error))
        return { ok: false, failure: unreachable(server, error) }
    }
    try {
      return await once()
    } catch (error) {
      return { ok: false, failure: unreachable(server, error) }
    }
  }

  /** Any operation: its fields go into the path, then into the query of a GET or DELETE, else into the body. */
  function call<T>(
    operation: Operation,
    input: { [field: string]: Json | undefined } = {},
    signal?: AbortSignal,
    /** For what takes as long as a model does. */
    answer_ms?: number,
  ): Promise<Result<T>> {
    const { path, rest } = filled(operation.path, input)
    const more = { ...(signal ? { signal } : {}), ...(answer_ms === undefined ? {} : { answer_ms }) }
    return operation.method === 'GET' || operation.method === 'DELETE'
      ? request<T>(operation.method, path, { query: rest as Query, ...more })
      : request<T>(operation.method, path, { body: rest as Json, ...more })
  }

  return {
    server,
    call,

    create_workflow: (body: { goal?: string; definition?: Json; inputs?: { [name: string]: Json } }) =>
      call<Created>(create_workflow, body),
    runs: (query: { status?: string[]; limit?: number; text?: string }) =>
      call<{ items: RunSummary[]; next: string | null; total: number | null }>(list_runs, query),
    run: (id: string) => call<RunDocument>(get_run, { id }),
    live: (id: string, signal?: AbortSignal) => call<{ calls: LiveCall[] }>(live, { id }, signal),
    events: (id: string, after: number) => call<EventsPage>(get_run_events, { id, after, limit: 1_000 }),
    cancel: (id: string, reason: string) => call<{ run_id: string; status: RunStatus }>(cancel_run, { id, reason }),
    agents: () => call<{ items: AgentShown[]; capabilities: { [name: string]: number } }>(list_agents),
    agent: (agent: string) => call<AgentShown>(get_agent, { agent }),
    add_agent: (agent: { [field: string]: Json }) => call<AgentShown>(add_agent, agent),
    drain_agent: (agent: string) => call<AgentShown>(drain_agent, { agent }),
    remove_agent: (agent: string, force: boolean) => call<AgentShown>(remove_agent, { agent, force }),
    probe_agent: (agent: string) =>
      call<{ ok: boolean; detail: string; models?: string[]; version?: string }>(probe_agent, { agent }),
    models: (refresh: boolean) => call<Models>(list_models, { refresh }),
    doctor: () => call<Examination>(doctor),

    /** A value with all that it only refers to, at any depth; what is too large for one answer stays a reference. */
    async value(value: Value): Promise<Value> {
      const whole = async (part: Value): Promise<Value> => {
        if (isBlobRef(part)) {
          const blob = await call<{ value?: Json }>(get_blob, { hash: part.$blob })
          if (!blob.ok || blob.value.value === undefined) return part
          // Without references of ours in it, it is somebody's text: whatever it looks like.
          return part.nested === true ? whole(blob.value.value) : blob.value.value
        }
        if (Array.isArray(part)) return (await Promise.all(part.map(whole))) as Json
        if (typeof part !== 'object' || part === null) return part
        const fields = Object.entries(part).map(async ([key, item]) => [key, await whole(item)] as const)
        return Object.fromEntries(await Promise.all(fields)) as Json
      }
      return whole(value)
    },

    /**
     * Events after a number, as they happen, then how the run ended. A stream that breaks off ends in a failure; the
     * caller goes on from the last number it saw.
     */
    async *stream(id: string, after: number, signal: AbortSignal): AsyncGenerator<Result<StreamItem>> {
      try {
        const response = await send(address(filled(get_run_events.path, { id }).path), {
          headers: { accept: 'text/event-stream', 'last-event-id': String(after), ...bearer },
          redirect: 'error',
          signal,
        })
        if (!response.ok || !response.body || !response.headers.get('content-type')?.startsWith('text/event-stream')) {
          const refused = await answer<never>(server, response)
          yield refused.ok
            ? fail('unavailable', `${server} did not answer with a stream of events`, {
                field: 'server',
                value: server,
              })
            : refused
          return
        }
        for await (const { event, data } of serverSentEvents(response.body)) {
          const parsed: unknown = JSON.parse(data)
          yield ok(
            event === 'end'
              ? { end: parsed as { status: RunStatus | null; reason: string | null } }
              : { event: parsed as RunEvent },
          )
          if (event === 'end') return
        }
        yield fail('unavailable', 'the stream of events broke off', { field: 'server', value: server })
      } catch (error) {
        if (!signal.aborted) yield { ok: false, failure: unreachable(server, error) }
      }
    },
  }
}

/** A route with its parameters filled in, and the fields that are none of them. */
function filled(route: string, input: { [field: string]: Json | undefined }) {
  const rest = { ...input }
  const path = route.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = String(rest[name])
    delete rest[name]
    return encodeURIComponent(value)
  })
  return { path, rest }
}

async function answer<T>(server: string, response: Response): Promise<Result<T>> {
  const text = await response.text()
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    return fail('unavailable', `the server at ${server} is not Quorate`, {
      field: 'server',
      value: server,
      remedy: 'name the right address with --server or QUORATE_URL, or start Quorate on another port',
    })
  }
  return response.ok ? ok(body as T) : { ok: false, failure: failureOf(body, response.status) }
}

type ProblemBody = Partial<Omit<Failure, 'kind' | 'message' | 'problems'>> & {
  type?: string
  title?: string
  detail?: string
  problems?: ProblemBody[]
}

/** A failure out of its problem+json (RFC 9457). */
function failureOf(body: unknown, status: number): Failure {
  const {
    type,
    title,
    detail,
    status: _,
    problems,
    ...more
  } = (typeof body === 'object' && body !== null ? body : {}) as ProblemBody & { status?: number }
  const named = failureKinds.find((kind): kind is FailureKind => type === `urn:quorate:failure:${kind}`)
  const kind = named ?? (status === 404 ? 'not_found' : status >= 500 ? 'internal' : 'invalid_input')
  return {
    ...more,
    kind,
    message: detail ?? title ?? `the server answered with status ${status}`,
    ...(Array.isArray(problems) ? { problems: problems.map((problem) => failureOf(problem, 400)) } : {}),
  }
}

const codeOf = (error: unknown): string => {
  const cause = (error as { cause?: { code?: string; errors?: { code?: string }[] } }).cause
  return cause?.code ?? cause?.errors?.[0]?.code ?? ''
}
const isRefused = (error: unknown): boolean =>
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH/.test(codeOf(error))
const isTimeout = (error: unknown): boolean => (error as Error).name === 'TimeoutError'

function unreachable(server: string, error: unknown): Failure {
  if (isTimeout(error))
    return {
      kind: 'unavailable',
      message: `the server at ${server} does not answer within ${ANSWER_MS / 1_000} s`,
      field: 'server',
      value: server,
      remedy: 'see its log; `quorate doctor` examines it',
    }
  const why = codeOf(error) || (error as Error).message
  return {
    kind: 'unavailable',
    message: `no Quorate server answers at ${server} (${why})`,
    field: 'server',
    value: server,
    remedy:
      'start it in another terminal with `npm start` (or `quorate start`), or name another address with --server or QUORATE_URL',
  }
}
