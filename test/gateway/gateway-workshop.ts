/** The real API, endpoint, model gateway and store, on a model host that stands in. */

import type { ModelAccess } from '../../src/agent-systems/agent-system.ts'
import { openDoor } from '../../src/api/stand-ins.ts'
import type { CallRules } from '../../src/gateway/attempt-calls.ts'
import type { AttemptAccess, ModelEndpoint } from '../../src/gateway/endpoint.ts'
import { openEndpoint } from '../../src/gateway/open-endpoint.ts'
import { openGateway } from '../../src/models/gateway.ts'
import type { Store } from '../../src/store/store.ts'
import type { Definition } from '../../src/workflow/definition.ts'
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

  return {
    url: door.url,
    host,
    store: door.store,
    log,
    attempt: async ({ run, task = 'work/one', attempt = 1, budget } = {}) => {
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
      const access = current().open({ run: id, task, attempt, agent: 'outsider', signal: abort.signal })
      const granted = await access.grant((text) => text.replaceAll('hunter2', '[secret]'))
      if (!granted.ok) throw new Error(granted.failure.message)
      return { ...granted.value, access, abort, run: id }
    },
    restart: () => {
      current().close()
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
