/** What stands outside of a program under upgrade and survives it: calls that are held until they may go on, and a model server. */
import { json, standIn } from '../../src/models/hosts/stand-in-server.ts'

export const MODELS = ['first:latest', 'second:latest', 'retagged:latest']
const RETAGGED = 'retagged:latest'
const details = {
  format: 'gguf',
  family: 'llama',
  families: ['llama'],
  parameter_size: '1B',
  quantization_level: 'Q4_0',
}

export type Outside = {
  url: string
  /** Runs whose call is held just now. */
  held: () => Set<string>
  release: () => void
  /** From now on one model is another under its old name. */
  retag: () => void
  close: () => Promise<void>
}

export async function openOutside(): Promise<Outside> {
  const held = new Map<() => void, string>()
  let holding = true
  let tagged = 'aaaa'
  const digestOf = (model: string): string => (model === RETAGGED ? tagged : 'bbbb')
  const server = await standIn(async (request, body, response) => {
    if (request.url === '/hold') {
      if (holding)
        await new Promise<void>((resolve) => {
          held.set(resolve, String(body['run']))
          response.on('close', () => {
            held.delete(resolve)
            resolve()
          })
        })
      return json(response, 200, {})
    }
    if (request.url === '/api/tags')
      return json(response, 200, {
        models: MODELS.map((name) => ({ name, size: 1_000_000, digest: digestOf(name), details })),
      })
    if (request.url === '/api/version') return json(response, 200, { version: '0.24.0' })
    if (request.url === '/api/ps')
      return json(response, 200, { models: MODELS.map((name) => ({ name, context_length: 4096 })) })
    const model = String(body['model'])
    const last = { done: true, done_reason: 'stop', prompt_eval_count: 5, eval_count: 5 }
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const said = { role: 'assistant', content: `${model}@${digestOf(model)}` }
    response.write(`${JSON.stringify({ model, message: said, done: false })}\n`)
    response.end(`${JSON.stringify({ model, message: { role: 'assistant', content: '' }, ...last })}\n`)
  })
  return {
    url: server.url,
    held: () => new Set(held.values()),
    release() {
      holding = false
      for (const go of held.keys()) go()
    },
    retag() {
      tagged = 'cccc'
    },
    close: server.close,
  }
}
