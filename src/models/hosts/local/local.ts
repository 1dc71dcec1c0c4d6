/** A model in a process of its own on this machine, fetched when it is first wanted. */
import type { Configuration } from '../../../configuration/configuration.ts'
import { type Failure, fail, ok, type Result } from '../../../failure.ts'
import { endedBy, type HostContext, type HostRequest, type Logger, type ModelHost } from '../../model-host.ts'
import { type ChosenModel, chooseModel } from './fetch-model.ts'
import type { FetchProgress } from './fetch-options.ts'
import { type ModelProcess, superviseModelProcess } from './model-process.ts'

export type LocalHostOptions = {
  name: string
  settings: Configuration['models']['local']
  cache_dir: string
  logger: Logger
  fetch: typeof fetch
  on_progress?: ((progress: FetchProgress) => void) | undefined
  hub_url?: string | undefined
}

/** After a failed search or fetch, the next one at the earliest. */
const TRY_AGAIN_MS = 60_000

type Preparation = {
  chosen: Promise<Result<ChosenModel>>
  process: Promise<Result<ModelProcess>>
  /** Set when it failed. */
  failed: { failure: Failure; at: number } | null
}

/**
 * `list` and `complete` begin to choose and fetch the model; `list` answers as soon as it is chosen, `complete` waits until
 * the model can be used. When the hub breaks off, the next attempt chooses again and goes on where it stopped.
 */
export function localHost(
  options: LocalHostOptions,
): ModelHost & { /** Of the model process. */ pid: () => number | null } {
  const { settings, logger } = options
  const closing = new AbortController()
  const listeners = new Set<(text: string) => void>()
  let preparation: Preparation | null = null
  let running: ModelProcess | null = null
  let fetching = ''

  const tell = (progress: FetchProgress) => {
    const { received, total } = progress
    const share = total ? `${Math.floor((100 * received) / total)} %` : `${Math.round(received / 1e6)} MB`
    options.on_progress?.(progress)
    if (share === fetching) return
    fetching = share
    for (const listener of listeners) listener(`fetching the model, ${share}`)
  }

  const begin = (): Preparation => {
    const sources = { cache_dir: options.cache_dir, fetch: options.fetch, hub_url: options.hub_url }
    const chosen = chooseModel({
      ...sources,
      settings,
      signal: closing.signal,
      available_memory: process.availableMemory(),
    })
    const prepare = async (): Promise<Result<ModelProcess>> => {
      const model = await chosen
      if (!model.ok) return model
      if (!model.value.in_cache) logger.info({ model: model.value.name }, 'fetching the local model')
      const path = await model.value.bring({ ...sources, signal: closing.signal, on_progress: tell })
      if (!path.ok) return path
      if (closing.signal.aborted) return fail('unavailable', 'The local model was stopped.')
      const { threads, context_tokens } = settings
      running = superviseModelProcess({ path: path.value, threads, context_tokens, logger })
      return ok(running)
    }
    const begun: Preparation = { chosen, failed: null, process: prepare() }
    void begun.process.then((result) => {
      fetching = ''
      if (result.ok || closing.signal.aborted) return
      begun.failed = { failure: result.failure, at: Date.now() }
      logger.warn({ failure: result.failure }, 'no local model')
    })
    return begun
  }

  const current = (): Preparation => {
    if (!preparation || (preparation.failed && Date.now() - preparation.failed.at > TRY_AGAIN_MS)) preparation = begin()
    return preparation
  }

  return {
    name: options.name,
    kind: 'local',
    address: 'in process',
    pid: () => running?.pid() ?? null,
    list: async () => {
      const { chosen, failed } = current()
      const model = await chosen
      if (!model.ok) return model
      const failure = failed?.failure ?? running?.unusable()
      if (failure) return { ok: false, failure }
      const { name, title, licence, digest, size_bytes } = model.value
      const loaded = running?.loaded() ?? null
      const state = loaded
        ? 'loaded'
        : running
          ? 'ready to load'
          : fetching
            ? `being fetched, ${fetching}`
            : 'being prepared'
      const context_length = loaded?.context_length ?? settings.context_tokens
      const one = { model: name, loaded: loaded !== null, size_bytes, digest, licence, context_length, chats: true }
      return ok({ models: [one], detail: `${title}, ${state}` })
    },
    complete: async (request, context) => {
      if (context.signal.aborted) return endedBy(context.signal)
      const refused = notHere(request)
      if (refused !== null) return refused
      const { chosen, process: prepared } = current()
      const model_process = await waitFor(prepared, context)
      if (!model_process.ok) return model_process
      const model = await chosen
      if (model.ok && model.value.name !== request.model) {
        return fail('model_missing', `The local model is ${model.value.name}, not ${request.model}.`, {
          field: 'model',
          value: request.model,
          remedy: 'Name the one that is there, or set models.local.model.',
        })
      }
      return model_process.value.chat(request, context)
    },
    close: async () => {
      closing.abort()
      await preparation?.process
      await running?.close()
    },
  }

  async function waitFor(prepared: Preparation['process'], context: HostContext): Promise<Result<ModelProcess>> {
    const listener = (text: string) => context.progress({ kind: 'model_loading', text })
    listeners.add(listener)
    let leave = () => {}
    const left = new Promise<Result<never>>((resolve) => {
      leave = () => resolve(endedBy(context.signal))
      context.signal.addEventListener('abort', leave, { once: true })
    })
    const result = await Promise.race([prepared, left])
    context.signal.removeEventListener('abort', leave)
    listeners.delete(listener)
    return result
  }
}

/** What only model servers do; said before a model is loaded for it. */
function notHere({ tools = [], tool_choice, messages }: HostRequest): Result<never> | null {
  const wanted = (tools.length > 0 && tool_choice !== 'none') || messages.some(({ role }) => role === 'tool')
  if (!wanted) return null
  return fail('unsupported', 'The local model takes no tools.', {
    field: 'tools',
    remedy: 'Use a model of an Ollama or OpenAI-compatible server, or leave the tools out.',
  })
}
