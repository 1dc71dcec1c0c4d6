/** GET /v1/models and /v1/models/{id} */
import type { ModelGateway } from '../../models/model-gateway.ts'
import { DEFAULT_MODEL, jsonResponse } from '../dialect.ts'
import { openAiError } from './errors.ts'

type Model = { id: string; object: 'model'; created: number; owned_by: string }

/** `default` first, then every model of a configured host as `host/model`. When they were made nobody knows: 0. */
export async function modelsOf(gateway: ModelGateway): Promise<Model[]> {
  const hosts = (await gateway.hosts()).filter(({ added }) => added !== true)
  const own = gateway.default_model().id === null ? [] : [{ id: DEFAULT_MODEL, owned_by: 'quorate' }]
  const all = hosts.flatMap(({ name, models }) => models.map(({ id }) => ({ id, owned_by: name })))
  return [...own, ...all].map(({ id, owned_by }) => ({ id, object: 'model', created: 0, owned_by }))
}

/** @param part As it stands in the path: with `/` as it is or encoded. */
export async function oneModel(gateway: ModelGateway, part: string): Promise<Response> {
  let id = part
  try {
    id = decodeURIComponent(part)
  } catch {
    // Then it is no name of a model either.
  }
  const model = (await modelsOf(gateway)).find((one) => one.id === id)
  if (model !== undefined) return jsonResponse(200, model)
  const message = `There is no model ${JSON.stringify(id.slice(0, 100))}.`
  return openAiError({
    kind: 'model_missing',
    message,
    field: 'model',
    remedy: 'GET /v1/models lists those that there are.',
  })
}
