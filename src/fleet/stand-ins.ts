/** For tests: a fleet on a real store with stand-ins for the outside systems, and a clock that the test moves. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { z } from 'zod'
import type { AgentHandle, AgentSystem, AgentTask, PerformContext, Performed } from '../agent-systems/agent-system.ts'
import { type AgentInput, agentInput } from '../agents/agent.ts'
import { ok, type Result } from '../failure.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import { openStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { EffectClass } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import type { Attempt } from './fleet.ts'
import type { Logger } from './member.ts'
import { type FleetParts, type OpenFleet, openFleet } from './open-fleet.ts'

let opened = 1

export const performed = (output: Json): Performed => ({
  output,
  usage: { input_tokens: 1, output_tokens: 1, calls: 1 },
  model: null,
})

/** Lets everything that can go on without time passing do so. */
export const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Waits for a condition, never for time; a condition that does not come true fails the test by its own time-out. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await turn()
}

export type Call = {
  task: AgentTask
  context: PerformContext
  end: (result: Result<Performed>) => void
  settings: { [name: string]: Json }
}

/**
 * Stands in for an outside agent system. `perform` answers by itself, or with `held: true` each call waits in `calls`
 * until the test ends it or its signal aborts.
 */
export function standIn(
  name: string,
  of: {
    perform?: (task: AgentTask, context: PerformContext) => Promise<Result<Performed>>
    held?: boolean
    reconcile?: AgentHandle['reconcile']
    check?: AgentHandle['check']
    effect?: EffectClass
    quick?: boolean
    host?: string
    open?: AgentSystem['open']
  } = {},
) {
  const calls: Call[] = []
  const closed: { [name: string]: Json }[] = []
  const settingsOf = z.strictObject({ style: z.string().max(10).optional() })
  const system: AgentSystem<z.infer<typeof settingsOf>> = {
    contract: 'agent-system-v1',
    name,
    title: `stand-in ${name}`,
    settings: settingsOf,
    effect: () => of.effect ?? 'pure',
    quick: of.quick ?? false,
    open: (settings) =>
      ok({
        host: of.host ?? name,
        check: of.check ?? (async () => ({ ok: true, detail: 'here' })),
        perform: (task, context) => {
          if (!of.held) return (of.perform ?? (async () => ok(performed('done'))))(task, context)
          return new Promise((resolve) => {
            calls.push({ task, context, end: resolve, settings: settings as { [name: string]: Json } })
            context.signal.addEventListener('abort', () =>
              resolve({ ok: false, failure: { kind: 'cancelled', message: 'stopped' } }),
            )
          })
        },
        ...(of.reconcile === undefined ? {} : { reconcile: of.reconcile }),
        close: async () => {
          closed.push(settings as { [name: string]: Json })
        },
      }),
  }
  return { system: { ...system, ...(of.open === undefined ? {} : { open: of.open }) } as AgentSystem, calls, closed }
}

export const agent = (name: string, system: string, more: Partial<AgentInput> = {}): AgentInput =>
  agentInput.parse({ name, system, capabilities: ['writing'], ...more })

export const attempt = (task: string, more: Partial<Attempt> = {}): Attempt => ({
  run: 'run_1',
  task,
  attempt: 1,
  agent: null,
  capability: 'writing',
  fallback: [],
  excluded: [],
  instructions: 'write',
  input: {},
  output_schema: null,
  effect: null,
  timeout_ms: null,
  max_output_tokens: null,
  goal: null,
  repeated: false,
  ...more,
})

export async function testStore(t: TestContext): Promise<Store> {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-fleet-'))
  const store = await openStore({ data_dir, namespace: 'default', now: () => 0 })
  if (!store.ok) throw new Error(store.failure.message)
  t.after(async () => {
    await store.value.close()
    await rm(data_dir, { recursive: true, force: true })
  })
  return store.value
}

export type TestFleet = {
  fleet: OpenFleet
  store: Store
  clock: { now: number }
  log: string[]
  perform: (of: Attempt) => ReturnType<OpenFleet['perform']>
}

/** Opens a fleet; fails the test when it does not open. */
export async function testFleet(
  t: TestContext,
  systems: { system: AgentSystem }[],
  of: {
    agents?: AgentInput[]
    file?: AgentInput[]
    store?: Store
    pool?: number
    limit?: number
    defaults?: boolean
    silence_ms?: number
    endpoint?: ModelEndpoint
  } = {},
): Promise<TestFleet> {
  const store = of.store ?? (await testStore(t))
  const { parts, clock, log } = fleetParts(store, systems, of)
  const opened = await openFleet({ ...parts, ...(of.endpoint && { endpoint: of.endpoint }) })
  if (!opened.ok) throw new Error(JSON.stringify(opened.failure))
  const fleet = opened.value
  t.after(() => fleet.close())
  for (const each of of.agents ?? []) {
    const added = await fleet.add(each, 'api')
    if (!added.ok) throw new Error(added.failure.message)
  }
  return { fleet, store, clock, log, perform: (each) => fleet.perform(each, { signal: new AbortController().signal }) }
}

export function fleetParts(
  store: Store,
  systems: { system: AgentSystem }[],
  of: { file?: AgentInput[]; pool?: number; limit?: number; defaults?: boolean; silence_ms?: number } = {},
): { parts: FleetParts; clock: { now: number }; log: string[] } {
  const clock = { now: 1_700_000_000_000 }
  const log: string[] = []
  const note = (level: string) => (fields: object, message: string) => {
    log.push(`${level} ${message} ${JSON.stringify(fields)}`)
  }
  const logger: Logger = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') }
  const parts: FleetParts = {
    configuration: {
      limits: {
        max_parallel_workflows: 20,
        agent_pool_size: of.pool ?? 100,
        body_bytes: 1,
        goal_characters: 1,
        json_depth: 1,
        agents: of.limit ?? 500,
        queued_runs: 1,
      },
      models: {
        default: null,
        hosts: [],
        ollama_url: '',
        local: { enabled: false, model: null, path: null, threads: 1, context_tokens: 1, hub: false },
      },
      agents: of.file ?? [],
      default_agents: of.defaults ?? false,
      progress: { silence_ms: of.silence_ms ?? 120_000, lease_ms: 60_000 },
    },
    store,
    gateway: {} as ModelGateway,
    systems: new Map(systems.map(({ system }) => [system.name, system])),
    context: { fetch, secret: () => ok(''), work_dir: '' },
    logger,
    now: () => clock.now,
    random: dice(opened++),
  }
  return { parts, clock, log }
}

/** Numerical Recipes' linear congruential generator: the same numbers in each test. */
function dice(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
