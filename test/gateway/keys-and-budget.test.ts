/** A key for each attempt, what it may use, what is recorded of it, and what is answered again after a crash. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Ollama } from 'ollama'
import OpenAI from 'openai'
import { MODEL, type Opened, openWorkshop, type Workshop } from './gateway-workshop.ts'

const user = (content: string) => [{ role: 'user' as const, content }]
const clientOf = (opened: Opened) => new OpenAI({ baseURL: opened.openai_url, apiKey: opened.key })
const ask = (opened: Opened, content: string, more: object = {}) =>
  clientOf(opened).chat.completions.create({ model: MODEL, messages: user(content), ...more })

const shopFor = async (
  t: { after: (end: () => Promise<void>) => void },
  options?: Parameters<typeof openWorkshop>[0],
) => {
  const shop: Workshop = await openWorkshop(options)
  t.after(() => shop.close())
  return shop
}

const unauthorised = (words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof OpenAI.AuthenticationError, String(error))
  assert.equal(error.code, 'invalid_api_key')
  assert.match(error.message, words)
  return true
}

describe('keys', () => {
  test('two attempts never share one, and each ends with its own', async (t) => {
    const shop = await shopFor(t)
    const first = await shop.attempt()
    const second = await shop.attempt({ run: first.run, attempt: 2 })
    assert.notEqual(first.key, second.key)
    await ask(first, 'x')
    await first.access.close('the attempt has ended')
    await assert.rejects(ask(first, 'x'), unauthorised(/no longer valid: the attempt has ended/))
    await ask(second, 'x')
  })

  test('the same attempt asked twice has one', async (t) => {
    const shop = await shopFor(t)
    const { access, key } = await shop.attempt()
    const again = await access.grant((text) => text)
    assert.ok(again.ok && again.value.key === key)
  })

  test('ends with the program', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt()
    shop.restart()
    await assert.rejects(ask(opened, 'x'), unauthorised(/never given out, or it ended with an earlier start/))
  })

  test('a cancelled attempt has its calls ended at once', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt()
    const stream = await ask(opened, 'endless', { stream: true })
    const iterator = (stream as unknown as AsyncIterable<object>)[Symbol.asyncIterator]()
    await iterator.next()
    opened.abort.abort()
    await assert.rejects(async () => {
      for (;;) if ((await iterator.next()).done) break
    }, /has ended/)
    await shop.host.idle()
    assert.equal(shop.host.calls[0]?.ended, 'hung up')
    const usage = await opened.access.close('the attempt was ended (cancelled)')
    assert.equal(usage?.calls, 1)
    assert.equal(usage?.estimated, true)
    await assert.rejects(ask(opened, 'x'), unauthorised(/was ended \(cancelled\)/))
  })

  test('what is no key is refused, and no key reaches the log', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt()
    for (const key of [
      '',
      'none',
      `qk_${'a'.repeat(43)}`,
      opened.key.slice(0, -1),
      `${opened.key}a`,
      opened.key.toLowerCase(),
    ]) {
      const answer = await fetch(`${shop.url}/gateway/v1/models`, { headers: { authorization: `Bearer ${key}` } })
      assert.equal(answer.status, 401, key)
    }
    await fetch(`${opened.ollama_url}/api/tags`)
    await fetch(`${opened.ollama_url}/api/nothing`)
    assert.ok(shop.log.length > 0)
    assert.ok(!JSON.stringify(shop.log).includes(opened.key))
  })
})

describe('the budget', () => {
  const exhausted = (error: unknown) => {
    assert.ok(error instanceof OpenAI.RateLimitError, String(error))
    assert.equal(error.code, 'insufficient_quota')
    assert.match(error.message, /The budget of this run, [\d,]+ (tokens|calls?), is used up/)
    return true
  }

  test('ends a stream in the middle: length, the budget by name, and the model stops', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt({ budget: { tokens: 400 } })
    const chunks = await Array.fromAsync(
      (await ask(opened, 'endless', { stream: true })) as unknown as AsyncIterable<OpenAI.ChatCompletionChunk>,
    )
    const last = chunks.at(-1) as OpenAI.ChatCompletionChunk & { budget?: { message: string } }
    assert.equal(last.choices[0]?.finish_reason, 'length')
    assert.match(last.budget?.message ?? '', /The budget of this run, 400 tokens/)
    await shop.host.idle()
    const [call] = shop.host.calls
    assert.ok((call?.completion_tokens ?? 0) <= 400)
    await assert.rejects(ask(opened, 'more'), exhausted)
    const usage = await opened.access.close('over')
    assert.ok((usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0) <= 400)
    const [record] = await shop.store.model_calls.list(opened.run, 0, 10)
    assert.equal(record?.outcome, 'budget')
  })

  test('is told in Ollama’s dialect as well, and an answer is cut to what is left', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt({ budget: { tokens: 60 } })
    const client = new Ollama({ host: opened.ollama_url })
    const answer = await client.chat({ model: MODEL, messages: user('count 500') })
    assert.equal(answer.done_reason, 'length')
    assert.match((answer as unknown as { budget: { message: string } }).budget.message, /60 tokens/)
    assert.ok((shop.host.calls[0]?.sent.max_tokens ?? 0) <= 60)
    // What was set aside and not used is there again: the host counts fewer tokens in than were estimated.
    const usage = await opened.access.close('over')
    assert.equal(usage?.input_tokens, shop.host.calls[0]?.prompt_tokens)
  })

  test('of 100 calls at once on the last 7, exactly 7 pass', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt({ budget: { calls: 7 } })
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => ask(opened, 'count 3')))
    const refused = results.filter(({ status }) => status === 'rejected')
    assert.equal(results.length - refused.length, 7)
    for (const each of refused) exhausted((each as PromiseRejectedResult).reason)
    assert.equal(shop.host.calls.length, 7)
    assert.equal((await opened.access.close('over'))?.calls, 7)
  })

  test('of tokens at once: what was used stays below the budget', async (t) => {
    const shop = await shopFor(t, { pace_ms: 1 })
    const opened = await shop.attempt({ budget: { tokens: 2_000 } })
    await Promise.allSettled(Array.from({ length: 100 }, () => ask(opened, 'count 40', { max_tokens: 50 })))
    const usage = await opened.access.close('over')
    const used = (usage?.input_tokens ?? 0) + (usage?.output_tokens ?? 0)
    assert.ok(used > 0 && used <= 2_000, String(used))
    const counted = shop.host.calls.reduce(
      (sum, { prompt_tokens, completion_tokens }) => sum + prompt_tokens + completion_tokens,
      0,
    )
    assert.equal(used, counted)
  })

  test('belongs to the run, not to the attempt', async (t) => {
    const shop = await shopFor(t)
    const first = await shop.attempt({ budget: { calls: 3 } })
    const second = await shop.attempt({ run: first.run, task: 'work/two' })
    await ask(first, 'x')
    await ask(second, 'x')
    await first.access.close('over')
    await ask(second, 'x')
    await assert.rejects(ask(second, 'x'), exhausted)
    const third = await shop.attempt({ run: first.run, task: 'work/three' })
    await assert.rejects(ask(third, 'x'), exhausted)
  })

  test('a call that its host refused costs no tokens', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt({ budget: { tokens: 500 } })
    await assert.rejects(ask(opened, 'x', { model: 'standin/gone' }), OpenAI.NotFoundError)
    const usage = await opened.access.close('over')
    assert.deepEqual(usage, { calls: 1, input_tokens: 0, output_tokens: 0 })
  })
})

describe('the record', () => {
  test('has each call with its figures and bodies, without secrets', async (t) => {
    const shop = await shopFor(t)
    const opened = await shop.attempt()
    await ask(opened, `my password is hunter2 and my key ${opened.key}`)
    await clientOf(opened).embeddings.create({ model: 'standin/embedder', input: 'text' })
    await opened.access.close('over')
    const [chat, embedding] = await shop.store.model_calls.list(opened.run, 0, 10)
    assert.ok(chat && embedding)
    const { task, attempt, agent, endpoint, outcome, model, estimated, closed } = chat
    assert.deepEqual(
      { task, attempt, agent, endpoint, outcome, model, estimated, closed },
      {
        task: 'work/one',
        attempt: 1,
        agent: 'outsider',
        endpoint: '/v1/chat/completions',
        outcome: 'ok',
        model: MODEL,
        estimated: false,
        closed: true,
      },
    )
    assert.equal(chat.output_tokens, 4)
    assert.ok((chat.first_token_ms ?? -1) > 0 && (chat.duration_ms ?? 0) >= (chat.first_token_ms ?? 0))
    const body = Buffer.from((await shop.store.blobs.get(chat.request ?? '')) ?? []).toString()
    assert.match(body, /my password is \[secret\] and my key \[secret\]/)
    assert.equal(embedding.endpoint, '/v1/embeddings')
    assert.equal(embedding.input_tokens, 7)
  })

  test('keeps no bodies where it is told so', async (t) => {
    const shop = await shopFor(t, { rules: { record_bodies: false } })
    const opened = await shop.attempt()
    await ask(opened, 'x')
    await opened.access.close('over')
    const [call] = await shop.store.model_calls.list(opened.run, 0, 10)
    assert.deepEqual([call?.request, call?.answer, call?.outcome], [null, null, 'ok'])
  })

  test('answers again after a crash: the same content, as often as it was asked, in the same task, at temperature 0', async (t) => {
    const shop = await shopFor(t)
    const broken = await shop.attempt({ budget: { tokens: 10_000 } })
    const before = await ask(broken, 'count 3', { temperature: 0 })
    await ask(broken, 'count 4', { temperature: 1 })
    while ((await shop.store.model_calls.list(broken.run, 0, 10)).some(({ answer }) => answer === null))
      await new Promise(setImmediate)
    shop.restart()
    assert.equal(shop.host.calls.length, 2)

    const again = await shop.attempt({ run: broken.run })
    const replayed = await ask(again, 'count 3', { temperature: 0 })
    assert.deepEqual(replayed.choices, before.choices)
    assert.deepEqual(replayed.usage, before.usage)
    assert.equal(shop.host.calls.length, 2, 'answered from the record')
    await ask(again, 'count 3', { temperature: 0 })
    assert.equal(shop.host.calls.length, 3, 'it was asked once before')
    await ask(again, 'count 4', { temperature: 1 })
    assert.equal(shop.host.calls.length, 4, 'a sample is meant to differ')
    const other = await shop.attempt({ run: broken.run, task: 'work/two' })
    await ask(other, 'count 3', { temperature: 0 })
    assert.equal(shop.host.calls.length, 5, 'another task')

    const counted = shop.host.calls.slice(0, 4)
    const usage = await again.access.close('over')
    assert.equal(usage?.calls, 4, 'with those from before the crash, without the replayed one')
    assert.equal(
      usage?.input_tokens,
      counted.reduce((sum, call) => sum + call.prompt_tokens, 0),
    )
  })

  test('never answers again what an attempt got that ended in order', async (t) => {
    const shop = await shopFor(t)
    const failed = await shop.attempt()
    await ask(failed, 'count 3', { temperature: 0 })
    await failed.access.close('the attempt has ended')
    const retry = await shop.attempt({ run: failed.run, attempt: 2 })
    await ask(retry, 'count 3', { temperature: 0 })
    assert.equal(shop.host.calls.length, 2)
  })

  test('a call that the crash broke off is charged as it was reserved', async (t) => {
    const shop = await shopFor(t)
    const broken = await shop.attempt({ budget: { tokens: 5_000 } })
    const stream = await ask(broken, 'endless', { stream: true, max_tokens: 300 })
    const iterator = (stream as unknown as AsyncIterable<object>)[Symbol.asyncIterator]()
    await iterator.next()
    shop.restart()
    const again = await shop.attempt({ run: broken.run })
    const [call] = await shop.store.model_calls.list(broken.run, 0, 10)
    assert.equal(call?.outcome, 'running')
    assert.ok((call?.reserved_tokens ?? 0) > 300)
    const usage = await again.access.close('over')
    assert.equal(usage?.input_tokens, call?.reserved_tokens)
    assert.equal(usage?.estimated, true)
    await iterator.return?.()
  })
})
