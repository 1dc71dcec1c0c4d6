/** The configuration in force: checked, with where each value came from. */
import type { AgentInput } from '../agents/agent.ts'

export type ConfigurationSource = 'flag' | 'environment' | 'quorate.yaml' | 'localagi-config.yaml' | 'default'

export type ModelHostSetting = {
  name: string
  kind: 'openai_compatible' | 'ollama'
  url: string
  /** `env:NAME` or `file:PATH`. */
  api_key: string | null
  /** Calls at once. */
  concurrency: number
}

/** `money` in the currency that the prices are written in. */
export type CountedBudget = { calls?: number | undefined; tokens?: number | undefined; money?: number | undefined }

export type Configuration = {
  host: string
  port: number
  /** Who is answered: everybody who reaches it, or only those with a key. */
  authentication: 'off' | 'keys'
  /** Absolute. */
  data_dir: string
  /** Absolute; models are fetched into it once. */
  cache_dir: string
  namespace: string
  log_level: 'debug' | 'info' | 'warn' | 'error'
  limits: {
    /** MAX_PARALLEL_WORKFLOWS: runs that execute. */
    max_parallel_workflows: number
    /** AGENT_POOL_SIZE: calls to agents in flight. */
    agent_pool_size: number
    body_bytes: number
    goal_characters: number
    json_depth: number
    agents: number
    queued_runs: number
  }
  models: {
    /** `host/model` or model name of the manager's own model; null = the best that is there. */
    default: string | null
    hosts: ModelHostSetting[]
    /** Ollama is looked for here; whether a person set it or it is the default. */
    ollama_url: string
    local: {
      enabled: boolean
      /** null = choose by free memory and what can be reached. */
      model: string | null
      /** A GGUF file of the person's own. */
      path: string | null
      threads: number
      context_tokens: number
      /** Whether the Hugging Face hub may be asked. */
      hub: boolean
    }
  }
  /** Limits over all runs; null or left out = none. Days are those of UTC. */
  budgets: {
    /** In all, as long as the store exists. */
    total: CountedBudget | null
    daily: CountedBudget | null
    /** By name of the agent, for a day. */
    agents_daily: { [agent: string]: CountedBudget }
    /** By name of the model host, for a day. */
    model_hosts_daily: { [host: string]: CountedBudget }
    /** For a million tokens, by model. */
    prices: { [model: string]: { input: number; output: number } }
  }
  /** The endpoint by which agents outside reach the models. */
  gateway: {
    /** Which calls of an attempt that was broken off are answered from the record when it is carried out again. */
    replay_calls: 'never' | 'deterministic' | 'always'
    /** Whether prompts and answers are kept with the record of a call. */
    record_bodies: boolean
  }
  progress: {
    /** No limit on the time without a sign of life is shorter. */
    silence_ms: number
    /** How long a call waits for an agent before a run that holds more than its share of it gives a place back. */
    lease_ms: number
  }
  outbound: {
    /** Hosts and CIDR ranges that adapters may reach besides public addresses: loopback and private are refused unless listed. */
    allow: string[]
  }
  /** Absolute. Folders besides its own that a command agent may name as its work folder. */
  work_folders: string[]
  /** Time for a ballot of a vote without a `timeout` of its own; null = that of the agent. */
  decision_timeout_ms: number | null
  /** Of a vote without a `threshold` of its own. */
  consensus_threshold: number
  /** Agents from the configuration file: read-only through the API. */
  agents: AgentInput[]
  default_agents: boolean
  /** Kept for later: what other sections of the user's files say, as checked values. */
  coordinator: {
    enabled: boolean
    path: string | null
    sync_interval_ms: number
    feedback: boolean
    mode: string | null
  }
  monitoring: { metrics_endpoint: string | null; log_aggregation: string | null; trace_sampling: number }
  stores: { redis_url: string | null; postgres_url: string | null; vector_stores: string[] }
  orchestration_patterns: { name: string; agents: string[]; mechanism: string }[]
  agent_categories: { [category: string]: string[] }
  /** AGENT_COUNT, `agent_registry.total_agents`: how many agents the person expects; nothing is limited by it. */
  agent_count: number | null
  /** What was accepted and should still be looked at: one sentence each, without secrets. */
  warnings: string[]
  /** By the key as written in quorate.yaml (`port`, `limits.agent_pool_size`, `decision_timeout`). */
  sources: { [key: string]: { source: ConfigurationSource; detail: string } }
}
