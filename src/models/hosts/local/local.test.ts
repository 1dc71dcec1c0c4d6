/** The real model, fetched by the real code once into a cache that test runs share. */
import assert from 'node:assert/strict'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Json } from '../../../workflow/value.ts'
import { answerSchema } from '../../answer-schema.ts'
import { conforms } from '../../model-host.conformance.ts'
import type { HostRequest } from '../../model-host.ts'
import { localHost } from './local.ts'

const logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const settings = {
  enabled: true,
  model: 'smollm2-135m-instruct',
  path: null,
  threads: 1,
  context_tokens: 1024,
  hub: false,
}
const open = () =>
  localHost({ name: 'local', settings, cache_dir: join(tmpdir(), 'quorate-test-cache'), logger, fetch })

const context = () => ({ signal: new AbortController().signal, progress: () => {} })
const ask = (content: string, more: Partial<HostRequest> = {}): HostRequest => ({
  model: 'smollm2-135m-instruct',
  messages: [{ role: 'user', content }],
  temperature: 0,
  max_output_tokens: 16,
  ...more,
})

conforms('the local model', async () => {
  const host = open()
  return {
    host,
    model: 'smollm2-135m-instruct',
    // It does one thing at a time: that it answers something else means that it has stopped the one before.
    outside_ended: async () => {
      assert.ok((await host.complete(ask('Hello.', { max_output_tokens: 1 }), context())).ok)
    },
    close: host.close,
  }
})

describe('the local model', () => {
  const host = open()
  after(host.close)

  it('gives the same answer at temperature 0, whatever ran before', async () => {
    // Long enough that its beginning is a whole batch, which the second call of a kind takes over from the first.
    const facts = Array.from({ length: 20 }, (_, i) => `Agent${i} can do task ${(i * 7) % 11}.`).join(' ')
    const about = (question: string) =>
      ask('', {
        messages: [
          { role: 'system', content: facts },
          { role: 'user', content: question },
        ],
        max_output_tokens: 24,
      })
    const fresh = await host.complete(about('Write about a fox.'), context())
    const other = await host.complete(about('List the agents.'), context())
    const again = await host.complete(about('Write about a fox.'), context())
    assert.ok(fresh.ok && other.ok && again.ok)
    assert.equal(again.value.text, fresh.value.text)
    assert.notEqual(other.value.text, fresh.value.text)
    assert.ok((fresh.value.input_tokens ?? 0) > 140)
    assert.ok((again.value.first_token_ms ?? Infinity) < (fresh.value.first_token_ms ?? 0), 'the prefix was not reused')
  })

  it('samples by seed', async () => {
    const story = (seed: number) => host.complete(ask('Tell a story.', { temperature: 1, seed }), context())
    const [one, same, other] = [await story(1), await story(1), await story(2)]
    assert.ok(one.ok && same.ok && other.ok)
    assert.equal(one.value.text, same.value.text)
    assert.notEqual(one.value.text, other.value.text)
  })

  it('refuses a prompt that does not fit instead of cutting it', async () => {
    const answer = await host.complete(ask('word '.repeat(2000)), context())
    assert.ok(!answer.ok)
    assert.equal(answer.failure.kind, 'too_large')
    assert.match(answer.failure.message, /2\d{3} tokens.*1024/)
  })

  it('says that an answer was cut', async () => {
    const answer = await host.complete(ask('Tell a long story.', { max_output_tokens: 5 }), context())
    assert.ok(answer.ok)
    assert.equal(answer.value.finish, 'length')
    assert.equal(answer.value.output_tokens, 5)
  })

  const schemas: { [what: string]: { [key: string]: Json } } = {
    'numbers of a range, each by enum': {
      type: 'object',
      properties: {
        lines: { type: 'array', items: { type: 'integer', minimum: 1, maximum: 40 }, minItems: 3, maxItems: 3 },
      },
      required: ['lines'],
    },
    'a choice of kinds, by anyOf and const': {
      anyOf: [
        { type: 'object', properties: { kind: { const: 'vote' }, weight: { enum: [1, 2, 3] } }, required: ['kind'] },
        { type: 'object', properties: { kind: { const: 'abstain' }, reason: { type: 'string', maxLength: 20 } } },
      ],
    },
    'null and lists of types': {
      type: 'object',
      properties: {
        a: { type: ['string', 'null'], maxLength: 8 },
        b: { type: 'boolean' },
        c: { const: { d: [1, 'x'] } },
      },
      required: ['a', 'b', 'c'],
      additionalProperties: false,
    },
  }
  for (const [what, schema] of Object.entries(schemas)) {
    it(`keeps to ${what}`, async () => {
      const answer = await host.complete(ask('Answer in JSON.', { schema, max_output_tokens: 120 }), context())
      assert.ok(answer.ok, JSON.stringify(answer))
      const checked = answerSchema(schema)
      assert.ok(checked.ok)
      const value = checked.value.parse(answer.value)
      assert.ok(value.ok, `${answer.value.text} ${JSON.stringify(value)}`)
    })
  }

  it('keeps to recursion through $defs, as far as it may write', async () => {
    const next = { anyOf: [{ $ref: '#/$defs/node' }, { type: 'null' }] }
    const node = { type: 'object', properties: { name: { enum: ['x', 'y'] }, next }, required: ['name', 'next'] }
    const schema = { $ref: '#/$defs/node', $defs: { node } }
    const answer = await host.complete(ask('Answer in JSON.', { schema, max_output_tokens: 30 }), context())
    assert.ok(answer.ok, JSON.stringify(answer))
    assert.match(answer.value.text, /^\{\s*"name": ?"[xy]",\s*"next": ?(null|\{\s*"name": ?"[xy]")/)
  })

  it('refuses a schema that makes no grammar', async () => {
    let schema: { [key: string]: Json } = { type: 'string' }
    for (let i = 0; i < 100; i++) schema = { type: 'array', items: schema }
    const answer = await host.complete(ask('Hello.', { schema }), context())
    assert.equal(!answer.ok && answer.failure.kind, 'invalid_input')
  })

  it('survives a kill of its process in mid-call: the call may be repeated, and the next one works', async () => {
    let killed: number | null = null
    const answer = await host.complete(ask('Tell a very long story.', { max_output_tokens: 800 }), {
      signal: new AbortController().signal,
      progress: ({ kind }) => {
        if (kind !== 'tokens' || killed !== null) return
        killed = host.pid()
        assert.ok(killed)
        process.kill(killed, 'SIGKILL')
      },
    })
    assert.ok(!answer.ok)
    assert.equal(answer.failure.kind, 'agent_failed')
    assert.match(answer.failure.message, /SIGKILL/)
    assert.equal(answer.failure.retry_after_s, 1)
    const next = await host.complete(ask('Hello.'), context())
    assert.ok(next.ok)
    assert.ok((next.value.load_ms ?? 0) > 0)
    assert.notEqual(host.pid(), killed)
  })
})
