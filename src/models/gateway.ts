/**
 * The model gateway in process: finds the hosts, resolves names, bounds, joins, checks and counts calls.
 *
 * Invariants:
 * 1. Opening never waits for a host and never fails for lack of one; what waits is the first call.
 * 2. A host has at most its number of places in use, and {@link WAITING_LIMIT} calls waiting.
 * 3. An answer to a call with a schema satisfies the whole schema, whatever the host could enforce.
 * 4. Only calls at temperature 0 are joined: samples are meant to differ.
 * 5. A call that has returned has no outside work running, unless others wait for the same work.
 */
import type { Configuration, ModelHostSetting } from '../configuration/configuration.ts'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'
import { answerSchema } from './answer-schema.ts'
import { type CallStatistics, callCounter } from './call-statistics.ts'
import { hostCalls } from './host-calls.ts'
import type { FetchProgress } from './hosts/local/fetch-options.ts'
import { localHost } from './hosts/local/local.ts'
import { ollamaHost } from './hosts/ollama.ts'
import { openAiCompatibleHost } from './hosts/openai-compatible.ts'
import { joinedCalls } from './joined-calls.ts'
import type {
  EmbeddingAnswer,
  EmbeddingRequest,
  HostInfo,
  ModelAnswer,
  ModelGateway,
  ModelProgress,
  ModelRequest,
} from './model-gateway.ts'
import {
  endedBy,
  type HostAnswer,
  type HostModel,
  type HostRequest,
  type Logger,
  type ModelHost,
} from './model-host.ts'
import { type PlaceQueue, placeQueue } from './place-queue.ts'
import { bestModel, resolveName, type Target } from './resolve-model.ts'

/** Looking at a host must not hold up a start; a server on this machine answers in milliseconds. */
const PROBE_MS = 2_000
const PROBE_AGAIN_MS = 15_000
/** A host that streams nothing for this long after its first token is taken for stuck. */
const STALL_MS = 120_000
/** Ollama queues by itself (OLLAMA_NUM_PARALLEL is 1 by default); the second call saves the way there and back. */
const OLLAMA_PLACES = 2
const ADDED_HOSTS = 256

export type GatewayOptions = {
  configuration: Pick<Configuration, 'cache_dir' | 'models'>
  logger: Logger
  /**
   * For hosts that the person configured. Its dispatcher must not limit the time to headers nor between pieces
   * (undici: 300 s each): a server on a CPU may evaluate a prompt for longer before it sends anything.
   */
  fetch: typeof fetch
  /** For hosts that agents name for themselves: with the outbound guard. */
  guarded_fetch: typeof fetch
  /** Reads `env:NAME` and `file:PATH`. */
  secret: (reference: string) => Result<string>
  /** The download of the local model. */
  on_progress?: (progress: FetchProgress) => void
  /** For tests. */
  hub_url?: string
  stall_ms?: number
}

export type Gateway = ModelGateway & {
  /** Resolves when each host has been looked at once, or did not answer in time; for what a start prints. */
  ready: () => Promise<void>
  stats: () => CallStatistics[]
  add_host: NonNullable<ModelGateway['add_host']>
  embed: NonNullable<ModelGateway['embed']>
  other_model: NonNullable<ModelGateway['other_model']>
}

type Entry = {
  host: ModelHost
  queue: PlaceQueue
  /** As last seen; kept while a host is down, so that its models do not change meaning in the meantime. */
  models: HostModel[]
  ok: boolean
  detail: string
  probe: Promise<void> | null
  /** By {@link ModelGateway.add_host}. */
  added: boolean
}

export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const { configuration, logger } = options
  const { models: settings, cache_dir } = configuration
  const entries: Entry[] = []
  const added_names = new Map<string, string>()
  const counter = callCounter()
  const joined = joinedCalls()
  const calls = new Set<AbortController>()
  const closing = new AbortController()

  const enter = (host: ModelHost, places: number, added = false): Entry => {
    const detail = host.kind === 'local' ? 'not needed while another host has models' : 'not asked yet'
    const entry: Entry = { host, queue: placeQueue(places), models: [], ok: false, detail, probe: null, added }
    entries.push(entry)
    return entry
  }

  const freeName = (wish: string): string => {
    let name = wish
    for (let n = 2; entries.some(({ host }) => host.name === name); n += 1) name = `${wish}-${n}`
    return name
  }

  const hostOf = (setting: ModelHostSetting, name: string, fetch_: typeof fetch): Result<ModelHost> => {
    const key = setting.api_key === null ? ok(null) : options.secret(setting.api_key)
    if (!key.ok) return key
    if (!URL.canParse(setting.url)) {
      return fail('invalid_input', `"${excerpt(setting.url)}" is not an address.`, { field: 'url', value: setting.url })
    }
    const wire = { name, url: setting.url, api_key: key.value, fetch: fetch_ }
    const context_tokens = settings.local.context_tokens
    return ok(setting.kind === 'ollama' ? ollamaHost({ ...wire, context_tokens }) : openAiCompatibleHost(wire))
  }

  /** Asks a host for its models; those who ask meanwhile share the answer. */
  const look = (entry: Entry): Promise<void> => {
    entry.probe ??= (async () => {
      const signal = AbortSignal.any([AbortSignal.timeout(PROBE_MS), closing.signal])
      const seen = await entry.host.list(signal)
      const was_ok = entry.ok
      entry.ok = seen.ok
      entry.detail = seen.ok ? seen.value.detail : seen.failure.message
      if (seen.ok) entry.models = seen.value.models
      else if (entry.host.kind === 'local') entry.models = []
      if (entry.ok !== was_ok) logger.info({ host: entry.host.name, ok: entry.ok }, entry.detail)
    })().finally(() => {
      entry.probe = null
    })
    return entry.probe
  }

  const servers = () => entries.filter(({ host }) => host.kind !== 'local')
  const local = () => entries.find(({ host }) => host.kind === 'local')

  /** The local model is chosen and fetched only when nobody else has one, or the person asked for it. */
  const wantsLocal = () => {
    const { path, model } = settings.local
    if (path !== null || model !== null) return true
    const configured = seen().filter(({ kind }) => kind !== 'local')
    if (settings.default !== null) return !resolveName(configured, settings.default).ok
    return configured.every(({ models }) => models.length === 0)
  }

  const lookAtAll = async (which: (entry: Entry) => boolean): Promise<void> => {
    await Promise.all(servers().filter(which).map(look))
    const own = local()
    if (own && which(own) && wantsLocal()) await look(own)
  }

  /** What an agent brought along is used by its full name only: it must not become the model of anybody else. */
  const seen = () =>
    entries.map(({ host, models, added }) => ({ name: host.name, kind: host.kind, models: added ? [] : models }))

  const wished = (): Target | null => {
    if (settings.default === null) return bestModel(seen())
    const named = resolveName(seen(), settings.default)
    return named.ok ? named.value : null
  }

  const whyNone = (): string => {
    if (settings.default !== null) return `The configured model ${settings.default} is on no host.`
    const states = entries.map(({ host, ok, detail }) => (ok ? `${host.name} has no model that chats` : detail))
    return `No model: ${states.length > 0 ? states.join('; ') : 'no host is configured'}.`
  }

  const REMEDY = 'Start Ollama, name a host under models.hosts, or set models.local.path to a GGUF file.'

  const target = async (name: string | null): Promise<Result<Target>> => {
    await first_look
    const attempt = (): Result<Target> => {
      if (name !== null) return resolveName(seen(), name)
      const found = wished()
      return found ? ok(found) : fail('model_missing', whyNone(), { remedy: REMEDY })
    }
    const found = attempt()
    if (found.ok) return found
    // It may have been installed, or its host started, since.
    await lookAtAll(() => true)
    return attempt()
  }

  /** What a failure says about the host. */
  const failed = (entry: Entry, { kind, message }: Failure): void => {
    // What broke off in mid-answer may be gone.
    if (entry.host.kind === 'local' || kind === 'agent_failed') void look(entry)
    else if (kind === 'unavailable') {
      entry.ok = false
      entry.detail = message
    }
  }
  const at_host = hostCalls({ counter, stall_ms: options.stall_ms ?? STALL_MS })

  const entryFor = async (model: string | null, configured_only: boolean): Promise<Result<[Entry, string]>> => {
    const found = await target(model)
    if (!found.ok) return found
    const entry = entries.find(({ host }) => host.name === found.value.host)
    if (!entry) return fail('internal', `The host ${found.value.host} was resolved and is not there.`)
    if (!entry.added || !configured_only) return ok([entry, found.value.model])
    return fail('forbidden', `The host ${entry.host.name} belongs to the agent that named it.`, {
      field: 'model',
      remedy: 'Name a model of a configured host (`quorate models` lists them).',
    })
  }

  const complete = async (
    request: ModelRequest,
    signal: AbortSignal,
    progress: (progress: ModelProgress) => void,
  ): Promise<Result<ModelAnswer>> => {
    if (signal.aborted) return endedBy(signal)
    if (request.messages.length === 0) {
      return fail('invalid_input', 'A model call needs at least one message.', { field: 'messages' })
    }
    const schema = request.schema ? answerSchema(request.schema) : ok(null)
    if (!schema.ok) return schema
    const found = await entryFor(request.model, request.configured_only === true)
    if (!found.ok) return found
    const [entry, model] = found.value
    const { caller: _, configured_only: __, unfinished_ok = false, schema: asked_schema, ...more } = request
    const asked: HostRequest = { ...more, model }
    if (asked_schema) asked.schema = asked_schema
    // An answer that calls a tool is not the one that the schema is for.
    const check = (answer: HostAnswer): Result<Json | undefined> =>
      schema.value === null || answer.tool_calls || (unfinished_ok && answer.finish === 'length')
        ? ok(undefined)
        : schema.value.parse(answer)
    const work = (signal_: AbortSignal, progress_: (progress: ModelProgress) => void) =>
      at_host.complete(entry, asked, check, signal_, progress_, (failure) => failed(entry, failure))
    if (request.temperature !== 0) return work(signal, progress)
    return joined.run(JSON.stringify([entry.host.name, unfinished_ok, asked]), signal, progress, work)
  }

  const embed = async (
    { model, input, dimensions, configured_only = false }: EmbeddingRequest,
    signal: AbortSignal,
  ): Promise<Result<EmbeddingAnswer>> => {
    if (signal.aborted) return endedBy(signal)
    const found = await entryFor(model, configured_only)
    if (!found.ok) return found
    const [entry, name] = found.value
    return at_host.embed(entry, { model: name, input, dimensions }, signal, (failure) => failed(entry, failure))
  }

  /** Runs a call that ends when its caller leaves and when the gateway closes. */
  const untilClosed = async <T>(
    signal: AbortSignal,
    run: (signal: AbortSignal) => Promise<Result<T>>,
  ): Promise<Result<T>> => {
    if (closing.signal.aborted) return fail('unavailable', 'The model gateway is closed.')
    const call = new AbortController()
    const forward = () => call.abort(signal.reason)
    if (signal.aborted) forward()
    signal.addEventListener('abort', forward, { once: true })
    calls.add(call)
    try {
      const result = await run(call.signal)
      const ended_by_us = !result.ok && closing.signal.aborted && !signal.aborted
      return ended_by_us ? fail('unavailable', 'The model gateway is closed.') : result
    } finally {
      calls.delete(call)
      signal.removeEventListener('abort', forward)
    }
  }

  for (const setting of settings.hosts) {
    const host = hostOf(setting, freeName(setting.name), options.fetch)
    if (host.ok) enter(host.value, Math.max(1, setting.concurrency))
    else logger.warn({ host: setting.name, failure: host.failure }, 'model host left out')
  }
  if (!settings.hosts.some(({ url }) => sameAddress(url, settings.ollama_url))) {
    const discovered: ModelHostSetting = {
      name: 'ollama',
      kind: 'ollama',
      url: settings.ollama_url,
      api_key: null,
      concurrency: OLLAMA_PLACES,
    }
    const host = hostOf(discovered, freeName('ollama'), options.fetch)
    if (host.ok) enter(host.value, OLLAMA_PLACES)
    else logger.warn({ failure: host.failure }, 'OLLAMA_BASE_URL cannot be used')
  }
  if (settings.local.enabled) {
    const { fetch, hub_url, on_progress } = options
    const name = freeName('local')
    enter(localHost({ name, settings: settings.local, cache_dir, logger, fetch, hub_url, on_progress }), 1)
  }
  const first_look = lookAtAll(() => true)
  const probing = setInterval(() => void lookAtAll((entry) => !entry.ok), PROBE_AGAIN_MS).unref()

  return {
    ready: () => first_look,
    stats: counter.all,
    complete: (request, { signal, progress = () => {} }) =>
      untilClosed(signal, (until) => complete(request, until, progress)),
    embed: (request, { signal }) => untilClosed(signal, (until) => embed(request, until)),
    hosts: async ({ refresh = false, signal } = {}) => {
      const looked = refresh ? lookAtAll(() => true) : first_look
      await (signal ? Promise.race([looked, whenAborted(signal)]) : looked)
      // The state of the local model is known here, and changes while it is fetched and loaded.
      const own = local()
      if (own && (own.ok || own.models.length > 0)) await look(own)
      const chosen = wished()
      return entries.map((entry) => infoOf(entry, chosen))
    },
    default_model: () => {
      const chosen = wished()
      return chosen ? { id: `${chosen.host}/${chosen.model}` } : { id: null, reason: whyNone() }
    },
    other_model: (not) => {
      const excluded = (host: string, model: string) =>
        not.some((name) => name === model || name === `${host}/${model}`)
      const answering = entries
        .filter(({ ok: answers, added }) => answers && !added)
        .map(({ host, models }) => ({
          name: host.name,
          kind: host.kind,
          models: models.filter(({ model }) => !excluded(host.name, model)),
        }))
      const found = bestModel(answering)
      return found === null ? null : `${found.host}/${found.model}`
    },
    add_host: async (setting) => {
      const key = JSON.stringify([setting.kind, setting.url, setting.api_key])
      const known = added_names.get(key)
      if (known !== undefined) return ok(known)
      if (added_names.size >= ADDED_HOSTS) {
        return fail('limit_exceeded', `Agents have named ${ADDED_HOSTS} model hosts already.`, { field: 'url' })
      }
      const name = freeName(setting.name)
      const host = hostOf(setting, name, options.guarded_fetch)
      if (!host.ok) return host
      added_names.set(key, name)
      await look(enter(host.value, Math.max(1, setting.concurrency), true))
      return ok(name)
    },
    close: async () => {
      clearInterval(probing)
      closing.abort()
      for (const call of calls) call.abort()
      await Promise.all(entries.map(({ host }) => host.close()))
    },
  }
}

function infoOf({ host, queue, models, ok, detail, added }: Entry, chosen: Target | null): HostInfo {
  const infos = models.map(({ chats: _, ...model }) => ({
    ...model,
    id: `${host.name}/${model.model}`,
    host: host.name,
    default: chosen?.host === host.name && chosen.model === model.model,
  }))
  const { name, kind, address } = host
  return {
    name,
    kind,
    address,
    ok,
    detail,
    models: infos,
    in_flight: queue.in_flight(),
    queued: queue.queued(),
    ...(added && { added }),
  }
}

const sameAddress = (a: string, b: string): boolean =>
  URL.canParse(a) && URL.canParse(b) && new URL(a).href === new URL(b).href

const whenAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
