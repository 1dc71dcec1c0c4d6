/** What an attempt asks through the gateway, seen by its watch: real API, real model gateway, a real client. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import OpenAI from 'openai'
import { keepValue, resolveValue } from '../../src/durable/values.ts'
import { agentTimes, watchAttempt } from '../../src/fleet/watch-attempt.ts'
import { examine } from '../../src/progress/examine.ts'
import type { Finding } from '../../src/progress/finding.ts'
import type { AttemptRecord } from '../../src/progress/record.ts'
import type { Json } from '../../src/workflow/value.ts'
import { MODEL, openWorkshop } from './gateway-workshop.ts'

type Messages = OpenAI.ChatCompletionMessageParam[]

const opened = async (t: { after: (end: () => Promise<void>) => void }, silence = 60_000, timeout = 600_000) => {
  const shop = await openWorkshop()
  t.after(() => shop.close())
  const found: Finding[] = []
  const limits = { evidence: null, silence, timeout }
  const watch = watchAttempt({ times: agentTimes(), ...limits, found: (finding) => found.push(finding) })
  t.after(async () => void watch.end(false))
  return { shop, watch, found }
}

test('a client that calls the same tool again and again: found at the fifth request, and again from what was stored', async (t) => {
  const { shop, watch, found } = await opened(t)
  const attempt = await shop.attempt({ observer: watch.observer })
  const client = new OpenAI({ baseURL: attempt.openai_url, apiKey: attempt.key, maxRetries: 0 })
  const parameters = { type: 'object', properties: { city: { type: 'string' } } }
  const tools = [{ type: 'function' as const, function: { name: 'weather', parameters } }]
  const messages: Messages = [{ role: 'user', content: 'Which weather? My password is hunter2.' }]
  for (let turn = 0; found.length === 0; turn++) {
    assert.ok(turn < 8)
    // The stand-in answers a tool's result in words; a user's message makes it call the tool.
    const answer = await client.chat.completions.create({ model: MODEL, messages, tools, stream: false })
    const message = answer.choices[0]?.message
    assert.ok(message !== undefined)
    const [call] = message.tool_calls ?? []
    messages.push(message)
    if (call !== undefined) messages.push({ role: 'tool', tool_call_id: call.id, content: 'no data; hunter2' })
    else messages.push({ role: 'user', content: 'Ask for the weather again.' })
  }
  const [finding] = found
  assert.ok(finding?.observed !== undefined)
  assert.match(finding.detector, /^(same_call|alternating)$/)
  assert.deepEqual(finding.models, [MODEL])
  assert.doesNotMatch(JSON.stringify(finding), /hunter2/)
  assert.equal(found.length, 1)

  const kept = await keepValue(shop.store, finding.observed as Json)
  assert.ok(JSON.stringify(kept).length < 4_500, 'what the log carries stays small')
  const back = await resolveValue(shop.store, kept)
  assert.ok(back.ok)
  const record = back.value as unknown as AttemptRecord
  const { observed: _, ...facts } = finding
  assert.deepEqual(examine(record, record.quiet.since), facts)
})

test('every token is a sign of life; what the agent names is not asked where another model is tried', async (t) => {
  const { shop, watch } = await opened(t)
  const attempt = await shop.attempt({ observer: watch.observer, model: MODEL })
  const client = new OpenAI({ baseURL: attempt.openai_url, apiKey: attempt.key, maxRetries: 0 })
  const messages: Messages = [{ role: 'user', content: 'count 30' }]
  const answer = await client.chat.completions.create({ model: 'standin/gone', messages })
  assert.match(answer.choices[0]?.message.content ?? '', /w29/)
  assert.equal(watch.over(), null)
})

test('a tool that hangs between two requests is found by the watch alone', async (t) => {
  const { shop, watch, found } = await opened(t, 150, 600)
  const attempt = await shop.attempt({ observer: watch.observer })
  const client = new OpenAI({ baseURL: attempt.openai_url, apiKey: attempt.key, maxRetries: 0 })
  const messages: Messages = [{ role: 'user', content: 'count 3' }]
  await client.chat.completions.create({ model: MODEL, messages })
  while (found.length === 0) await new Promise((resolve) => setImmediate(resolve))
  assert.equal(found[0]?.detector, 'silence')
  assert.match(found[0]?.message ?? '', /since the model answered: a tool of the agent may hang/)
})
