/** The gateway's endpoint as Ollama's own client sees it: with a host that contains the key, and nothing else. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Ollama, type Tool } from 'ollama'
import { MODEL, type Opened, openWorkshop, type Workshop } from './gateway-workshop.ts'

const weather: Tool = {
  type: 'function',
  function: {
    name: 'weather_in',
    description: 'The weather in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}

describe('the Ollama client', () => {
  let shop: Workshop
  let opened: Opened
  let client: Ollama
  before(async () => {
    shop = await openWorkshop()
    opened = await shop.attempt()
    client = new Ollama({ host: opened.ollama_url })
  })
  after(() => shop.close())

  const refused = (status: number, words: RegExp) => (error: unknown) => {
    assert.equal((error as { status_code?: number }).status_code, status, String(error))
    assert.match(String(error), words)
    return true
  }

  test('lists models, those that are loaded, and what one is', async () => {
    assert.deepEqual(
      (await client.list()).models.map(({ name }) => name),
      ['default', 'standin/small', 'standin/embedder'],
    )
    assert.deepEqual((await client.ps()).models, [])
    assert.deepEqual((await client.show({ model: 'standin/small' })).capabilities, ['completion', 'tools'])
    await assert.rejects(client.show({ model: 'gone' }), refused(404, /model 'gone' not found/))
    assert.match((await client.version()).version, /^quorate-/)
  })

  test('chats, whole and in pieces', async () => {
    const messages = [{ role: 'user', content: 'count 4' }]
    const whole = await client.chat({ model: MODEL, messages, options: { temperature: 0, num_predict: 20 } })
    assert.equal(whole.message.content, 'w0 w1 w2 w3 ')
    assert.equal(whole.done_reason, 'stop')
    assert.equal(whole.eval_count, 4)
    assert.equal(whole.prompt_eval_count, shop.host.calls.at(-1)?.prompt_tokens)
    assert.ok(whole.total_duration > 0)
    const lines = await Array.fromAsync(await client.chat({ model: MODEL, messages, stream: true }))
    assert.equal(lines.map(({ message }) => message.content).join(''), 'w0 w1 w2 w3 ')
    assert.deepEqual(
      lines.map(({ done }) => done),
      [false, false, false, false, true],
    )
    assert.equal(lines.at(-1)?.eval_count, 4)
  })

  test('completes a prompt, whole and in pieces', async () => {
    const whole = await client.generate({
      model: MODEL,
      prompt: 'count 3',
      system: 'Be brief.',
      options: { num_predict: 2 },
    })
    assert.equal(whole.response, 'w0 w1 ')
    assert.equal(whole.done_reason, 'length')
    const lines = await Array.fromAsync(await client.generate({ model: MODEL, prompt: 'count 3', stream: true }))
    assert.equal(lines.map(({ response }) => response).join(''), 'w0 w1 w2 ')
  })

  test('calls tools, and tells the model what they said', async () => {
    const messages = [{ role: 'user', content: 'the weather?' }]
    const first = await client.chat({ model: MODEL, messages, tools: [weather] })
    const [call] = first.message.tool_calls ?? []
    assert.deepEqual(call?.function, { name: 'weather_in', arguments: { city: 'Bergen' } })
    const told = [...messages, first.message, { role: 'tool', tool_name: 'weather_in', content: 'rainy' }]
    const second = await client.chat({ model: MODEL, messages: told, tools: [weather] })
    assert.equal(second.message.content, 'It is rainy.')
    const lines = await Array.fromAsync(await client.chat({ model: MODEL, messages, tools: [weather], stream: true }))
    assert.equal(lines.flatMap(({ message }) => message.tool_calls ?? []).length, 1)
  })

  test('has the answer keep to a schema', async () => {
    const format = { type: 'object', properties: { colour: { type: 'string' } }, required: ['colour'] }
    const answer = await client.chat({ model: MODEL, messages: [{ role: 'user', content: 'a colour' }], format })
    assert.deepEqual(JSON.parse(answer.message.content), { colour: 'green' })
  })

  test('gets embeddings, also as old clients ask for them', async () => {
    const many = await client.embed({ model: 'standin/embedder', input: ['ab', 'abc'] })
    assert.deepEqual(many.embeddings, [
      [2, 0.5, -1],
      [3, 0.5, -1],
    ])
    assert.equal(many.prompt_eval_count, 7)
    assert.deepEqual((await client.embed({ model: 'standin/embedder', input: [] })).embeddings, [])
    const one = await client.embeddings({ model: 'standin/embedder', prompt: 'abcd' })
    assert.deepEqual(one.embedding, [4, 0.5, -1])
  })

  test('is told what is wrong', async () => {
    const messages = [{ role: 'user', content: 'x' }]
    await assert.rejects(client.chat({ model: 'gone', messages }), refused(404, /No model host has a model "gone"/))
    await assert.rejects(
      client.chat({ model: MODEL, messages, options: { temperature: -1 } }),
      refused(400, /options\.temperature/),
    )
    await assert.rejects(
      client.chat({ model: MODEL, messages: [{ role: 'robot', content: '' }] }),
      refused(400, /messages\[0\]\.role/),
    )
    await assert.rejects(
      client.chat({ model: MODEL, messages: [{ role: 'user', content: 'x', images: ['aGk='] }] }),
      refused(400, /messages\[0\]\.images|Images are not passed on/),
    )
    await assert.rejects(client.generate({ model: MODEL, prompt: 'x', raw: true }), refused(400, /without template/))
    await assert.rejects(client.delete({ model: MODEL }), refused(404, /looked after elsewhere/))
  })

  test('has the model stop when it leaves', async () => {
    const stream = await client.chat({ model: MODEL, messages: [{ role: 'user', content: 'endless' }], stream: true })
    await assert.rejects(async () => {
      for await (const _ of stream) stream.abort()
    }, /abort/i)
    await shop.host.idle()
    assert.equal(shop.host.calls.at(-1)?.ended, 'hung up')
  })

  test('answers nobody without a key, in the form of the dialect', async () => {
    const stranger = new Ollama({ host: `${shop.url}/gateway` })
    await assert.rejects(stranger.list(), refused(401, /A key is needed/))
    const bearer = new Ollama({ host: `${shop.url}/gateway`, headers: { authorization: `Bearer ${opened.key}` } })
    assert.equal((await bearer.list()).models.length, 3)
  })
})
