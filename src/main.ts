/** Puts the parts together. Nothing imports this but the command line, the library and tests. */
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Agent, fetch as undiciFetch } from 'undici'
import { agentSystemsWith } from './agent-systems/all.ts'
import { createFunctions, type Functions } from './agent-systems/function/function.ts'
import { guardedFetch } from './agent-systems/outbound-guard.ts'
import { openApi } from './api/server.ts'
import type { Configuration } from './configuration/configuration.ts'
import { resolveSecret } from './configuration/secrets.ts'
import type { Logger } from './durable/logger.ts'
import { type DurableRuns, openShell, startEmbeddedEngine } from './durable/shell.ts'
import { ok, type Result } from './failure.ts'
import { budgetedPlanner } from './fleet/budgeted-planner.ts'
import { type OpenFleet, openFleet } from './fleet/open-fleet.ts'
import { openOutsideBudgets } from './fleet/outside-budgets.ts'
import { openEndpoint } from './gateway/open-endpoint.ts'
import { lockInstance } from './instance-lock.ts'
import { openGateway } from './models/gateway.ts'
import type { FetchProgress } from './models/hosts/local/fetch-options.ts'
import type { HostInfo, ModelGateway } from './models/model-gateway.ts'
import { operations } from './operations/all.ts'
import { openPlanner } from './planning/propose-plan.ts'
import { templates } from './planning/templates.ts'
import { openStore } from './store/sqlite.ts'
import type { Store } from './store/store.ts'
import { VERSION } from './version.ts'
import { checkDefinition } from './workflow/check-definition/check-definition.ts'

export type Quorate = {
  url: string
  /** What runs where, which agents and models were found, and what to do next: a few lines for a person. */
  summary: string[]
  store: Store
  fleet: OpenFleet
  gateway: ModelGateway
  runs: DurableRuns
  /** Stops everything in order; leaves no process. Also called twice, it stops once. */
  close: () => Promise<void>
  closed: Promise<void>
}

export type StartOptions = {
  logger: Logger
  /** Where the start says what it is doing; `progress` is a line that the next one replaces, null ends it. */
  output?: { line: (text: string) => void; progress: (text: string | null) => void }
  /** Functions that agents of the system `function` may name. */
  functions?: Functions
  /** Fault injection: stands between the program and its store. */
  around_store?: (store: Store) => Store
  /** A key that this process alone knows, for clients inside it. */
  own_key?: string
}

export async function startQuorate(configuration: Configuration, options: StartOptions): Promise<Result<Quorate>> {
  const { logger, output, functions = createFunctions() } = options
  const now = (): number => Date.now()
  const started_at = now()
  const lock = await lockInstance(configuration.data_dir)
  if (!lock.ok) return lock
  /** What has been opened so far, to be closed in the reverse order. */
  const opened: (() => Promise<unknown>)[] = [lock.value.release]
  const closeAll = async (): Promise<void> => {
    for (const close of opened.splice(0).reverse())
      await close().catch((error: unknown) => logger.error({ error: String(error) }, 'closing failed'))
  }
  const give = async <T>(result: Result<T>): Promise<Result<T>> => {
    if (!result.ok) await closeAll()
    return result
  }

  // The engine takes half a second to come up: it does so while the other parts are opened.
  const engine = startEmbeddedEngine(configuration, logger)
  const stopEngine = async (): Promise<void> => {
    const started = await engine
    if (started.ok) await started.value.stop()
  }
  opened.push(stopEngine)
  const plain = await give(
    await openStore({
      data_dir: configuration.data_dir,
      namespace: configuration.namespace,
      now,
      event_thread: true,
      on_damage: ({ message, value, remedy }) => logger.error({ file: value, remedy }, message),
    }),
  )
  if (!plain.ok) return plain
  opened.push(() => plain.value.close())
  const store = options.around_store?.(plain.value) ?? plain.value

  const fetch = guardedFetch({ allow: configuration.outbound.allow })
  const secret = (reference: string): Result<string> => resolveSecret(reference)
  const gateway = await openGateway({
    configuration,
    logger,
    fetch: patientFetch(),
    guarded_fetch: fetch,
    secret,
    on_progress: (progress) => output?.progress(fetchText(progress)),
  })
  opened.push(() => gateway.close())
  const endpoint = openEndpoint({
    gateway,
    store,
    rules: configuration.gateway,
    logger,
    now,
    version: VERSION,
  })
  opened.push(async () => endpoint.close())

  const work_dir = join(configuration.data_dir, 'work')
  await mkdir(work_dir, { recursive: true, mode: 0o700 })
  const budgets = openOutsideBudgets({
    configuration,
    store,
    owner: randomUUID(),
    now,
    logger,
    own_host: () => gateway.default_model().id?.split('/', 1)[0] ?? null,
  })
  const fleet = await give(
    await openFleet({
      configuration,
      store,
      gateway,
      endpoint,
      systems: agentSystemsWith(functions),
      context: { fetch, secret, work_dir, work_folders: configuration.work_folders },
      logger,
      budgets,
      now,
      random: Math.random,
    }),
  )
  if (!fleet.ok) return fleet
  opened.push(() => fleet.value.close())

  const planner = openPlanner({
    gateway,
    now,
    // What a planned stage of kind run may start.
    definitions: () => templates().map(({ name }) => name),
    check: (definition) => {
      const checked = checkDefinition(definition, { capabilities: Object.keys(fleet.value.capabilities()) })
      return checked.ok ? [] : checked.problems
    },
  })

  const runs = await give(
    await openShell({
      configuration,
      store,
      fleet: fleet.value,
      planner,
      budgets,
      logger,
      now,
      version: VERSION,
      engine,
    }),
  )
  if (!runs.ok) return runs
  // From here on the shell stops its engine itself, in its own order.
  opened.splice(opened.indexOf(stopEngine), 1)
  opened.push(() => runs.value.close())

  const context = {
    configuration,
    store,
    runs: runs.value,
    fleet: fleet.value,
    gateway,
    planner: budgetedPlanner(planner, budgets),
    version: VERSION,
    started_at,
    now,
  }
  const api = await give(
    await openApi({
      operations,
      context,
      logger,
      endpoint,
      own_key: options.own_key,
      console_dir: join(import.meta.dirname, '..', 'console', 'dist'),
    }),
  )
  if (!api.ok) return api
  opened.push(() => api.value.close())
  endpoint.announce(api.value.url)
  lock.value.announce(`answers at ${api.value.url}`)

  await Promise.race([
    gateway.ready(),
    new Promise((resolve) => setTimeout(resolve, LONGEST_WAIT_FOR_MODELS_MS).unref()),
  ])
  void fleet.value
    .check_all(AbortSignal.timeout(60_000))
    .catch((error: unknown) => logger.warn({ error: String(error) }, 'the first health check failed'))

  let finish = (): void => undefined
  const closed = new Promise<void>((resolve) => {
    finish = resolve
  })
  let closing: Promise<void> | null = null
  return ok({
    url: api.value.url,
    summary: await summarise(api.value.url, configuration, fleet.value, gateway, runs.value),
    store,
    fleet: fleet.value,
    gateway,
    runs: runs.value,
    close: () => {
      closing ??= closeAll().then(finish)
      return closing
    },
    closed,
  })
}

/** A model server that answers slowly must not hold up the start; the model is used as soon as it is there. */
const LONGEST_WAIT_FOR_MODELS_MS = 1_500

/** For model servers that a person configured: a CPU may think about a long prompt for many minutes before its first byte. */
function patientFetch(): typeof fetch {
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 })
  return ((input: string, init?: object) => undiciFetch(input, { ...init, dispatcher })) as unknown as typeof fetch
}

function fetchText({ what, received, total }: FetchProgress): string | null {
  const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`
  if (total === null) return `fetching ${what}: ${megabytes(received)}`
  if (received >= total) return null
  const share = received / total
  const bar = '#'.repeat(Math.round(share * 24)).padEnd(24, '.')
  return `fetching ${what} [${bar}] ${Math.floor(share * 100)} % of ${megabytes(total)}`
}

async function summarise(
  url: string,
  configuration: Configuration,
  fleet: OpenFleet,
  gateway: ModelGateway,
  runs: DurableRuns,
): Promise<string[]> {
  const hosts: HostInfo[] = await gateway.hosts()
  const models = hosts.flatMap((host) => host.models.map((model) => model.id))
  const main = gateway.default_model()
  const agents = await fleet.list()
  const waiting = runs.queue()
  return [
    `Quorate ${VERSION} is ready at ${url}  (a console in the browser; API docs: ${url}/docs)`,
    `  data    ${configuration.data_dir}${waiting.executing + waiting.queued > 0 ? `, ${waiting.executing + waiting.queued} runs go on` : ''}`,
    `  engine  Restate, process ${runs.engine_pid()}, unix sockets only`,
    `  models  ${models.length === 0 ? 'none yet' : models.slice(0, 6).join(', ')}${models.length > 6 ? ` and ${models.length - 6} more` : ''}${main.id === null ? ` (${main.reason})` : `; the manager's own is ${main.id}`}`,
    `  agents  ${
      agents.length === 0
        ? 'none'
        : agents
            .map((agent) => agent.name)
            .slice(0, 12)
            .join(', ')
    }${agents.length > 12 ? ` and ${agents.length - 12} more` : ''}`,
    '',
    'Try in another terminal:',
    '  npx quorate run "Compare three ways to store events and recommend one"',
    `  curl -X POST ${url}/create_workflow -d '{"goal": "Achieve performance optimization"}'`,
    'Ctrl-C stops everything; a second start goes on where this one stopped.',
  ]
}
