/** Quorate inside this process: engine, store, agents and API, stopped with it. */
import { pino } from 'pino'
import type { AgentTask } from '../agent-systems/agent-system.ts'
import { createFunctions } from '../agent-systems/function/function.ts'
import { createClient } from '../cli/client.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import type { Logger } from '../durable/logger.ts'
import { excerpt } from '../failure.ts'
import { startQuorate } from '../main.ts'
import { newSecret } from '../operations/key-secret.ts'
import type { Json } from '../workflow/value.ts'
import { type Quorate, quorateAt } from './connect.ts'
import type { DefinedAgent, FunctionContext } from './define-agent.ts'
import { orThrow, QuorateError } from './quorate-error.ts'

/** How to open an embedded Quorate. Everything has a default. */
export type OpenOptions = {
  /** Path of a quorate.yaml or localagi-config.yaml; by default those of the current folder, if there are any. */
  config?: string
  /** Where everything is kept (default `.quorate`): runs go on from there at the next start. */
  data_dir?: string
  /** Port of the API on 127.0.0.1 (default: any free one). */
  port?: number
  /** Agents besides those of the configuration; one of the same name takes the other's place. */
  agents?: readonly DefinedAgent[]
  /** Functions that agents of the configuration name: `system: function`, `settings: {function: NAME}`. */
  functions?: { [name: string]: (task: AgentTask, context: FunctionContext) => Json | Promise<Json> }
  /** False: no default agents, and no model is fetched or started (default true). */
  models?: boolean
  /** Where the log goes (default: warnings and errors, as JSON lines, to standard error). */
  logger?: Logger
}

/**
 * Opens Quorate in this process. Needs Node.js 24. One process at a time may use a data directory.
 * @throws QuorateError `invalid_input` for a wrong setting, `conflict` when the data directory or port is taken.
 */
export async function openQuorate(options: OpenOptions = {}): Promise<Quorate> {
  const { agents = [], functions: named = {}, logger = standardError() } = options
  const configuration = configure(options, agents)
  const functions = createFunctions()
  for (const [name, perform] of Object.entries(named)) functions.register(name, perform)
  for (const { name, perform } of agents) if (perform) functions.register(name, perform)
  const key = newSecret()
  const quorate = orThrow(await startQuorate(configuration, { logger, functions, own_key: key }))
  return quorateAt(createClient({ server: quorate.url, fetch, key }), quorate.close)
}

function configure(
  { config, data_dir, port = 0, models = true }: OpenOptions,
  agents: readonly DefinedAgent[],
): Configuration {
  const flags = { config, data: data_dir, port: String(port) }
  const configuration = orThrow(loadConfiguration({ flags, cwd: process.cwd() }))
  const names = new Set(agents.map(({ name }) => name))
  if (names.size < agents.length) {
    const twice = agents.find(({ name }, i) => agents.findIndex((other) => other.name === name) < i)?.name ?? ''
    throw new QuorateError({
      kind: 'conflict',
      message: `two agents have the name ${excerpt(twice)}`,
      field: 'agents',
      remedy: 'give each agent a name of its own',
    })
  }
  return {
    ...configuration,
    agents: [...configuration.agents.filter(({ name }) => !names.has(name)), ...agents.map(({ agent }) => agent)],
    ...(models
      ? {}
      : {
          default_agents: false,
          models: { ...configuration.models, local: { ...configuration.models.local, enabled: false } },
        }),
  }
}

const standardError = (): Logger => pino({ level: 'warn', base: null }, pino.destination({ dest: 2, sync: true }))
