/** OpenAI's API, as far as models on one's own machines have it: https://platform.openai.com/docs/api-reference */
import type { ModelGateway } from '../../models/model-gateway.ts'
import { type Dialect, jsonResponse } from '../dialect.ts'
import { chatCompletions } from './chat-completions.ts'
import { embeddings } from './embeddings.ts'
import { openAiError } from './errors.ts'
import { modelsOf, oneModel } from './models.ts'
import { responses } from './responses.ts'

/** @param now Milliseconds since 1970. */
export function openAiDialect(gateway: ModelGateway, now: () => number): Dialect {
  const posts = {
    '/chat/completions': chatCompletions(gateway, now),
    '/responses': responses(gateway, now),
    '/embeddings': embeddings(gateway),
  }
  return {
    prefix: '/v1',
    refuse: openAiError,
    answer: async (request, holder) => {
      const { method, path } = request
      const [, first, ...name] = path.split('/')
      if (first === 'models') {
        if (method !== 'GET') return notAllowed(method, 'GET')
        const model = name.join('/')
        return model === ''
          ? jsonResponse(200, { object: 'list', data: await modelsOf(gateway) })
          : oneModel(gateway, model)
      }
      const post = Object.entries(posts).find(([at]) => at === path)?.[1]
      if (post === undefined) {
        return openAiError(
          { kind: 'not_found', message: `There is nothing at /v1${path.slice(0, 100)}.`, field: 'path' },
          404,
        )
      }
      if (method !== 'POST') return notAllowed(method, 'POST')
      const body = await request.body()
      return body.ok ? post(body.value, request.signal, holder) : openAiError(body.failure)
    },
  }
}

const notAllowed = (method: string, allow: string): Response => {
  const message = `${method.slice(0, 20)} is not possible here: use ${allow}.`
  const refused = openAiError({ kind: 'unsupported', message, field: 'method' }, 405)
  refused.headers.set('allow', allow)
  return refused
}
