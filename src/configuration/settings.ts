// over 400 lines because it is one list: every setting once, each in the same few lines
/**
 * Every setting, once: its key as written in quorate.yaml, what it may be, its default, and the names under which the
 * environment, the flags and the person's localagi-config.yaml call it. Each also has an environment variable of ours:
 * `QUORATE_` and the key in capitals with `_` for `.`, unless it is a list of records.
 */
import { z } from 'zod'
import { agentInput } from '../agents/agent.ts'
import { agentName, stageBudgetSchema } from '../workflow/definition.ts'
import {
  httpUrl,
  modelHost,
  outboundHost,
  path,
  pattern,
  price,
  serverUrl,
  span,
  uniqueByName,
  vectorStore,
  vectorStores,
  whole,
} from './setting-values.ts'

/** What defaults depend on. */
export type Machine = { cores: number; home: string; xdg_cache_home: string | null }

/** Flags of the command line that are settings, by the name after `--`. */
export type FlagName = 'port' | 'host' | 'data' | 'log-level'

export type Setting<S extends z.ZodType = z.ZodType> = {
  schema: S
  fallback: (machine: Machine) => z.output<S>
  /** What may be written, as the end of the sentence "Write …". */
  write: string
  /** How a text from the environment or a flag becomes a value; null where only a file can say it. */
  text: ((text: string) => unknown) | null
  /** The outside's own names, besides QUORATE_…. */
  environment?: readonly string[]
  flag?: FlagName
  /** Path below `localagi_orchestration`. */
  localagi?: readonly string[]
  /** A path: made absolute from the folder of the file that says it. */
  path?: true
}

const setting = <S extends z.ZodType>(it: Setting<S>): Setting<S> => it
const is =
  <T>(value: T) =>
  (): T =>
    value

const asIs = (text: string): unknown => text
const number = (text: string): unknown => (/^[+-]?\d+(\.\d+)?$/.test(text) ? Number(text) : text)
const words = (text: string): unknown => text.split(/[\s,]+/).filter((word) => word !== '')
const boolean = (text: string): unknown =>
  /^(true|yes|on|1)$/i.test(text) ? true : /^(false|no|off|0)$/i.test(text) ? false : text

export const settings = {
  host: setting({
    schema: z
      .string()
      .regex(/^[a-zA-Z0-9_.:-]+$/)
      .max(255),
    fallback: is('127.0.0.1'),
    text: asIs,
    flag: 'host',
    write: 'the address to listen on, such as 127.0.0.1',
  }),
  port: setting({
    schema: whole(0, 65_535),
    fallback: is(8_100),
    text: number,
    flag: 'port',
    write: 'a port from 1 to 65535, or 0 for any free one',
  }),
  authentication: setting({
    schema: z.enum(['off', 'keys']),
    fallback: is('off' as const),
    text: (text) => text.toLowerCase(),
    write: 'off or keys',
  }),
  data_dir: setting({
    schema: path,
    fallback: is('.quorate'),
    text: asIs,
    flag: 'data',
    path: true,
    write: 'the path of a folder',
  }),
  cache_dir: setting({
    schema: path,
    fallback: ({ home, xdg_cache_home }) => `${xdg_cache_home ?? `${home}/.cache`}/quorate`,
    text: asIs,
    path: true,
    write: 'the path of a folder',
  }),
  namespace: setting({
    schema: z.string().regex(/^[a-z][a-z0-9_-]{0,62}$/),
    fallback: is('default'),
    text: asIs,
    write: 'lower-case letters, digits, - and _, beginning with a letter',
  }),
  log_level: setting({
    schema: z.enum(['debug', 'info', 'warn', 'error']),
    fallback: is('info' as const),
    text: (text) => text.toLowerCase(),
    flag: 'log-level',
    write: 'debug, info, warn or error',
  }),

  'limits.max_parallel_workflows': setting({
    schema: whole(1, 10_000),
    fallback: is(20),
    text: number,
    environment: ['MAX_PARALLEL_WORKFLOWS'],
    localagi: ['performance', 'max_parallel_workflows'],
    write: 'how many runs execute at once, from 1 to 10000',
  }),
  'limits.agent_pool_size': setting({
    schema: whole(1, 100_000),
    fallback: is(100),
    text: number,
    environment: ['AGENT_POOL_SIZE'],
    localagi: ['performance', 'agent_pool_size'],
    write: 'how many calls to agents are in flight at once, from 1 to 100000',
  }),
  'limits.body_bytes': setting({
    schema: whole(1_024, 1_000_000_000),
    fallback: is(1_000_000),
    text: number,
    write: 'bytes, from 1024 to 1000000000',
  }),
  'limits.goal_characters': setting({
    schema: whole(1, 1_000_000),
    fallback: is(20_000),
    text: number,
    write: 'characters, from 1 to 1000000',
  }),
  'limits.json_depth': setting({
    schema: whole(4, 1_000),
    fallback: is(50),
    text: number,
    write: 'levels of nesting, from 4 to 1000',
  }),
  'limits.agents': setting({
    schema: whole(1, 100_000),
    fallback: is(1_000),
    text: number,
    write: 'how many agents may be registered, from 1 to 100000',
  }),
  'limits.queued_runs': setting({
    schema: whole(1, 10_000_000),
    fallback: is(10_000),
    text: number,
    write: 'how many runs may wait, from 1 to 10000000',
  }),

  'models.default': setting({
    schema: z.string().min(1).max(300).nullable(),
    fallback: is(null),
    text: asIs,
    write: 'host/model or the name of a model',
  }),
  'models.hosts': setting({
    schema: z.array(modelHost).max(100).superRefine(uniqueByName),
    fallback: is([]),
    text: null,
    write: 'a list of hosts, each with name and url',
  }),
  'models.ollama_url': setting({
    schema: httpUrl,
    fallback: is('http://127.0.0.1:11434'),
    text: asIs,
    environment: ['OLLAMA_BASE_URL'],
    write: 'an address such as http://127.0.0.1:11434',
  }),
  'models.local.enabled': setting({ schema: z.boolean(), fallback: is(true), text: boolean, write: 'true or false' }),
  'models.local.model': setting({
    schema: z.string().min(1).max(300).nullable(),
    fallback: is(null),
    text: asIs,
    write: 'the name of a model that Quorate can fetch',
  }),
  'models.local.path': setting({
    schema: path.nullable(),
    fallback: is(null),
    text: asIs,
    path: true,
    write: 'the path of a GGUF file',
  }),
  // Threads of a model spin while they wait for each other: one more than there are free cores made it 20 times slower.
  'models.local.threads': setting({
    schema: whole(1, 256),
    fallback: ({ cores }) => Math.max(1, Math.min(8, cores - 1)),
    text: number,
    write: 'how many threads, from 1 to 256',
  }),
  'models.local.context_tokens': setting({
    schema: whole(512, 1_000_000),
    fallback: is(4_096),
    text: number,
    write: 'tokens, from 512 to 1000000',
  }),
  'models.local.hub': setting({ schema: z.boolean(), fallback: is(true), text: boolean, write: 'true or false' }),

  'budgets.total': setting({
    schema: stageBudgetSchema.nullable(),
    fallback: is(null),
    text: null,
    write: 'limits by unit: tokens, calls, money',
  }),
  'budgets.daily': setting({
    schema: stageBudgetSchema.nullable(),
    fallback: is(null),
    text: null,
    write: 'limits by unit: tokens, calls, money',
  }),
  'budgets.agents_daily': setting({
    schema: z.record(agentName, stageBudgetSchema),
    fallback: is({}),
    text: null,
    write: 'limits by unit for each agent by name',
  }),
  'budgets.model_hosts_daily': setting({
    schema: z.record(z.string().min(1).max(300), stageBudgetSchema),
    fallback: is({}),
    text: null,
    write: 'limits by unit for each model host by name',
  }),
  'budgets.prices': setting({
    schema: z.record(z.string().min(1).max(300), price),
    fallback: is({}),
    text: null,
    write: 'input and output for a million tokens, for each model: host/model, model, host/* or *',
  }),

  'gateway.replay_calls': setting({
    schema: z.enum(['never', 'deterministic', 'always']),
    fallback: is('deterministic' as const),
    text: asIs,
    write: 'never, deterministic or always',
  }),
  'gateway.record_bodies': setting({ schema: z.boolean(), fallback: is(true), text: boolean, write: 'true or false' }),

  'progress.silence': setting({
    schema: span.refine((ms) => ms >= 100, 'is shorter than 100ms'),
    fallback: is(120_000),
    text: asIs,
    write: 'a duration with a unit of at least 100ms, such as 2m',
  }),

  'progress.lease': setting({
    schema: span.refine((ms) => ms >= 100, 'is shorter than 100ms'),
    fallback: is(300_000),
    text: asIs,
    write: 'a duration with a unit of at least 100ms, such as 1m',
  }),

  'outbound.allow': setting({
    schema: z.array(outboundHost).max(1_000),
    fallback: is([]),
    text: words,
    write: 'a list of host names, addresses or CIDR ranges',
  }),

  work_folders: setting({
    schema: z.array(path).max(100),
    fallback: is([]),
    text: words,
    write: 'a list of folders that agents of the system command may work in',
  }),

  decision_timeout: setting({
    schema: span.nullable(),
    fallback: is(null),
    text: asIs,
    localagi: ['performance', 'decision_timeout'],
    write: 'a duration with a unit, such as 30s or 5m',
  }),
  consensus_threshold: setting({
    schema: z.number().min(0).max(1),
    fallback: is(0.7),
    text: number,
    localagi: ['performance', 'consensus_threshold'],
    write: 'a share from 0 to 1',
  }),

  agents: setting({
    schema: z.array(agentInput).max(100_000).superRefine(uniqueByName),
    fallback: is([]),
    text: null,
    write: 'a list of agents, each with name and system',
  }),
  default_agents: setting({ schema: z.boolean(), fallback: is(true), text: boolean, write: 'true or false' }),

  'coordinator.enabled': setting({
    schema: z.boolean(),
    fallback: is(false),
    text: boolean,
    environment: ['ENABLE_AGI'],
    write: 'true or false',
  }),
  'coordinator.path': setting({
    schema: path.nullable(),
    fallback: is(null),
    text: asIs,
    path: true,
    environment: ['COORDINATOR_PATH'],
    localagi: ['coordinator_integration', 'path'],
    write: 'the path of a folder',
  }),
  'coordinator.sync_interval': setting({
    schema: span.refine((ms) => ms >= 100, 'is shorter than 100ms'),
    fallback: is(30_000),
    text: asIs,
    localagi: ['coordinator_integration', 'sync_interval'],
    write: 'a duration with a unit of at least 100ms, such as 30s',
  }),
  'coordinator.feedback': setting({
    schema: z.boolean(),
    fallback: is(false),
    text: boolean,
    localagi: ['coordinator_integration', 'system_state_feedback'],
    write: 'true or false',
  }),
  'coordinator.mode': setting({
    schema: z
      .string()
      .regex(/^[\w-]{1,64}$/)
      .nullable(),
    fallback: is(null),
    text: asIs,
    environment: ['state_awareness_MODE'],
    write: 'one word, such as focused, exploratory or integrative',
  }),

  'monitoring.metrics_endpoint': setting({
    schema: httpUrl.nullable(),
    fallback: is(null),
    text: asIs,
    localagi: ['monitoring', 'metrics_endpoint'],
    write: 'the address of a Prometheus, such as http://prometheus:9090',
  }),
  'monitoring.log_aggregation': setting({
    schema: z.string().min(1).max(200).nullable(),
    fallback: is(null),
    text: asIs,
    localagi: ['monitoring', 'log_aggregation'],
    write: 'where logs go, such as loki',
  }),
  'monitoring.trace_sampling': setting({
    schema: z.number().min(0).max(1),
    fallback: is(0.1),
    text: number,
    localagi: ['monitoring', 'trace_sampling'],
    write: 'a share from 0 to 1',
  }),

  'stores.redis_url': setting({
    schema: serverUrl('redis:', 'rediss:').nullable(),
    fallback: is(null),
    text: asIs,
    environment: ['REDIS_URL'],
    write: 'an address such as redis://127.0.0.1:6379',
  }),
  'stores.postgres_url': setting({
    schema: serverUrl('postgresql:', 'postgres:').nullable(),
    fallback: is(null),
    text: asIs,
    environment: ['POSTGRES_URL'],
    write: 'an address such as postgresql://user@127.0.0.1:5432/quorate',
  }),
  'stores.vector_stores': setting({
    schema: z.array(vectorStore).min(1).max(10),
    fallback: is(['embedded']),
    text: words,
    environment: ['VECTOR_STORES'],
    write: `a list of ${vectorStores.join(', ')}; the first is the primary`,
  }),

  orchestration_patterns: setting({
    schema: z.array(pattern).max(1_000).superRefine(uniqueByName),
    fallback: is([]),
    text: null,
    localagi: ['orchestration_patterns'],
    write: 'a list of patterns, each with name, agents and mechanism',
  }),
  agent_categories: setting({
    schema: z.record(z.string().min(1).max(100), z.array(agentName).max(1_000)),
    fallback: is({}),
    text: null,
    localagi: ['agent_registry', 'categories'],
    write: 'a list of agent names for each category',
  }),
  agent_count: setting({
    schema: whole(0, 1_000_000).nullable(),
    fallback: is(null),
    text: number,
    environment: ['AGENT_COUNT'],
    localagi: ['agent_registry', 'total_agents'],
    write: 'a number, or nothing',
  }),
}

export type Settings = typeof settings
export type SettingKey = keyof Settings
/** The checked value of each setting. */
export type Values = { [K in SettingKey]: z.output<Settings[K]['schema']> }

export const settingKeys = Object.keys(settings) as SettingKey[]

/** `limits.body_bytes` → `QUORATE_LIMITS_BODY_BYTES`. */
export const ownVariable = (key: SettingKey): string => `QUORATE_${key.replaceAll('.', '_').toUpperCase()}`
