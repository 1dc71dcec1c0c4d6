import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { Json } from '../../../workflow/value.ts'
import { answerSchema } from '../../answer-schema.ts'
import { grammarSchema } from './grammar-schema.ts'

type Schema = { [key: string]: Json }

const ANY = {
  oneOf: [
    { type: ['string', 'number', 'boolean', 'null'] },
    { type: 'array' },
    { type: 'object', additionalProperties: true },
  ],
}

describe('a JSON Schema becomes a grammar schema', () => {
  const cases: [string, Schema, Schema][] = [
    [
      'a small integer range becomes its values',
      { type: 'integer', minimum: 1, exclusiveMaximum: 4 },
      { enum: [1, 2, 3] },
    ],
    ['multiples too', { type: 'integer', minimum: 0, maximum: 10, multipleOf: 5 }, { enum: [0, 5, 10] }],
    ['a wide integer range is left to the check', { type: 'integer', minimum: 0, maximum: 1e6 }, { type: 'integer' }],
    [
      'a repetition that llama.cpp refuses is left out',
      { type: 'string', minLength: 1, maxLength: 5000 },
      { type: 'string', minLength: 1 },
    ],
    ['a pattern is left to the check', { type: 'string', pattern: '^a' }, { type: 'string' }],
    ['an unknown format is left to the check', { type: 'string', format: 'email' }, { type: 'string' }],
    ['a known format stays', { type: 'string', format: 'date' }, { type: 'string', format: 'date' }],
    [
      'a list of types becomes a union',
      { type: ['string', 'null'] },
      { oneOf: [{ type: 'string' }, { type: 'null' }] },
    ],
    [
      'anyOf becomes oneOf',
      { anyOf: [{ type: 'string' }, { const: 1 }] },
      { oneOf: [{ type: 'string' }, { const: 1 }] },
    ],
    ['constants together become an enum', { oneOf: [{ const: 'a' }, { const: 'b' }] }, { enum: ['a', 'b'] }],
    ['allOf of one is that one', { allOf: [{ type: 'null' }] }, { type: 'null' }],
    ['no type is anything', {}, ANY],
    [
      'an object without properties is any object',
      { type: 'object' },
      { type: 'object', properties: {}, additionalProperties: true },
    ],
    [
      'a required property that is not described is written too',
      { type: 'object', properties: { a: { type: 'null' } }, required: ['b'] },
      { type: 'object', properties: { a: { type: 'null' }, b: ANY } },
    ],
    [
      'a constant object is spelled out',
      { const: { a: [1] } },
      { type: 'object', properties: { a: { type: 'array', prefixItems: [{ const: 1 }], minItems: 1, maxItems: 1 } } },
    ],
    [
      'definitions of older drafts are found',
      { type: 'array', items: { $ref: '#/definitions/n' }, definitions: { n: { type: 'null' } } },
      { type: 'array', items: { $ref: '#/$defs/n' }, $defs: { n: { type: 'null' } } },
    ],
  ]
  for (const [what, schema, expected] of cases) {
    it(what, () => assert.deepEqual(grammarSchema(schema), expected))
  }

  it('what the grammar allows of scalars and unions is what the schema allows', () => {
    const scalar = fc.oneof(
      fc.integer({ min: -9, max: 9 }),
      fc.string({ maxLength: 3 }),
      fc.boolean(),
      fc.constant(null),
    )
    const leaf = fc.oneof(
      fc.array(scalar, { minLength: 1, maxLength: 4 }).map((values): Schema => ({ enum: values })),
      scalar.map((value): Schema => ({ const: value })),
      fc.tuple(fc.integer({ min: -9, max: 9 }), fc.nat(9)).map(
        ([minimum, more]): Schema => ({
          type: 'integer',
          minimum,
          maximum: minimum + more,
        }),
      ),
    )
    const schemas = fc.oneof(
      leaf,
      fc.array(leaf, { minLength: 1, maxLength: 3 }).map((anyOf): Schema => ({ anyOf })),
    )
    fc.assert(
      fc.property(schemas, scalar, (schema, value) => {
        assert.equal(allows(grammarSchema(schema), value), allows(schema, value))
      }),
    )
  })
})

function allows(schema: Schema, value: Json): boolean {
  // `oneOf` of a grammar is a union: what several options allow is allowed.
  const union = JSON.parse(JSON.stringify(schema).replaceAll('"oneOf"', '"anyOf"'))
  const checked = answerSchema(union)
  assert.ok(checked.ok)
  return checked.value.parse({ text: JSON.stringify(value), finish: 'stop', output_tokens: null }).ok
}
