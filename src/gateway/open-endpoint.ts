/** The gateway's endpoint: keys for attempts, and requests in two dialects that go to the one model gateway. */
import { randomUUID } from 'node:crypto'
import type { ModelAccess } from '../agent-systems/agent-system.ts'
import { unbounded } from '../budget/allowance.ts'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { Store } from '../store/store.ts'
import type { Usage } from '../workflow/event.ts'
import { type AttemptCalls, attemptCalls, type CallRules } from './attempt-calls.ts'
import type { AttemptAccess, AttemptOf, EndpointRequest, ModelEndpoint } from './endpoint.ts'
import type { Holder } from './metered-call.ts'
import { meteredGateway } from './metered-gateway.ts'
import { ollamaDialect } from './ollama/dialect.ts'
import { openAiDialect } from './openai/dialect.ts'
import { KEY_PATTERN, taskKeys } from './task-keys.ts'

export type EndpointOptions = {
  gateway: ModelGateway
  store: Pick<Store, 'model_calls' | 'blobs'>
  rules: CallRules
  logger: { warn: (fields: object, message: string) => void }
  now: () => number
  version: string
}

/** Where the endpoint is below the address of the API. */
export const GATEWAY_PATH = '/gateway'

export function openEndpoint({ gateway, store, rules, logger, now, version }: EndpointOptions): ModelEndpoint {
  const since = now()
  const keys = taskKeys<Holder>()
  const address = Promise.withResolvers<string>()
  // Nobody may be waiting when it is closed.
  address.promise.catch(() => {})
  const openai = openAiDialect(gateway, now)
  const dialects = [openai, ollamaDialect(gateway, version, now)]

  return {
    announce: (url) => address.resolve(`${url}${GATEWAY_PATH}`),
    close: () => address.reject(new Error('closed')),
    open: (attempt) => openAccess(attempt),
    handle: async (request) => {
      const { path, key } = partsOf(request)
      const dialect = dialects.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))
      // Nobody knows the dialect of a stranger: most clients speak OpenAI's.
      const { answer, refuse } = dialect ?? openai
      const holder = keys.holder(key)
      if (!holder.ok) return refuse(holder.failure, 401)
      if (dialect === undefined) return refuse(nothingAt(path), 404)
      return answer({ ...request, path: path.slice(dialect.prefix.length) }, holder.value)
    },
  }

  function openAccess(attempt: AttemptOf): AttemptAccess {
    let granted: Promise<Result<Granted>> | null = null
    const within = meteredGateway(gateway, attempt.allowance)
    return {
      complete: within.complete,
      grant: async (hide) => {
        granted ??= mint(attempt, hide).catch((error: unknown) => {
          logger.warn({ run: attempt.run, task: attempt.task, error: String(error) }, 'no key for a task')
          return fail('unavailable', 'no key to the models can be given: the store does not answer', {
            retry_after_s: 5,
          })
        })
        const result = await granted
        return result.ok ? ok(result.value.access) : result
      },
      close: async (why) => {
        const result = await granted
        const outside = result?.ok ? await result.value.end(why) : null
        // An agent of this process asks its models itself, one outside by the key; none does both.
        return outside ?? within.used()
      },
    }
  }

  type Granted = { access: ModelAccess; end: (why: string) => Promise<Usage | null> }

  async function mint(
    { run, task, attempt, agent, allowance = unbounded, observer, model, signal }: AttemptOf,
    hide: (text: string) => string,
  ): Promise<Result<Granted>> {
    const url = await Promise.race([address.promise.catch(() => null), aborted(signal)])
    if (url === null) return fail('cancelled', 'the attempt ended before the gateway could be reached')
    const access = randomUUID()
    const ends = new AbortController()
    const forward = (): void => ends.abort()
    signal.addEventListener('abort', forward, { once: true })
    if (signal.aborted) forward()
    let own_key = ''
    const hidden = (text: string): string => hide(text.replaceAll(own_key, '[secret]'))
    const calls: AttemptCalls = await attemptCalls({
      of: { run, task, attempt, agent, access },
      store,
      rules,
      hide: hidden,
      now,
      since,
      cost: allowance.cost,
      lost: (error) => logger.warn({ run, task, error: String(error) }, 'a model call could not be recorded'),
    })
    allowance.charge(calls.before)
    const holder: Holder = { run, task, agent, allowance, calls, observer, model, signal: ends.signal }
    const { key, revoke } = keys.mint(holder)
    own_key = key
    observer?.granted(hidden)
    return ok({
      access: { key, openai_url: `${url}/v1`, ollama_url: `${url}/${key}` },
      end: async (why) => {
        revoke(why)
        ends.abort()
        signal.removeEventListener('abort', forward)
        await calls.close()
        return calls.sum()
      },
    })
  }
}

/** The key stands in the header, or is the first part of the path. The one in the path wins: a client may send one of its own. */
function partsOf({ path, authorization }: EndpointRequest): { path: string; key: string | null } {
  const [, first = '', rest = ''] = /^\/([^/]*)(.*)$/s.exec(path) ?? []
  if (KEY_PATTERN.test(first)) return { path: rest, key: first }
  return { path, key: /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? null }
}

const nothingAt = (path: string): Failure => ({
  kind: 'not_found',
  message: `There is nothing at ${excerpt(path, 100)}.`,
  field: 'path',
  remedy: 'The dialects are at /gateway/v1 (OpenAI) and /gateway/api (Ollama).',
})

const aborted = (signal: AbortSignal): Promise<null> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(null)
    signal.addEventListener('abort', () => resolve(null), { once: true })
  })
