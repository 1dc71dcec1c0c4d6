/**
 * The contract between Quorate and any system that performs tasks. An adapter is one folder that exports one
 * {@link AgentSystem}; it imports this file, the vendor's SDK and what it is handed, never a sibling.
 *
 * Duties of an adapter:
 *  A1. `perform` never throws; everything that goes wrong is a {@link Failure} from the closed list.
 *  A2. When `signal` aborts, the outside work ends (process tree killed, socket closed) before `perform` settles.
 *  A3. Tokens that the system does not report are null, never 0.
 *  A4. What cannot be done is `unsupported`, by name, where it is asked for.
 *  A5. Text from the agent is data: it is returned, never acted upon.
 *  A6. No secret appears in a failure, an output or a log.
 *  A7. `busy`, `unavailable`, `refused`, `not_found` and the caller's mistakes mean that the work was certainly not begun.
 *      A connection that broke, or an answer that failed, after the request had been sent is `agent_failed`.
 */
import type { z } from 'zod'
import type { Failure, Result } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { EffectClass } from '../workflow/definition.ts'
import type { Usage } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'

/** What an agent is asked to do: values resolved, nothing by reference. */
export type AgentTask = {
  run: string
  /** Address of the task within the run. */
  task: string
  attempt: number
  goal: string | null
  role: string
  /** The agent's standing instructions. */
  agent_instructions: string
  instructions: string
  input: { [name: string]: Json }
  output_schema: { [key: string]: Json } | null
  max_output_tokens: number | null
  /** Facts about the budget, once much of it is used, and about earlier attempts that failed: data, like the input. */
  notice?: string
  /** `host/model` that is asked in place of the agent's own: that one did not help. */
  model?: string
  /** Derived from run, task and arguments; the same on every repetition. */
  effect_key: string
}

/** `queued`, `model_loading`: others are waited for. `asked`: now a model has the request, and tokens are to come. */
export type Progress = {
  kind: 'queued' | 'model_loading' | 'asked' | 'tokens' | 'output' | 'note'
  tokens?: number
  text?: string
}

export type Performed = {
  output: Json
  usage: Usage
  model: string | null
  /** Content digest of the model, where its host gives one. */
  model_digest?: string
  /** What was sent to the model, where there is such a thing: for the record. */
  prompt?: Json
  /** Parts of the time it took that went by at the model's door: waiting for a place there, and loading the model. */
  model_queued_ms?: number
  load_ms?: number
}

/** How an agent outside reaches the models through the gateway, for the time of one attempt. */
export type ModelAccess = {
  /** A secret. Valid until the attempt ends. */
  key: string
  /** Base address of the OpenAI dialect, ending in `/v1`; takes the key as bearer token. */
  openai_url: string
  /** Base address of Ollama's dialect. Contains the key, because Ollama's clients have no place for one: a secret too. */
  ollama_url: string
}

export type PerformContext = {
  signal: AbortSignal
  progress: (progress: Progress) => void
  /**
   * Asks a model for this attempt: within its budget, which ends a call in mid-stream (`budget_exhausted`). In place of
   * `complete` of the gateway that every agent system is handed; absent where no budget is kept.
   */
  complete?: ModelGateway['complete']
  /**
   * A key to the model gateway for this attempt. Absent where there is no gateway to reach.
   * @param hide Takes the secrets of this task out of what is recorded of its calls.
   */
  model_access?: (hide: (text: string) => string) => Promise<Result<ModelAccess>>
}

export type Health = { ok: boolean; detail: string; models?: string[]; version?: string }

/** An agent system with its settings applied: ready to work. */
export type AgentHandle = {
  /** Name of the model host or machine that bounds it together with others, e.g. `ollama:http://127.0.0.1:11434`. */
  host: string
  /**
   * The model that it asks through the gateway: `host/model` or a bare name, null = the manager's own or one that only the
   * agent knows. Absent for what asks none: then another model cannot be tried.
   */
  model?: () => string | null
  check: (signal: AbortSignal) => Promise<Health>
  perform: (task: AgentTask, context: PerformContext) => Promise<Result<Performed>>
  /**
   * For `reconcilable` effects: has the effect with this key already happened? `undefined` output = not found.
   * Without it a reconcilable effect is treated as unsafe.
   */
  reconcile?: (task: AgentTask, context: PerformContext) => Promise<Result<Performed | null>>
  close: () => Promise<void>
}

/** What every adapter may use; nothing else of Quorate is visible to it. */
export type AgentSystemContext = {
  gateway: ModelGateway
  /** fetch that refuses addresses which the configuration does not allow (see outbound guard). */
  fetch: typeof fetch
  /** Resolves `env:NAME` and `file:PATH`; the value must not leave the adapter. */
  secret: (reference: string) => Result<string>
  /** A directory of its own for work folders, under the data directory. */
  work_dir: string
  /** Absolute: folders of the person in which commands may work besides, with all below them. None when absent. */
  work_folders?: readonly string[]
}

export type AgentSystem<Settings = unknown> = {
  contract: 'agent-system-v1'
  /** The outside world's name, letter for letter, with _ for other characters. */
  name: string
  title: string
  settings: z.ZodType<Settings>
  /** What a task of this system does outside when nobody says otherwise. */
  effect: (settings: Settings) => EffectClass
  /** Below a few ms and in process: its steps need no invocation of their own. */
  quick: boolean
  open: (settings: Settings, context: AgentSystemContext) => Result<AgentHandle>
}

/** Whether an agent's failure may go away when tried again, here or elsewhere. */
export const mayRetry = (failure: Failure): boolean => retryable[failure.kind]

const retryable: Record<Failure['kind'], boolean> = {
  invalid_input: false,
  not_found: false,
  conflict: false,
  unauthenticated: false,
  forbidden: false,
  refused: false,
  too_large: false,
  busy: true,
  unavailable: true,
  disk_full: true,
  data_damaged: false,
  timeout: true,
  cancelled: false,
  unsupported: false,
  model_missing: false,
  output_invalid: true,
  agent_failed: true,
  limit_exceeded: false,
  no_progress: true,
  effect_unknown: false,
  budget_exhausted: false,
  internal: false,
}
