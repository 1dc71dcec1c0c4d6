/** Puts the configuration together: flags over environment over quorate.yaml over localagi-config.yaml over defaults. */
import { readFileSync, statSync } from 'node:fs'
import { availableParallelism, homedir } from 'node:os'
import { dirname, isAbsolute, resolve } from 'node:path'
import type { AgentInput } from '../agents/agent.ts'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import { nearest } from '../workflow/check-definition/nearest.ts'
import type { Configuration, ConfigurationSource } from './configuration.ts'
import { type Environment, otherVariables, readEnvironment, variable } from './environment.ts'
import { isLocalagiYaml, readLocalagiYaml } from './localagi-yaml.ts'
import { readQuorateYaml } from './quorate-yaml.ts'
import { absolutePath } from './secrets.ts'
import {
  type FlagName,
  type Machine,
  ownVariable,
  type Setting,
  type SettingKey,
  settingKeys,
  settings,
  type Values,
} from './settings.ts'
import { type FileSettings, plain, safeValue } from './settings-file.ts'
import { unreadWarnings } from './unread-settings.ts'

/** Flags as typed, by the name after `--`. `config` names a quorate.yaml or a localagi-config.yaml. */
export type Flags = { [K in FlagName | 'config']?: string | undefined }

const LARGEST_FILE_BYTES = 1_000_000

/** One layer that has something to say about a setting. */
type Layer = { source: ConfigurationSource; values: FileSettings['values']; base: string }

/**
 * The configuration in force. Every layer is checked, also where another wins over it; all problems come at once.
 * Relative paths count from `cwd`, or from the folder of the file that says them. Failures: `invalid_input`.
 */
export function loadConfiguration({
  flags,
  cwd,
  environment = readEnvironment(),
  machine = thisMachine(environment),
}: {
  flags: Flags
  cwd: string
  environment?: Environment
  machine?: Machine
}): Result<Configuration> {
  const problems: Failure[] = []
  const warnings: string[] = []
  const layers: Layer[] = [fromFlags(flags, cwd, problems), fromEnvironment(environment, cwd, problems, warnings)]

  const named = flags.config ?? variable(environment, 'QUORATE_CONFIG')
  const namedBy = flags.config === undefined ? 'QUORATE_CONFIG' : '--config'
  const files = {
    ours: 'quorate.yaml',
    theirs: variable(environment, 'QUORATE_LOCALAGI_CONFIG') ?? 'localagi-config.yaml',
  }
  const texts = { ours: readText(resolve(cwd, files.ours), files.ours, null, problems), theirs: '' as string | null }
  if (named !== undefined) {
    const text = readText(absolutePath(named, cwd, machine.home), named, namedBy, problems)
    if (text !== null && isLocalagiYaml(text)) files.theirs = named
    else {
      files.ours = named
      texts.ours = text
    }
  }
  const theirsNamed = variable(environment, 'QUORATE_LOCALAGI_CONFIG') === undefined ? null : 'QUORATE_LOCALAGI_CONFIG'
  texts.theirs = readText(absolutePath(files.theirs, cwd, machine.home), files.theirs, theirsNamed, problems)

  for (const [source, file, text, read] of [
    ['quorate.yaml', files.ours, texts.ours, readQuorateYaml],
    ['localagi-config.yaml', files.theirs, texts.theirs, readLocalagiYaml],
  ] as const) {
    if (text === null) continue
    const said = read(text, file)
    problems.push(...said.problems)
    warnings.push(...said.warnings)
    layers.push({ source, values: said.values, base: dirname(absolutePath(file, cwd, machine.home)) })
  }

  const [first] = problems
  if (first)
    return problems.length === 1
      ? { ok: false, failure: first }
      : fail('invalid_input', `${problems.length} settings are wrong; the first: ${first.message}`, {
          ...(first.remedy === undefined ? {} : { remedy: first.remedy }),
          ...(first.field === undefined ? {} : { field: first.field }),
          ...(first.value === undefined ? {} : { value: first.value }),
          ...(first.line === undefined ? {} : { line: first.line }),
          ...(first.column === undefined ? {} : { column: first.column }),
          problems,
        })
  return ok(assemble(layers, { cwd, machine, warnings }))
}

function fromFlags(flags: Flags, cwd: string, problems: Failure[]): Layer {
  const values: FileSettings['values'] = new Map()
  for (const key of settingKeys) {
    const { flag } = settings[key] as Setting
    const text = flag && flags[flag]
    if (flag && text !== undefined) fromText(key, text, `--${flag}`, values, problems)
  }
  return { source: 'flag', values, base: cwd }
}

function fromEnvironment(environment: Environment, cwd: string, problems: Failure[], warnings: string[]): Layer {
  const values: FileSettings['values'] = new Map()
  const known = new Set<string>(otherVariables)
  for (const key of settingKeys) {
    const { environment: names = [], text: convert } = settings[key] as Setting
    if (convert === null) continue
    known.add(ownVariable(key))
    // Ours last: it was set for Quorate alone, so it wins over a name that other programs read as well.
    for (const name of [...names, ownVariable(key)]) {
      const text = variable(environment, name)
      if (text !== undefined) fromText(key, text, name, values, problems)
    }
  }
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('QUORATE_') || known.has(name)) continue
    const [near] = nearest(name, known, 1)
    warnings.push(`the environment variable ${name} is not known to Quorate${near ? `; did you mean ${near}?` : ''}`)
  }
  return { source: 'environment', values, base: cwd }
}

function fromText(
  key: SettingKey,
  text: string,
  name: string,
  values: FileSettings['values'],
  problems: Failure[],
): void {
  const { schema, text: convert, write } = settings[key] as Setting
  const parsed = schema.safeParse(convert?.(text))
  if (parsed.success) values.set(key, { value: parsed.data, detail: name })
  else
    problems.push({
      kind: 'invalid_input',
      message: `${name} (setting ${key}): ${parsed.error.issues.map(plain).join('; ')}`,
      field: name,
      value: safeValue([key], text),
      remedy: `write ${write}`,
    })
}

/** Null when the file is not there and nobody named it. */
function readText(path: string, file: string, namedBy: string | null, problems: Failure[]): string | null {
  const wrong = (message: string, remedy: string) => {
    problems.push({
      kind: 'invalid_input',
      message: `${file}: ${message}`,
      field: namedBy ?? file,
      value: file,
      remedy,
    })
    return null
  }
  try {
    if (statSync(path).size > LARGEST_FILE_BYTES) return wrong('is larger than 1 MB', 'name a configuration file')
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path))
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' && namedBy === null) return null
    if (code === 'ENOENT')
      return wrong('there is no such file', `name an existing file with ${namedBy}, or leave it out`)
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA') return wrong('is not UTF-8 text', 'save the file as UTF-8')
    return wrong(`cannot be read (${code ?? 'unknown error'})`, 'make it a readable file')
  }
}

function assemble(
  layers: Layer[],
  { cwd, machine, warnings }: { cwd: string; machine: Machine; warnings: string[] },
): Configuration {
  const sources: Configuration['sources'] = {}
  const resolved = Object.fromEntries(
    settingKeys.map((key) => {
      const { fallback, path } = settings[key] as Setting
      const layer = layers.find(({ values }) => values.has(key))
      const said = layer?.values.get(key)
      sources[key] = layer && said ? { source: layer.source, detail: said.detail } : { source: 'default', detail: '' }
      const value = said ? said.value : fallback(machine)
      return [key, path && typeof value === 'string' ? absolutePath(value, layer?.base ?? cwd, machine.home) : value]
    }),
  )
  const v = resolved as Values
  warnings.push(...unreadWarnings(sources, resolved, machine))
  if (!['127.0.0.1', 'localhost', '::1'].includes(v.host))
    warnings.push(
      v.authentication === 'off'
        ? `Quorate is to listen on ${v.host}: whoever can reach that address could start runs and commands on this machine`
        : `Quorate listens on ${v.host} without TLS: keys cross the network readable; put a proxy with TLS before it`,
    )
  return {
    host: v.host,
    port: v.port,
    authentication: v.authentication,
    data_dir: v.data_dir,
    cache_dir: v.cache_dir,
    namespace: v.namespace,
    log_level: v.log_level,
    limits: {
      max_parallel_workflows: v['limits.max_parallel_workflows'],
      agent_pool_size: v['limits.agent_pool_size'],
      body_bytes: v['limits.body_bytes'],
      goal_characters: v['limits.goal_characters'],
      json_depth: v['limits.json_depth'],
      agents: v['limits.agents'],
      queued_runs: v['limits.queued_runs'],
    },
    models: {
      default: v['models.default'],
      hosts: v['models.hosts'],
      ollama_url: v['models.ollama_url'],
      local: {
        enabled: v['models.local.enabled'],
        model: v['models.local.model'],
        path: v['models.local.path'],
        threads: v['models.local.threads'],
        context_tokens: v['models.local.context_tokens'],
        hub: v['models.local.hub'],
      },
    },
    budgets: {
      total: v['budgets.total'],
      daily: v['budgets.daily'],
      agents_daily: v['budgets.agents_daily'],
      model_hosts_daily: v['budgets.model_hosts_daily'],
      prices: v['budgets.prices'],
    },
    gateway: { replay_calls: v['gateway.replay_calls'], record_bodies: v['gateway.record_bodies'] },
    progress: { silence_ms: v['progress.silence'], lease_ms: v['progress.lease'] },
    outbound: { allow: v['outbound.allow'] },
    work_folders: v.work_folders.map((folder) =>
      absolutePath(folder, layers.find(({ values }) => values.has('work_folders'))?.base ?? cwd, machine.home),
    ),
    decision_timeout_ms: v.decision_timeout,
    consensus_threshold: v.consensus_threshold,
    agents: v.agents.map((agent) =>
      withOwnFiles(agent, layers.find(({ values }) => values.has('agents'))?.base ?? cwd),
    ),
    default_agents: v.default_agents,
    coordinator: {
      enabled: v['coordinator.enabled'],
      path: v['coordinator.path'],
      sync_interval_ms: v['coordinator.sync_interval'],
      feedback: v['coordinator.feedback'],
      mode: v['coordinator.mode'],
    },
    monitoring: {
      metrics_endpoint: v['monitoring.metrics_endpoint'],
      log_aggregation: v['monitoring.log_aggregation'],
      trace_sampling: v['monitoring.trace_sampling'],
    },
    stores: {
      redis_url: v['stores.redis_url'],
      postgres_url: v['stores.postgres_url'],
      vector_stores: v['stores.vector_stores'],
    },
    orchestration_patterns: v.orchestration_patterns,
    agent_categories: v.agent_categories,
    agent_count: v.agent_count,
    warnings,
    sources,
  }
}

/** Programs and scripts that stand beside the file are named from its folder: a command itself works elsewhere. */
function withOwnFiles(agent: AgentInput, base: string): AgentInput {
  const { command } = agent.settings
  if (agent.system !== 'command' || !Array.isArray(command)) return agent
  const own = command.map((part) => (typeof part === 'string' && /^\.\.?\//.test(part) ? resolve(base, part) : part))
  return { ...agent, settings: { ...agent.settings, command: own } }
}

function thisMachine(environment: Environment): Machine {
  const xdg = variable(environment, 'XDG_CACHE_HOME')
  // A relative XDG path is invalid by its specification, and ignored.
  return { cores: availableParallelism(), home: homedir(), xdg_cache_home: xdg && isAbsolute(xdg) ? xdg : null }
}
