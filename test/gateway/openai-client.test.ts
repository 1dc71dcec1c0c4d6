/** The gateway's endpoint as OpenAI's own client sees it. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import OpenAI from 'openai'
import { MODEL, type Opened, openWorkshop, type Workshop } from './gateway-workshop.ts'

const user = (content: string) => [{ role: 'user' as const, content }]

const weather: OpenAI.ChatCompletionTool = {
  type: 'function',
  function: {
    name: 'weather_in',
    description: 'The weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

const colour = {
  type: 'object',
  properties: { colour: { type: 'string' }, shade: { type: 'integer' } },
  required: ['colour', 'shade'],
  additionalProperties: false,
}

describe('the OpenAI client', () => {
  let shop: Workshop
  let opened: Opened
  let client: OpenAI
  before(async () => {
    shop = await openWorkshop()
    opened = await shop.attempt()
    client = new OpenAI({ baseURL: opened.openai_url, apiKey: opened.key, maxRetries: 0 })
  })
  after(() => shop.close())

  const status = (expected: number, code: string | null, words: RegExp) => (error: unknown) => {
    assert.ok(error instanceof OpenAI.APIError, String(error))
    assert.equal(error.status, expected)
    assert.equal(error.code, code)
    assert.match(error.message, words)
    return true
  }

  test('lists models, and tells one by its whole name', async () => {
    const ids = (await client.models.list()).data.map(({ id }) => id)
    assert.deepEqual(ids, ['default', 'standin/small', 'standin/embedder'])
    assert.equal((await client.models.retrieve('standin/small')).id, 'standin/small')
    await assert.rejects(client.models.retrieve('none/such'), status(404, 'model_not_found', /no model "none\/such"/))
  })

  test('asks a chat: the text, the tokens that the host counted, what the model is', async () => {
    const answer = await client.chat.completions.create({
      model: MODEL,
      messages: [{ role: 'developer', content: 'Be brief.' }, ...user('hello there')],
      temperature: 0.3,
      seed: 4,
      stop: ['\n\n'],
      max_completion_tokens: 50,
    })
    const call = shop.host.calls.at(-1)
    assert.equal(answer.choices[0]?.message.content, 'Hello from the model.')
    assert.equal(answer.choices[0]?.finish_reason, 'stop')
    assert.equal(answer.model, MODEL)
    assert.deepEqual(answer.usage, {
      prompt_tokens: call?.prompt_tokens,
      completion_tokens: call?.completion_tokens,
      total_tokens: (call?.prompt_tokens ?? 0) + (call?.completion_tokens ?? 0),
    })
    const { model, messages, temperature, seed, stop, max_tokens } = { ...call?.sent } as Record<string, unknown>
    assert.deepEqual(
      { model, messages, temperature, seed, stop, max_tokens },
      {
        model: 'small',
        messages: [
          { role: 'system', content: 'Be brief.' },
          { role: 'user', content: 'hello there' },
        ],
        temperature: 0.3,
        seed: 4,
        stop: ['\n\n'],
        max_tokens: 50,
      },
    )
  })

  test('streams: each piece as it comes, then the reason, then the usage', async () => {
    const stream = await client.chat.completions.create({
      model: 'default',
      messages: user('count 6'),
      stream: true,
      stream_options: { include_usage: true },
    })
    const chunks = await Array.fromAsync(stream)
    const pieces = chunks.flatMap(({ choices }) => choices[0]?.delta.content || [])
    assert.deepEqual(pieces, ['w0 ', 'w1 ', 'w2 ', 'w3 ', 'w4 ', 'w5 '])
    assert.equal(chunks.at(-2)?.choices[0]?.finish_reason, 'stop')
    assert.equal(chunks.at(-1)?.usage?.completion_tokens, 6)
    assert.equal(new Set(chunks.map(({ id }) => id)).size, 1)
  })

  test('stops at the length that was asked for', async () => {
    const answer = await client.chat.completions.create({ model: MODEL, messages: user('count 9'), max_tokens: 4 })
    assert.equal(answer.choices[0]?.finish_reason, 'length')
    assert.equal(answer.choices[0]?.message.content, 'w0 w1 w2 w3 ')
    assert.ok(!('budget' in answer))
  })

  test('calls tools, and tells the model what they said', async () => {
    const messages: OpenAI.ChatCompletionMessageParam[] = user('What is the weather?')
    const first = await client.chat.completions.create({
      model: MODEL,
      messages,
      tools: [weather],
      tool_choice: 'auto',
    })
    const message = first.choices[0]?.message
    const call = message?.tool_calls?.[0]
    assert.equal(first.choices[0]?.finish_reason, 'tool_calls')
    assert.ok(message && call?.type === 'function')
    assert.equal(call.function.name, 'weather_in')
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Bergen' })
    const second = await client.chat.completions.create({
      model: MODEL,
      messages: [...messages, message, { role: 'tool', tool_call_id: call.id, content: 'rainy' }],
      tools: [weather],
    })
    assert.equal(second.choices[0]?.message.content, 'It is rainy.')
    const sent = shop.host.calls.at(-1)?.sent.messages as { tool_calls?: { id: string }[]; tool_call_id?: string }[]
    assert.equal(sent[1]?.tool_calls?.[0]?.id, call.id)
    assert.equal(sent[2]?.tool_call_id, call.id)
  })

  test('calls tools in a stream', async () => {
    const stream = client.chat.completions.stream({ model: MODEL, messages: user('weather?'), tools: [weather] })
    const final = await stream.finalChatCompletion()
    assert.equal(final.choices[0]?.finish_reason, 'tool_calls')
    const [call] = final.choices[0]?.message.tool_calls ?? []
    assert.ok(call?.type === 'function')
    assert.deepEqual(JSON.parse(call.function.arguments), { city: 'Bergen' })
  })

  test('has the answer keep to a schema', async () => {
    const response_format = {
      type: 'json_schema' as const,
      json_schema: { name: 'colour', schema: colour, strict: true },
    }
    const answer = await client.chat.completions.create({ model: MODEL, messages: user('a colour'), response_format })
    assert.deepEqual(JSON.parse(answer.choices[0]?.message.content ?? ''), { colour: 'green', shade: 3 })
    const cut = await client.chat.completions.create({
      model: MODEL,
      messages: user('a colour'),
      response_format,
      max_tokens: 2,
    })
    assert.equal(cut.choices[0]?.finish_reason, 'length')
    assert.equal(cut.choices[0]?.message.content, '{"colour')
  })

  test('says when the model does not keep to the schema', async () => {
    const impossible = { type: 'object', properties: { colour: { type: 'boolean' } }, required: ['colour'] }
    await assert.rejects(
      client.chat.completions.create({
        model: MODEL,
        messages: user('a colour'),
        response_format: { type: 'json_schema', json_schema: { name: 'no', schema: impossible } },
      }),
      status(502, 'output_invalid', /does not fit its schema at colour/),
    )
  })

  test('asks and streams responses, with tools', async () => {
    const plain = await client.responses.create({ model: MODEL, instructions: 'Be brief.', input: 'count 3' })
    assert.equal(plain.output_text, 'w0 w1 w2 ')
    assert.equal(plain.status, 'completed')
    assert.equal(plain.usage?.output_tokens, 3)

    const stream = client.responses.stream({ model: MODEL, input: user('count 4') })
    const events = await Array.fromAsync(stream)
    assert.deepEqual(
      events.map(({ sequence_number }) => sequence_number),
      events.map((_, i) => i),
    )
    assert.deepEqual([events[0]?.type, events.at(-1)?.type], ['response.created', 'response.completed'])
    assert.equal((await stream.finalResponse()).output_text, 'w0 w1 w2 w3 ')

    const tools = [{ type: 'function' as const, strict: false, ...weather.function, parameters: colour }]
    const called = await client.responses.create({ model: MODEL, input: 'the weather', tools })
    const call = called.output[0]
    assert.ok(call?.type === 'function_call')
    const output = { type: 'function_call_output' as const, call_id: call.call_id, output: 'dry' }
    const input = [{ role: 'user' as const, content: 'the weather' }, ...called.output, output]
    const told = await client.responses.create({ model: MODEL, input: input as never, tools })
    assert.equal(told.output_text, 'It is dry.')

    const cut = await client.responses.create({ model: MODEL, input: 'count 30', max_output_tokens: 16 })
    assert.equal(cut.status, 'incomplete')
    assert.equal(cut.incomplete_details?.reason, 'max_output_tokens')
  })

  test('has a response keep to a schema', async () => {
    const text = { format: { type: 'json_schema' as const, name: 'colour', schema: colour, strict: true } }
    const answer = await client.responses.create({ model: MODEL, input: 'a colour', text })
    assert.deepEqual(JSON.parse(answer.output_text), { colour: 'green', shade: 3 })
  })

  test('gets embeddings, as numbers and packed as it asks for by itself', async () => {
    for (const format of [{}, { encoding_format: 'float' as const }]) {
      const answer = await client.embeddings.create({ model: 'standin/embedder', input: ['ab', 'abc'], ...format })
      assert.deepEqual(
        answer.data.map(({ embedding }) => embedding),
        [
          [2, 0.5, -1],
          [3, 0.5, -1],
        ],
      )
      assert.equal(answer.usage.prompt_tokens, 7)
    }
  })

  test('is told what is wrong, by field', async () => {
    const ask = (more: object) =>
      client.chat.completions.create({ model: MODEL, messages: user('x'), ...more } as never)
    const invalid =
      (field: string, code: string | null = null) =>
      (error: unknown) => {
        status(400, code, /./)(error)
        assert.equal((error as { param?: string }).param, field)
        return true
      }
    await assert.rejects(ask({ messages: [] }), invalid('messages'))
    await assert.rejects(ask({ messages: 'hello' }), invalid('messages'))
    await assert.rejects(ask({ messages: [{ role: 'robot', content: 'x' }] }), invalid('messages[0].role'))
    await assert.rejects(ask({ temperature: 'hot' }), invalid('temperature'))
    await assert.rejects(ask({ max_tokens: 0 }), invalid('max_tokens'))
    await assert.rejects(ask({ n: 3 }), invalid('n', 'unsupported'))
    await assert.rejects(ask({ logprobs: true }), invalid('logprobs', 'unsupported'))
    const image = [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:,' } }] }]
    await assert.rejects(ask({ messages: image }), invalid('messages[0].content[0].type', 'unsupported'))
    await assert.rejects(ask({ model: 'gone' }), status(404, 'model_not_found', /No model host has a model "gone"/))
    await assert.rejects(ask({ model: 'standin/gone' }), status(404, 'model_not_found', /not found/))
    const kept = client.responses.create({ model: MODEL, input: 'x', previous_response_id: 'resp_1' })
    await assert.rejects(kept, invalid('previous_response_id', 'unsupported'))
    // Unknown fields pass, as they do with real servers.
    await ask({ metadata: { a: 'b' }, reasoning_effort: 'low', made_up: [1] })
  })

  test('has the model stop when it leaves', async () => {
    for (const stream of [true, false]) {
      const ends = new AbortController()
      const before = shop.host.calls.length
      const asked = client.chat.completions.create(
        { model: MODEL, messages: user('endless'), stream } as OpenAI.ChatCompletionCreateParamsStreaming,
        { signal: ends.signal },
      )
      if (stream) for await (const _ of await asked) ends.abort()
      else {
        const refused = assert.rejects(asked, OpenAI.APIUserAbortError)
        while (shop.host.calls.length === before) await new Promise(setImmediate)
        ends.abort()
        await refused
      }
      await shop.host.idle()
      assert.equal(shop.host.calls.at(-1)?.ended, 'hung up')
    }
  })
})
