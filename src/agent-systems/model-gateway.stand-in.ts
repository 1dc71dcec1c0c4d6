/** Stands in for the model gateway in the tests of the adapters that ask it; the real one is tested where it lives. */

import type { ModelHostSetting } from '../configuration/configuration.ts'
import { ok } from '../failure.ts'
import type { HostInfo, ModelAnswer, ModelGateway, ModelRequest } from '../models/model-gateway.ts'

export type StandInGateway = ModelGateway & {
  asked: ModelRequest[]
  added: ModelHostSetting[]
}

/** @param complete What a call does; by default it answers with the last message. */
export function standInGateway(hosts: HostInfo[], complete: ModelGateway['complete'] = echo): StandInGateway {
  const known = [...hosts]
  const asked: ModelRequest[] = []
  const added: ModelHostSetting[] = []
  const first = hosts[0]?.models[0]
  return {
    asked,
    added,
    complete: (request, options) => {
      asked.push(request)
      return complete(request, options)
    },
    hosts: async () => known,
    default_model: () => (first ? { id: first.id } : { id: null, reason: 'no model in this test' }),
    add_host: async (setting) => {
      added.push(setting)
      if (!known.some(({ name }) => name === setting.name)) known.push(hostInfo(setting.name, setting.kind, ['small']))
      return ok(setting.name)
    },
    close: async () => {},
  }
}

export const echo: ModelGateway['complete'] = async (request) =>
  ok(answer(request, { text: request.messages.at(-1)?.content ?? '' }))

export function answer(request: ModelRequest, more: Partial<ModelAnswer>): ModelAnswer {
  const [host = '', ...model] = (request.model ?? 'local/small').split('/')
  return {
    text: '',
    model: model.join('/'),
    host,
    input_tokens: null,
    output_tokens: null,
    finish: 'stop',
    queued_ms: 0,
    load_ms: null,
    first_token_ms: null,
    duration_ms: 1,
    ...more,
  }
}

export const hostInfo = (name: string, kind: string, models: string[], ok = true): HostInfo => ({
  name,
  kind,
  address: name,
  ok,
  detail: ok ? 'answers' : 'does not answer',
  models: models.map((model, index) => ({
    id: `${name}/${model}`,
    host: name,
    model,
    default: index === 0,
    loaded: null,
    size_bytes: null,
    digest: null,
    licence: null,
    context_length: null,
  })),
  in_flight: 0,
  queued: 0,
})
