/** What every model host must do; run by each one's test. */
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ModelProgress } from './model-gateway.ts'
import type { HostRequest, ModelHost } from './model-host.ts'

export type HostUnderTest = {
  host: ModelHost
  /** A model that the host has. */
  model: string
  /** Resolves when the work outside for the last call has ended: its socket is closed, its generation has stopped. */
  outside_ended: () => Promise<void>
  close: () => Promise<void>
}

const COLOUR_SCHEMA = {
  type: 'object',
  properties: { colour: { enum: ['red', 'green', 'blue'] }, shade: { type: 'integer', minimum: 1, maximum: 9 } },
  required: ['colour', 'shade'],
  additionalProperties: false,
}

const quiet = { progress: () => {} }
const never = () => new AbortController().signal

/** `open` makes a host whose outside answers any chat in several pieces, and takes seconds when the prompt says "long". */
export function conforms(what: string, open: () => Promise<HostUnderTest>): void {
  describe(`${what} conforms to the contract of a model host`, () => {
    let it_: HostUnderTest
    before(async () => {
      it_ = await open()
    })
    after(() => it_.close())

    const ask = (content: string, more: Partial<HostRequest> = {}): HostRequest => ({
      model: it_.model,
      messages: [{ role: 'user', content }],
      temperature: 0,
      max_output_tokens: 24,
      ...more,
    })

    it('lists the model that it has', async () => {
      const listing = await it_.host.list(never())
      assert.ok(listing.ok, JSON.stringify(listing))
      assert.ok(listing.value.models.some(({ model, chats }) => model === it_.model && chats))
      assert.notEqual(listing.value.detail, '')
    })

    it('answers, counts and streams', async () => {
      const pieces: ModelProgress[] = []
      const progress = (value: ModelProgress) => pieces.push(value)
      const answer = await it_.host.complete(ask('Name three colours.'), { signal: never(), progress })
      assert.ok(answer.ok, JSON.stringify(answer))
      const { text, input_tokens, output_tokens, finish, first_token_ms } = answer.value
      assert.ok(text.length > 0)
      assert.ok((input_tokens ?? 0) > 0)
      assert.ok((output_tokens ?? 0) > 0)
      assert.ok(finish === 'stop' || finish === 'length')
      assert.ok((first_token_ms ?? -1) >= 0)
      const streamed = pieces.filter(({ kind }) => kind === 'tokens')
      assert.ok(streamed.length > 1)
      assert.equal(streamed.map((piece) => piece.text).join(''), text)
    })

    it('has the model keep to a schema', async () => {
      const request = ask('Choose a colour and a shade from 1 to 9.', { schema: COLOUR_SCHEMA, max_output_tokens: 60 })
      const answer = await it_.host.complete(request, { signal: never(), ...quiet })
      assert.ok(answer.ok, JSON.stringify(answer))
      const json = JSON.parse(answer.value.text)
      assert.ok(['red', 'green', 'blue'].includes(json.colour))
      assert.ok(json.shade >= 1 && json.shade <= 9)
    })

    it('says which model is missing', async () => {
      const answer = await it_.host.complete(ask('Hello.', { model: 'no-such-model' }), { signal: never(), ...quiet })
      assert.ok(!answer.ok)
      assert.equal(answer.failure.kind, 'model_missing')
      assert.ok(answer.failure.remedy)
    })

    it('does nothing for a call that is cancelled already', async () => {
      const answer = await it_.host.complete(ask('long'), { signal: AbortSignal.abort(), ...quiet })
      assert.ok(!answer.ok)
      assert.equal(answer.failure.kind, 'cancelled')
    })

    for (const [kind, reason] of [
      ['cancelled', undefined],
      ['timeout', new DOMException('5 s are over', 'TimeoutError')],
    ] as const) {
      it(`ends within a second as ${kind}, and so does the work outside`, async () => {
        const ends = new AbortController()
        let aborted_at = 0
        const answer = await it_.host.complete(ask('Tell me a very long story.', { max_output_tokens: 2000 }), {
          signal: ends.signal,
          progress: () => {
            aborted_at ||= performance.now()
            ends.abort(reason)
          },
        })
        assert.ok(!answer.ok)
        assert.equal(answer.failure.kind, kind)
        assert.ok(performance.now() - aborted_at < 1000)
        await it_.outside_ended()
      })
    }

    it('may be closed twice', async () => {
      const { host, close } = await open()
      await host.close()
      await host.close()
      await close()
    })
  })
}
