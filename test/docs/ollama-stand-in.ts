/** Stands in for a model server, so that commands of the docs find agents that can work. It says one sentence, whatever is asked. */
import { json, type StandIn, standIn } from '../../src/models/hosts/stand-in-server.ts'

const model = 'stand-in:latest'
const details = {
  format: 'gguf',
  family: 'llama',
  families: ['llama'],
  parameter_size: '1B',
  quantization_level: 'Q4_0',
}

export const ollamaStandIn = (): Promise<StandIn> =>
  standIn((request, _body, response) => {
    if (request.url === '/api/tags')
      return json(response, 200, { models: [{ name: model, size: 1_000_000, digest: '0a1b2c3d4e5f', details }] })
    if (request.url === '/api/version') return json(response, 200, { version: '0.24.0' })
    if (request.url === '/api/ps') return json(response, 200, { models: [{ name: model, context_length: 4096 }] })
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const last = { done: true, done_reason: 'stop', prompt_eval_count: 5, eval_count: 5 }
    for (const part of [
      { content: 'This is a stand-in.', done: false },
      { content: '', ...last },
    ]) {
      const { content, ...more } = part
      response.write(`${JSON.stringify({ model, message: { role: 'assistant', content }, ...more })}\n`)
    }
    response.end()
  })
