/** Whatever is sent to the gateway's endpoint: an answer in the dialect's own form, never a 500, never a hung connection. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { MODEL, openWorkshop } from './gateway-workshop.ts'

const paths = [
  '/v1/chat/completions',
  '/v1/responses',
  '/v1/embeddings',
  '/v1/models',
  '/api/chat',
  '/api/generate',
  '/api/embed',
  '/api/embeddings',
  '/api/show',
]

const isError = (path: string, body: Record<string, unknown>): boolean => {
  const { error } = body as { error?: { message?: unknown; type?: unknown } | string }
  if (path.startsWith('/api')) return typeof error === 'string' && error !== ''
  return typeof error === 'object' && typeof error.message === 'string' && typeof error.type === 'string'
}

const anyField = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(MODEL, 'default', '', -1, 1e300, [], {}, 'x'.repeat(500)),
)

const near = fc.record(
  {
    model: fc.oneof({ weight: 4, arbitrary: fc.constant<unknown>(MODEL) }, { weight: 1, arbitrary: anyField }),
    messages: fc.oneof(
      anyField,
      fc.array(
        fc.record(
          { role: fc.constantFrom('user', 'tool', 'assistant', 'robot'), content: anyField, tool_calls: anyField },
          { requiredKeys: ['role'] },
        ),
        { maxLength: 3 },
      ),
    ),
    input: anyField,
    prompt: anyField,
    tools: anyField,
    tool_choice: anyField,
    response_format: anyField,
    format: anyField,
    options: anyField,
    stop: anyField,
    stream: fc.oneof(fc.boolean(), anyField),
    max_tokens: fc.oneof(fc.integer({ min: -5, max: 50 }), anyField),
    temperature: anyField,
    text: anyField,
  },
  { requiredKeys: [] },
)

test('garbage is answered in the form of the dialect', async (t) => {
  const shop = await openWorkshop()
  t.after(() => shop.close())
  const { key } = await shop.attempt()
  const send = async (path: string, method: string, body: string | null) => {
    const answer = await fetch(`${shop.url}/gateway${path}`, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== null && { body }),
    })
    return { status: answer.status, text: await answer.text() }
  }
  const fine = ({ status, text }: { status: number; text: string }, path: string): void => {
    if (status === 200) return
    assert.ok(status >= 400 && status < 500, `${path}: ${status} ${text}`)
    assert.ok(isError(path, JSON.parse(text)), text)
  }

  const whole = fc.oneof({ weight: 3, arbitrary: near.map((body) => JSON.stringify(body)) }, fc.string(), fc.json())
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), whole, async (path, body) =>
      fine(await send(path, 'POST', body), path),
    ),
    { numRuns: 400 },
  )
  for (const path of ['', '/', '/v1', '/v1/', '/v1/nothing', '/api', '/api/pull', '/v2/models', '/v1/models/%ff'])
    for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
      const answer = await send(path, method, method === 'GET' ? null : '{}')
      assert.ok([404, 405].includes(answer.status), `${method} ${path}: ${answer.status}`)
      assert.ok(isError(path, JSON.parse(answer.text)), answer.text)
    }

  const deep = await send('/v1/chat/completions', 'POST', '['.repeat(100_000))
  assert.equal(deep.status, 400)
  const large = await send('/api/chat', 'POST', JSON.stringify({ model: MODEL, prompt: 'x'.repeat(17 * 1024 * 1024) }))
  assert.equal(large.status, 413)
  assert.match(large.text, /larger than/)
})
