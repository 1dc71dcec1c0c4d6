import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../workflow/value.ts'
import { answerSchema } from './answer-schema.ts'

const parse = (schema: { [key: string]: Json }, text: string, finish: 'stop' | 'length' = 'stop') => {
  const checked = answerSchema(schema)
  assert.ok(checked.ok, JSON.stringify(checked))
  return checked.value.parse({ text, finish, output_tokens: 7 })
}
const PLAN = {
  type: 'object',
  properties: {
    stages: { type: 'array', items: { type: 'object', properties: { name: { type: 'string', maxLength: 5 } } } },
  },
  required: ['stages'],
}

describe('an answer against its schema', () => {
  it('is the JSON when it fits, also in a Markdown fence', () => {
    const value = { stages: [{ name: 'a' }] }
    assert.deepEqual(parse(PLAN, JSON.stringify(value)), { ok: true, value })
    assert.deepEqual(parse(PLAN, `\n\`\`\`json\n${JSON.stringify(value)}\n\`\`\`\n`), { ok: true, value })
  })

  it('names the path of what does not fit', () => {
    const result = parse(PLAN, '{"stages":[{"name":"a"},{"name":"too long"}]}')
    assert.ok(!result.ok)
    assert.equal(result.failure.kind, 'output_invalid')
    assert.equal(result.failure.field, 'stages[1].name')
    assert.equal(result.failure.value, 'too long')
    const top = parse(PLAN, '[]')
    assert.match(!top.ok ? top.failure.message : '', /at the top/)
  })

  it('says whether it was cut or is no JSON', () => {
    const cut = parse(PLAN, '{"stages":[', 'length')
    assert.match(!cut.ok ? cut.failure.message : '', /cut off after 7 tokens/)
    const prose = parse(PLAN, 'Certainly! Here is the plan.')
    assert.match(!prose.ok ? prose.failure.message : '', /not JSON/)
  })

  it('refuses schemas that cannot be used', () => {
    const bad: { [key: string]: Json }[] = [
      { $ref: '#/$defs/none' },
      { $ref: '#' },
      { type: 'string', description: 'x'.repeat(70_000) },
    ]
    for (const schema of bad) {
      const result = answerSchema(schema)
      assert.ok(!result.ok)
      assert.equal(result.failure.field, 'schema')
    }
  })

  it('never throws, whatever schema and answer are', () => {
    const object = fc.dictionary(fc.string(), fc.jsonValue()) as fc.Arbitrary<{ [key: string]: Json }>
    const keywords = fc.record(
      {
        type: fc.jsonValue(),
        properties: fc.jsonValue(),
        items: fc.jsonValue(),
        pattern: fc.string(),
        $ref: fc.string(),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<{ [key: string]: Json }>
    fc.assert(
      fc.property(fc.oneof(object, keywords), fc.json(), (schema, text) => {
        const checked = answerSchema(schema)
        if (checked.ok) checked.value.parse({ text, finish: 'stop', output_tokens: null })
      }),
    )
  })
})
