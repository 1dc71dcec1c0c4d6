/**
 * Stands in for a model server at the outermost boundary: OpenAI's dialect over real HTTP, with answers that follow from
 * the question and tokens that it counts itself.
 */
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

type Sent = {
  model: string
  stream?: boolean
  max_tokens?: number
  messages: { role: string; content: unknown; tool_calls?: unknown }[]
  tools?: { function: { name: string; parameters?: { properties?: object } } }[]
  tool_choice?: unknown
  response_format?: { type: string; json_schema?: { schema: { properties?: { [name: string]: { type?: string } } } } }
}

/** What it says to a question that asks for JSON; undefined: what the schema asks for, filled in blindly. */
export type Says = (sent: Sent) => object | undefined

export type HostCall = {
  sent: Sent
  prompt_tokens: number
  /** Pieces that were sent. */
  completion_tokens: number
  ended: 'answered' | 'hung up' | null
}

export type HostStandIn = {
  url: string
  calls: HostCall[]
  /** Resolves when no call is under way. */
  idle: () => Promise<void>
  close: () => Promise<void>
}

/** Words of all messages: what this host calls tokens. */
const wordsIn = (messages: Sent['messages']): number =>
  JSON.stringify(messages.map(({ content, tool_calls }) => [content, tool_calls])).split(/\s+/).length

/** What it answers: `count N` gives N words, `endless` never ends, `rapid` neither and 50 words at once, `weather` calls the first tool. */
function answerTo(sent: Sent, says: Says | undefined) {
  const { messages, tools = [], tool_choice, response_format } = sent
  const text = messages
    .map(({ content }) => (typeof content === 'string' ? content : JSON.stringify(content)))
    .join('\n')
  const last = messages.at(-1)
  if (last?.role === 'tool') return { pieces: ['It ', 'is ', String(last.content), '.'] }
  const [tool] = tools
  if (tool !== undefined && tool_choice !== 'none' && /weather/i.test(text)) {
    const fields = Object.keys(tool.function.parameters?.properties ?? {})
    const given = Object.fromEntries(fields.map((name) => [name, 'Bergen']))
    return { pieces: [], call: { name: tool.function.name, arguments: JSON.stringify(given) } }
  }
  const schema = response_format?.json_schema?.schema
  if (response_format?.type === 'json_schema') {
    const said = says?.(sent)
    if (said !== undefined) return { pieces: JSON.stringify(said).match(/.{1,20}/gs) ?? [] }
    const made = Object.entries(schema?.properties ?? {}).map(([name, { type }]) => [
      name,
      type === 'integer' ? 3 : 'green',
    ])
    return { pieces: JSON.stringify(Object.fromEntries(made)).match(/.{1,4}/g) ?? [] }
  }
  if (/endless|rapid/.test(text)) return { pieces: null, at_once: /rapid/.test(text) ? 50 : 1 }
  const count = /count (\d+)/.exec(text)?.[1]
  if (count !== undefined) return { pieces: Array.from({ length: Number(count) }, (_, i) => `w${i} `) }
  return { pieces: ['Hello ', 'from ', 'the ', 'model.'] }
}

/** @param pace_ms Between two pieces of an answer. */
export async function modelHostStandIn({
  pace_ms = 0,
  says,
}: {
  pace_ms?: number
  says?: Says
} = {}): Promise<HostStandIn> {
  const calls: HostCall[] = []
  let under_way = 0
  let wake = (): void => {}
  const json = (response: ServerResponse, status: number, value: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }

  const chat = async (sent: Sent, response: ServerResponse): Promise<void> => {
    const call: HostCall = { sent, prompt_tokens: wordsIn(sent.messages), completion_tokens: 0, ended: null }
    calls.push(call)
    response.on('close', () => {
      call.ended ??= response.writableFinished ? 'answered' : 'hung up'
    })
    const {
      pieces,
      at_once = 1,
      call: tool,
    } = answerTo(sent, says) as {
      pieces: string[] | null
      at_once?: number
      call?: { name: string; arguments: string }
    }
    const id = `chatcmpl-${calls.length}`
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const send = (choice: object, more: object = {}): void => {
      const head = { id, object: 'chat.completion.chunk', created: 1, model: sent.model }
      response.write(
        `data: ${JSON.stringify({ ...head, choices: [{ index: 0, finish_reason: null, ...choice }], ...more })}\n\n`,
      )
    }
    const most = sent.max_tokens ?? Number.POSITIVE_INFINITY
    let finish = tool === undefined ? 'stop' : 'tool_calls'
    for (let i = 0; pieces === null || i < pieces.length; i++) {
      if (i >= most) {
        finish = 'length'
        break
      }
      if (response.destroyed) return
      send({ delta: { content: pieces?.[i] ?? 'on ' } })
      call.completion_tokens += 1
      if (pace_ms > 0 || (pieces === null && i % at_once === 0)) await wait(Math.max(1, pace_ms))
    }
    if (tool !== undefined) {
      send({ delta: { tool_calls: [{ index: 0, id: `call_${calls.length}`, type: 'function', function: tool }] } })
      call.completion_tokens += 1
    }
    send({ delta: {}, finish_reason: finish })
    const usage = { prompt_tokens: call.prompt_tokens, completion_tokens: call.completion_tokens, total_tokens: 0 }
    response.write(
      `data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created: 1, model: sent.model, choices: [], usage })}\n\n`,
    )
    call.ended = 'answered'
    response.end('data: [DONE]\n\n')
  }

  const server = createServer(async (request, response) => {
    under_way += 1
    response.on('close', () => {
      under_way -= 1
      wake()
    })
    let text = ''
    for await (const chunk of request.setEncoding('utf8')) text += chunk
    const body = text === '' ? {} : JSON.parse(text)
    if (request.url === '/v1/models')
      return json(response, 200, { object: 'list', data: ['small', 'embedder'].map((id) => ({ id, object: 'model' })) })
    if (request.url === '/v1/embeddings') {
      const input: string[] = body.input
      const data = input.map((one, index) => ({ object: 'embedding', index, embedding: [one.length, 0.5, -1] }))
      return json(response, 200, {
        object: 'list',
        model: body.model,
        data,
        usage: { prompt_tokens: 7, total_tokens: 7 },
      })
    }
    if (body.model !== 'small') return json(response, 404, { error: { message: `model ${body.model} not found` } })
    await chat(body, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    idle: async () => {
      while (under_way > 0) {
        const next = Promise.withResolvers<void>()
        wake = next.resolve
        await next.promise
      }
    },
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
