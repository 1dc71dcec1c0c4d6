/** A server, this process's own or another one, as an object: start runs, follow them, steer them. */
import { type Client, createClient, type RunDocument } from '../cli/client.ts'
import { followEvents } from '../cli/follow-run.ts'
import { answer_approval } from '../operations/answer_approval.ts'
import { orchestration_status } from '../operations/orchestration_status.ts'
import { put_definition } from '../operations/put_definition.ts'
import { signal_run } from '../operations/signal_run.ts'
import type { Definition } from '../workflow/definition.ts'
import type { RunEvent } from '../workflow/event.ts'
import { hasEnded } from '../workflow/run-state.ts'
import type { Json, Value } from '../workflow/value.ts'
import type { InputsArgument } from './define-workflow.ts'
import { orThrow, QuorateError } from './quorate-error.ts'

/** How a run ended. */
export type RunResult = {
  status: 'completed' | 'partial' | 'failed' | 'cancelled'
  reason: string
  /** The run's result. A part of more than 2 MB stays a reference (`$blob`). */
  output: Json
  /** The whole run: stages with their tasks, decisions with what they saw and why, cost. */
  run: RunDocument
}

/** A run, wherever it executes. It goes on when this object, or the process that holds it, is gone. */
export type Run = {
  readonly id: string
  /**
   * Events after the sequence number `after` (default 0: from the start), as they happen, to the end of the run. Goes
   * on over broken connections and restarts of the server. Ends early when `signal` aborts.
   */
  events: (options?: { after?: number; signal?: AbortSignal }) => AsyncIterable<RunEvent>
  /** Waits for the end. Rejects only when the server is gone for a minute, or with `cancelled` when `signal` aborts. */
  result: (options?: { signal?: AbortSignal }) => Promise<RunResult>
  /** The run as of now. */
  view: () => Promise<RunDocument>
  /** Asks the run to end; what agents are doing is called off. */
  cancel: (reason?: string) => Promise<void>
  /** Kept until a stage waits for it. */
  signal: (name: string, data?: Json) => Promise<void>
  /** Answers an open question: `approval` as in the event `approval_requested`; at the top level the stage's id. */
  approve: (approval: string, comment?: string) => Promise<void>
  refuse: (approval: string, comment?: string) => Promise<void>
}

/** Quorate, embedded or on a server. All methods reject with a {@link QuorateError}. */
export type Quorate = {
  /** Where its API answers. */
  readonly url: string
  /** Starts a run of a definition, or of a stored one by `name`, `name@version` or `sha256:…`. Durable when it resolves. */
  run: <D extends Definition | string>(definition: D, ...inputs: InputsArgument<D>) => Promise<Run>
  /** Has a definition planned for a goal, and runs it. Needs a model for more than a template. */
  runGoal: (goal: string) => Promise<Run>
  /** A run that was started before, here or elsewhere. `not_found` shows when it is first asked for something. */
  attach: (run: string) => Run
  /** Stores a definition under its name as the next version, unless the last one is the same. */
  save: (definition: Definition, note?: string) => Promise<{ hash: string; name: string; version: number }>
  /** The value itself, where an event only refers to it (`$blob`). */
  value: (value: Value) => Promise<Json>
  /** Ends what this object holds: nothing for a server, everything (in order) for an embedded Quorate. */
  close: () => Promise<void>
  [Symbol.asyncDispose]: () => Promise<void>
}

/**
 * Connects to a server.
 * @param url such as `http://127.0.0.1:8100`
 * @param options.key an API key (`qk_…`), for a server that asks for one
 * @throws QuorateError `unavailable` when no Quorate answers there, `unauthenticated` without the key that it asks for,
 * `invalid_input` for what is no address.
 */
export async function connect(url: string, { key = null }: { key?: string | null } = {}): Promise<Quorate> {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new QuorateError({
      kind: 'invalid_input',
      message: 'the url is no http:// or https:// address',
      field: 'url',
      remedy: 'give the address that `quorate start` prints, such as http://127.0.0.1:8100',
    })
  const client = createClient({ server: url.replace(/\/+$/, ''), fetch, key })
  orThrow(await client.call(orchestration_status))
  return quorateAt(client, async () => {})
}

/** {@link Quorate} over a client of its API. */
export function quorateAt(client: Client, close: () => Promise<void>): Quorate {
  const attach = (id: string) => runAt(client, id)
  const start = async (body: Parameters<Client['create_workflow']>[0]) =>
    attach(orThrow(await client.create_workflow(body)).run_id)
  return {
    url: client.server,
    run: (definition, ...[inputs]) =>
      start({ definition: definition as Json, ...(inputs && { inputs: inputs as { [name: string]: Json } }) }),
    runGoal: (goal) => start({ goal }),
    attach,
    save: async (definition, note = '') =>
      orThrow(await client.call(put_definition, { definition: definition as Json, note })),
    value: (value) => client.value(value),
    close,
    [Symbol.asyncDispose]: close,
  }
}

function runAt(client: Client, id: string): Run {
  const view = async () => orThrow(await client.run(id))
  const answer = async (approval: string, decision: 'approve' | 'refuse', comment: string) => {
    orThrow(await client.call(answer_approval, { id, approval, decision, comment }))
  }
  const follow = (after: number, signal = new AbortController().signal) =>
    followEvents(client, id, { after, signal, now: Date.now })

  return {
    id,
    view,
    async *events({ after = 0, signal } = {}) {
      for await (const item of follow(after, signal)) {
        if ('event' in item) yield item.event
        else if ('ended' in item && !signal?.aborted) orThrow(item.ended)
      }
    },
    async result({ signal } = {}) {
      let run = await view()
      while (!hasEnded(run.status)) {
        // Only the end is wanted: events that are there already need not be sent.
        for await (const item of follow(run.seq, signal)) if ('ended' in item) orThrow(item.ended)
        run = await view()
      }
      const status = run.status as RunResult['status']
      return { status, reason: run.reason, output: await client.value(run.result), run }
    },
    cancel: async (reason = '') => {
      orThrow(await client.cancel(id, reason))
    },
    signal: async (name, data = null) => {
      orThrow(await client.call(signal_run, { id, name, data }))
    },
    approve: (approval, comment = '') => answer(approval, 'approve', comment),
    refuse: (approval, comment = '') => answer(approval, 'refuse', comment),
  }
}
