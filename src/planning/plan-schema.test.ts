import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { stageKinds } from '../workflow/definition.ts'
import type { Json } from '../workflow/value.ts'
import { exampleIn, planExample } from './plan-example.ts'
import { type PlanVocabulary, planForm, planJsonSchema } from './plan-schema.ts'

const vocabulary: PlanVocabulary = {
  capabilities: ['research', 'writing'],
  inputs: ['report', 'files'],
  lists: ['files'],
  definitions: ['creative'],
}

function* objectsIn(value: Json): Generator<{ [key: string]: Json }> {
  if (Array.isArray(value)) for (const item of value) yield* objectsIn(item)
  else if (typeof value === 'object' && value !== null) {
    yield value
    for (const item of Object.values(value)) yield* objectsIn(item)
  }
}

const kindsIn = (schema: Json): Json[] =>
  [...objectsIn(schema)].flatMap(({ kind }) =>
    typeof kind === 'object' && kind !== null && 'const' in kind ? [kind.const as Json] : [],
  )

describe('the grammar of plans', () => {
  it('allows every kind of stage that exists', () => {
    assert.deepEqual(kindsIn(planJsonSchema(vocabulary)).sort(), [...stageKinds].sort())
  })

  it('offers no run of a stored definition where none is stored', () => {
    const kinds = kindsIn(planJsonSchema({ ...vocabulary, definitions: [] }))
    assert.deepEqual(kinds.sort(), stageKinds.filter((kind) => kind !== 'run').sort())
  })

  it('knows only keywords that all hosts can enforce', () => {
    const known = ['type', 'properties', 'required', 'additionalProperties', 'items', 'minItems', 'maxItems']
    known.push('minLength', 'maxLength', 'enum', 'const', 'anyOf', '$ref', '$defs')
    const { $defs, ...root } = planJsonSchema(vocabulary)
    const schemas = [root, ...Object.values($defs as { [name: string]: Json })]
    const visit = (schema: Json): void => {
      const parts = schema as { [key: string]: Json }
      for (const key of Object.keys(parts)) assert.ok(known.includes(key), `keyword ${key}`)
      if (parts.type === 'object') {
        const names = Object.keys(parts.properties as object)
        assert.deepEqual(parts.required, names, 'OpenAI wants every property required')
        assert.equal(parts.additionalProperties, false)
        Object.values(parts.properties as { [name: string]: Json }).forEach(visit)
      }
      if (parts.type === 'array') {
        assert.equal(typeof parts.maxItems, 'number', 'every list is bounded')
        visit(parts.items as Json)
      }
      if (parts.type === 'string' && parts.enum === undefined && parts.const === undefined)
        assert.equal(typeof parts.maxLength, 'number', 'every text is bounded')
      if (Array.isArray(parts.anyOf)) parts.anyOf.forEach(visit)
    }
    schemas.forEach(visit)
  })

  it('offers exactly the capabilities, inputs and definitions that there are', () => {
    const enums = [...objectsIn(planJsonSchema(vocabulary))].map(({ enum: values, const: value }) =>
      JSON.stringify(values ?? [value]),
    )
    assert.ok(enums.includes('["research","writing"]'))
    assert.ok(enums.includes('["all","report","files"]'))
    assert.ok(enums.includes('["files"]'))
    assert.ok(enums.includes('["creative"]'))
  })

  it('stays small with many capabilities: they stand in it once', () => {
    const capabilities = Array.from({ length: 500 }, (_, i) => `capability_${i}`)
    assert.ok(JSON.stringify(planJsonSchema({ ...vocabulary, capabilities })).length < 20_000)
  })

  it('refuses a plan with one task at the start, and one without a decision', () => {
    const form = planForm({
      ...vocabulary,
      capabilities: ['research', 'comparison', 'critique', 'synthesis', 'analysis', 'writing'],
      inputs: [],
    })
    assert.equal(form.safeParse(planExample.plan).success, true)
    assert.equal(form.safeParse({ ...planExample.plan, start: planExample.plan.start.slice(0, 1) }).success, false)
    const { decide: _, ...undecided } = planExample.plan
    assert.equal(form.safeParse(undecided).success, false)
  })

  it('counts characters as grammars do, by code point', () => {
    const form = planForm({
      ...vocabulary,
      capabilities: ['research', 'comparison', 'critique', 'synthesis', 'analysis', 'writing'],
      inputs: [],
    })
    const said = (does: string) =>
      form.safeParse({ ...planExample.plan, finish: { capability: 'writing', does } }).success
    assert.equal(said('🚲'.repeat(100)), true)
    assert.equal(said('🚲'.repeat(101)), false)
  })

  it('fits the example of the prompt, whatever is offered', () => {
    const form = planForm(vocabulary)
    assert.equal(form.safeParse(exampleIn(vocabulary)).error, undefined)
    const alone = { capabilities: ['work'], inputs: [], lists: [], definitions: [] }
    assert.equal(planForm(alone).safeParse(exampleIn(alone)).error, undefined)
  })
})
