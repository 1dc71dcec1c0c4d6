/** Ollama's API: https://docs.ollama.com/api. What changes models (pull, create, delete …) is not there. */
import type { ModelGateway } from '../../models/model-gateway.ts'
import { type Dialect, jsonResponse } from '../dialect.ts'
import { chat } from './chat.ts'
import { embed, embeddings } from './embed.ts'
import { ollamaError } from './errors.ts'
import { generate } from './generate.ts'
import { ps, show, tags } from './models.ts'

/** @param version Told to clients that ask for Ollama's. */
export function ollamaDialect(gateway: ModelGateway, version: string, now: () => number): Dialect {
  const gets = {
    '/tags': () => tags(gateway),
    '/ps': () => ps(gateway),
    '/version': async () => jsonResponse(200, { version: `quorate-${version}` }),
  }
  const posts = {
    '/chat': chat(gateway, now),
    '/generate': generate(gateway, now),
    '/embed': embed(gateway),
    '/embeddings': embeddings(gateway),
    '/show': show(gateway),
  }
  return {
    prefix: '/api',
    refuse: ollamaError,
    answer: async ({ method, path, body, signal }, holder) => {
      const get = Object.entries(gets).find(([at]) => at === path)?.[1]
      const post = Object.entries(posts).find(([at]) => at === path)?.[1]
      if (get === undefined && post === undefined) {
        const message = `There is nothing at /api${path.slice(0, 100)}: models are asked here, and looked after elsewhere.`
        return ollamaError({ kind: 'not_found', message, field: 'path' })
      }
      const allow = get === undefined ? ['POST'] : ['GET', 'HEAD']
      if (!allow.includes(method)) {
        const message = `${method.slice(0, 20)} is not possible here: use ${allow[0]}.`
        return ollamaError({ kind: 'unsupported', message, field: 'method' }, 405)
      }
      if (get !== undefined) return get()
      const read = await body()
      return read.ok && post !== undefined
        ? post(read.value, signal, holder)
        : ollamaError(read.ok ? { kind: 'internal', message: 'no such route' } : read.failure)
    },
  }
}
