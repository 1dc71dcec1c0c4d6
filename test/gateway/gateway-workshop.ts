/** The real API, endpoint, model gateway and store, on a model host that stands in. */

import type { ModelAccess } from '../../src/agent-systems/agent-system.ts'
import { openDoor } from '../../src/api/stand-ins.ts'
import { nothing } from '../../src/budget/amounts.ts'
import { type AttemptLedger, attemptLedger } from '../../src/budget/attempt-ledger.ts'
import { newTree, openAccount, reserve, type Tree } from '../../src/budget/tree.ts'
import type { CallRules } from '../../src/gateway/attempt-calls.ts'
import type { AttemptAccess, ModelEndpoint } from '../../src/gateway/endpoint.ts'
import { openEndpoint } from '../../src/gateway/open-endpoint.ts'
import { openGateway } from '../../src/models/gateway.ts'
import type { AttemptObserver } from '../../src/progress/observer.ts'
import type { Store } from '../../src/store/store.ts'
import { limitsOf } from '../../src/workflow/budget.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import { RUN_ACCOUNT } from '../../src/workflow/run-budget.ts'
import { testConfiguration } from '../test-configuration.ts'
import { type HostStandIn, modelHostStandIn } from './model-host.stand-in.ts'

export type Opened = ModelAccess & { access: AttemptAccess; abort: AbortController; run: string }

export type Workshop = {
  url: string
  host: HostStandIn
  store: Store
  log: { fields: object; message: string }[]
  /** A run (with this budget), an attempt of its task, and its key. */
  attempt: (options?: {
    run?: string
    task?: string
    attempt?: number
    budget?: Definition['budget']
    observer?: AttemptObserver
    /** Asked in place of whatever the agent names. */
    model?: string
  }) => Promise<Opened>
  /** As after a crash: another start of the program on the same store. */
  restart: () => void
  close: () => Promise<void>
}

export const MODEL = 'standin/small'

/** @param options.host_url A host that runs elsewhere, for benches; then `host` is not used. */
export async function openWorkshop(
  options: { rules?: Partial<CallRules>; pace_ms?: number; host_url?: string } = {},
): Promise<Workshop> {
  const host = await modelHostStandIn(options)
  const configuration = testConfiguration('/tmp')
  const log: Workshop['log'] = []
  const note = (fields: object, message: string) => void log.push({ fields, message })
  const logger = { debug: note, info: note, warn: note, error: note }
  const setting = {
    name: 'standin',
    kind: 'openai_compatible' as const,
    url: options.host_url ?? host.url,
    api_key: null,
    concurrency: 200,
  }
  const gateway = await openGateway({
    configuration: {
      cache_dir: configuration.cache_dir,
      models: {
        ...configuration.models,
        hosts: [setting],
        default: MODEL,
        local: { ...configuration.models.local, enabled: false },
      },
    },
    logger,
    fetch,
    guarded_fetch: fetch,
    secret: () => ({ ok: false, failure: { kind: 'not_found', message: 'no secrets here' } }),
  })
  const rules: CallRules = { replay_calls: 'deterministic', record_bodies: true, ...options.rules }
  let clock = Date.now()
  const now = () => clock++
  let endpoint: ModelEndpoint | null = null
  const current = (): ModelEndpoint => endpoint as ModelEndpoint
  const begin = (store: Store): ModelEndpoint => openEndpoint({ gateway, store, rules, logger, now, version: '0.0.0' })
  const door = await openDoor({
    endpoint: (store) => {
      endpoint = begin(store)
      return {
        open: (attempt) => current().open(attempt),
        handle: (request) => current().handle(request),
        announce: (url) => current().announce(url),
        close: () => current().close(),
      }
    },
  })
  current().announce(door.url)
  let runs = 0
  /** As the runs themselves keep them: nothing is reserved for an attempt but what it asks for. */
  const trees = new Map<string, Tree>()
  const openLedger = (): AttemptLedger => {
    const made = attemptLedger(async () => null)
    for (const [run, tree] of trees) made.seen(run, () => tree)
    return made
  }
  let ledger = openLedger()

  return {
    url: door.url,
    host,
    store: door.store,
    log,
    attempt: async ({ run, task = 'work/one', attempt = 1, budget, observer, model } = {}) => {
      const id = run ?? `run_${++runs}`
      if (run === undefined) {
        const stored = await door.store.definitions.put(definition(budget), 'test', '')
        const started = await door.parts.context.runs.start({
          kind: 'workflow',
          goal: null,
          definition: stored.hash,
          inputs: {},
          by: 'test',
          run: id,
        })
        if (!started.ok) throw new Error(started.failure.message)
      }
      const abort = new AbortController()
      if (budget !== undefined) {
        const tree = newTree()
        openAccount(tree, RUN_ACCOUNT, { parent: null, limits: limitsOf(budget) })
        trees.set(id, tree)
        ledger.seen(id, () => tree)
      }
      const tree = trees.get(id)
      const hold = `${task}#${attempt}`
      if (tree !== undefined) reserve(tree, hold, RUN_ACCOUNT, nothing(), 'undo')
      const own = tree && { account: RUN_ACCOUNT, amounts: nothing(), purpose: 'work' as const, left: {} }
      const allowance = ledger.open({ run: id, hold, budget: own, outside: null, cost: () => null })
      const opened = current().open({
        run: id,
        task,
        attempt,
        agent: 'outsider',
        allowance,
        observer,
        model,
        signal: abort.signal,
      })
      const access: AttemptAccess = {
        ...opened,
        close: async (why) => {
          const used = await opened.close(why)
          allowance.close()
          return used
        },
      }
      const granted = await access.grant((text) => text.replaceAll('hunter2', '[secret]'))
      if (!granted.ok) throw new Error(granted.failure.message)
      return { ...granted.value, access, abort, run: id }
    },
    restart: () => {
      current().close()
      ledger = openLedger()
      endpoint = begin(door.store)
      endpoint.announce(door.url)
    },
    close: async () => {
      await gateway.close()
      await door.close()
      await host.close()
    },
  }
}

const definition = (budget: Definition['budget']): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'asked',
  ...(budget && { budget }),
  stages: [{ id: 'work', kind: 'tasks', tasks: [{ id: 'one', agent: 'outsider', instructions: 'Ask.' }] }],
})
