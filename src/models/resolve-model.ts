/** Which model of which host a name means, over the models as last seen. Pure. */
import { excerpt, fail, ok, type Result } from '../failure.ts'
import type { HostModel, ModelHost } from './model-host.ts'

export type SeenHost = Pick<ModelHost, 'name' | 'kind'> & { models: HostModel[] }

export type Target = { host: string; model: string }

/**
 * `host/model`, or the name of a model on the first host that has it; Ollama's `:latest` may be left out. A model after a
 * known host is not looked up: servers may run models that they do not list, and say themselves when they have none.
 */
export function resolveName(hosts: SeenHost[], name: string): Result<Target> {
  const slash = name.indexOf('/')
  const named = hosts.find((host) => host.name === name.slice(0, Math.max(0, slash)))
  if (named && slash + 1 < name.length) return ok({ host: named.name, model: name.slice(slash + 1) })
  for (const host of hosts) {
    const model = host.models.find((one) => one.model === name || one.model === `${name}:latest`)
    if (model) return ok({ host: host.name, model: model.model })
  }
  const known = hosts.flatMap((host) => host.models.map((model) => `${host.name}/${model.model}`))
  return fail('model_missing', `No model host has a model "${excerpt(name, 100)}".`, {
    field: 'model',
    value: excerpt(name, 100),
    remedy: known.length > 0 ? `Name one of ${excerpt(known.join(', '), 400)}.` : 'Start a model host that has it.',
  })
}

/**
 * The model for whoever names none: of the first Ollama its `tinyllama:latest`, else its smallest that chats; else the first
 * that chats on another server; else the local one.
 */
export function bestModel(hosts: SeenHost[]): Target | null {
  for (const kind of ['ollama', 'openai_compatible', 'local'] as const) {
    for (const host of hosts.filter((one) => one.kind === kind)) {
      const chats = host.models.filter((model) => model.chats)
      const model = kind === 'ollama' ? (smallLlama(chats) ?? smallest(chats)) : chats[0]
      if (model) return { host: host.name, model: model.model }
    }
  }
  return null
}

const smallLlama = (models: HostModel[]) => models.find(({ model }) => model === 'tinyllama:latest')

/** Base models complete text and do not follow instructions; any other tag of Ollama's library is an instruct one. */
const smallest = (models: HostModel[]) =>
  models
    .filter(({ model }) => !/[:-](base|text)\b/i.test(model))
    .toSorted((a, b) => (a.size_bytes ?? Infinity) - (b.size_bytes ?? Infinity))[0] ?? models[0]
