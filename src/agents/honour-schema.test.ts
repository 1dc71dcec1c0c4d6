import assert from 'node:assert/strict'
import { test } from 'node:test'
import { failed } from '../agent-systems/agent-system.conformance.ts'
import { honourSchema } from './honour-schema.ts'
import { parseJson } from './parse-json.ts'

const schema = {
  type: 'object',
  properties: {
    quotes: { type: 'array', items: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } },
  },
  required: ['quotes'],
  additionalProperties: false,
}

test('the place of the deepest mistake is named', () => {
  assert.deepEqual(honourSchema(schema, { quotes: [{ n: 1 }] }), { ok: true, value: { quotes: [{ n: 1 }] } })
  assert.match(
    failed(honourSchema(schema, { quotes: [{ n: 1 }, { n: 'x' }] }), ['output_invalid']).message,
    /at quotes\/1\/n/,
  )
  assert.match(failed(honourSchema(schema, { quotes: [], more: 1 }), ['output_invalid']).message, /more/)
  assert.match(failed(honourSchema(schema, 'text'), ['output_invalid']).message, /the answer/)
})

test('keywords that stand alone, conditions and references are enforced', () => {
  failed(honourSchema({ minLength: 3 }, 'ab'), ['output_invalid'])
  failed(honourSchema({ uniqueItems: true }, [1, 1]), ['output_invalid'])
  failed(honourSchema({ if: { type: 'string' }, then: { minLength: 3 } }, 'ab'), ['output_invalid'])
  failed(honourSchema({ $ref: '#/$defs/n', $defs: { n: { type: 'number' } } }, 'ab'), ['output_invalid'])
})

test('a schema that is none is the mistake of whoever wrote it', () => {
  for (const wrong of [{ pattern: '(' }, { $ref: '#/nowhere' }])
    assert.equal(failed(honourSchema(wrong, 'ab'), ['invalid_input']).field, 'output_schema')
})

test('without a schema anything goes', () => {
  assert.deepEqual(honourSchema(null, [undefined as never]).ok, true)
})

test('JSON that is broken, or too deep to be walked, is refused', () => {
  assert.deepEqual(parseJson(' {"a":[1]} '), { ok: true, value: { a: [1] } })
  failed(parseJson('{"a":'), ['output_invalid'])
  failed(parseJson('['.repeat(600) + ']'.repeat(600)), ['output_invalid'])
  assert.equal(parseJson('['.repeat(400) + ']'.repeat(400)).ok, true)
  failed(parseJson(`${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`), ['output_invalid'])
})
