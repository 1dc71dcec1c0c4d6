/** GET /api/tags and /api/ps, POST /api/show */
import { z } from 'zod'
import type { ModelGateway, ModelInfo } from '../../models/model-gateway.ts'
import { DEFAULT_MODEL, jsonResponse, readAs } from '../dialect.ts'
import { ollamaError } from './errors.ts'

type Known = ModelInfo & { kind: string }

async function known(gateway: ModelGateway): Promise<Known[]> {
  const hosts = (await gateway.hosts()).filter(({ added }) => added !== true)
  return hosts.flatMap(({ kind, models }) => models.map((model) => ({ ...model, kind })))
}

const details = { parent_model: '', format: '', family: '', families: [], parameter_size: '', quantization_level: '' }

/** When a model was changed nobody knows: the beginning of time. */
const LONG_AGO = '1970-01-01T00:00:00Z'

const listed = ({ size_bytes, digest }: ModelInfo, name: string) => ({
  name,
  model: name,
  modified_at: LONG_AGO,
  size: size_bytes ?? 0,
  digest: digest ?? '',
  details,
})

export async function tags(gateway: ModelGateway): Promise<Response> {
  const models = await known(gateway)
  const own = models.find((model) => model.default)
  return jsonResponse(200, {
    models: [...(own ? [listed(own, DEFAULT_MODEL)] : []), ...models.map((model) => listed(model, model.id))],
  })
}

/** Those of which their host says that they are loaded. */
export async function ps(gateway: ModelGateway): Promise<Response> {
  const loaded = (await known(gateway)).filter((model) => model.loaded === true)
  return jsonResponse(200, {
    models: loaded.map((model) => ({
      ...listed(model, model.id),
      expires_at: '9999-12-31T23:59:59Z',
      size_vram: 0,
      ...(model.context_length !== null && { context_length: model.context_length }),
    })),
  })
}

const body = z.looseObject({
  model: z.string().min(1).max(300).optional(),
  name: z.string().min(1).max(300).optional(),
})

export function show(gateway: ModelGateway) {
  return async (sent: unknown): Promise<Response> => {
    const read = readAs(body, sent)
    if (!read.ok) return ollamaError(read.failure)
    const name = read.value.model ?? read.value.name
    if (name === undefined) return ollamaError({ kind: 'invalid_input', message: 'model: is needed', field: 'model' })
    const models = await known(gateway)
    const model =
      name === DEFAULT_MODEL
        ? models.find((one) => one.default)
        : (models.find(({ id }) => id === name) ??
          models.find((one) => one.model === name || one.model === `${name}:latest`))
    if (model === undefined)
      return ollamaError({ kind: 'model_missing', message: `model '${name.slice(0, 100)}' not found`, field: 'model' })
    return jsonResponse(200, {
      modelfile: '',
      parameters: '',
      template: '',
      license: model.licence ?? '',
      modified_at: LONG_AGO,
      details,
      model_info: model.context_length === null ? {} : { 'general.context_length': model.context_length },
      // The local model takes no tools.
      capabilities: model.kind === 'local' ? ['completion'] : ['completion', 'tools'],
    })
  }
}
