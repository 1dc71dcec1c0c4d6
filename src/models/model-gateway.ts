/**
 * The one way to a model. Every model call of every agent goes through the gateway, so that tokens are counted, calls
 * recorded, bounded and cancelled in one place. Hosts (a local child process, Ollama, an OpenAI-compatible server)
 * stand behind it.
 */
import type { ModelHostSetting } from '../configuration/configuration.ts'
import type { Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'

/** What a model wants to have called. `arguments` is JSON as text, as the model wrote it: it may be no JSON at all. */
export type ToolCall = { id: string; name: string; arguments: string }

export type Tool = { name: string; description?: string; parameters: { [key: string]: Json } }

export type Message = {
  role: 'system' | 'user' | 'assistant' | 'tool'
  content: string
  /** Of an assistant. */
  tool_calls?: ToolCall[]
  /** Of a tool: which call this answers. */
  tool_call_id?: string
}

export type ModelRequest = {
  /** `host/model`, a bare model name, or null for the manager's own model. */
  model: string | null
  messages: Message[]
  /** JSON Schema that the answer must satisfy; enforced at the model by grammar, and checked afterwards. */
  schema?: { [key: string]: Json } | undefined
  temperature?: number
  seed?: number
  top_p?: number
  frequency_penalty?: number
  presence_penalty?: number
  /** Texts at which the answer ends, without them. */
  stop?: string[]
  tools?: Tool[]
  /** `{ name }`: this one must be called. Ollama cannot be told: there `required` and a name are wishes. */
  tool_choice?: 'auto' | 'none' | 'required' | { name: string }
  max_output_tokens?: number | undefined
  /** An answer that was cut off by its limit comes as text as far as it goes, instead of `output_invalid`. */
  unfinished_ok?: boolean
  /** Refuses hosts that an agent brought along: their keys are for that agent alone. */
  configured_only?: boolean
  /** For whom: shown in records and used for bounds. */
  caller: {
    run: string | null
    task: string | null
    agent: string | null
    purpose: 'task' | 'plan' | 'judge' | 'probe'
  }
}

export type ModelAnswer = {
  /** The text, or the parsed JSON when a schema was given. */
  text: string
  json?: Json
  tool_calls?: ToolCall[]
  model: string
  host: string
  input_tokens: number | null
  output_tokens: number | null
  finish: 'stop' | 'length' | 'tool_calls' | 'other'
  /** Milliseconds: waiting for a place, loading the model, until the first token, all. */
  queued_ms: number
  load_ms: number | null
  first_token_ms: number | null
  duration_ms: number
}

/** `asked`: its turn at the host has come, and tokens are to be expected. */
export type ModelProgress = { kind: 'queued' | 'asked' | 'model_loading' | 'tokens'; tokens?: number; text?: string }

export type EmbeddingRequest = {
  model: string | null
  input: string[]
  /** Length of each vector, for models that can shorten theirs. */
  dimensions?: number
  configured_only?: boolean
}

export type EmbeddingAnswer = {
  /** One for each input, in its order. */
  embeddings: number[][]
  model: string
  host: string
  input_tokens: number | null
  duration_ms: number
}

export type ModelInfo = {
  /** `host/model`. */
  id: string
  host: string
  model: string
  default: boolean
  loaded: boolean | null
  size_bytes: number | null
  /** Content digest where the host gives one. */
  digest: string | null
  licence: string | null
  context_length: number | null
}

export type HostInfo = {
  name: string
  kind: string
  address: string
  ok: boolean
  detail: string
  models: ModelInfo[]
  in_flight: number
  queued: number
  /** Brought along by an agent, see {@link ModelGateway.add_host}. */
  added?: boolean
}

export type ModelGateway = {
  complete: (
    request: ModelRequest,
    options: { signal: AbortSignal; progress?: (progress: ModelProgress) => void },
  ) => Promise<Result<ModelAnswer>>
  /** Vectors of texts; `unsupported` where the host has none. */
  embed?: (request: EmbeddingRequest, options: { signal: AbortSignal }) => Promise<Result<EmbeddingAnswer>>
  /** Hosts and their models as last seen; `refresh` asks them again. */
  hosts: (options?: { refresh?: boolean; signal?: AbortSignal }) => Promise<HostInfo[]>
  /** Id of the manager's own model, or null with the reason why there is none. */
  default_model: () => { id: string } | { id: null; reason: string }
  /** The best model that is none of these (`host/model` or bare names), of hosts that answer; null = there is none. */
  other_model?: (not: readonly string[]) => string | null
  /**
   * Makes a server that an agent names for itself known, and answers with the name of the host; the same setting twice is
   * the same host. The address comes from whoever may add agents: it is subject to the outbound guard.
   */
  add_host?: (setting: ModelHostSetting) => Promise<Result<string>>
  close: () => Promise<void>
}
