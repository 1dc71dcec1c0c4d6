import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { stageKinds } from './definition.ts'
import { DEFINITION_SCHEMA_ID, definitionJsonSchema } from './definition-json-schema.ts'

const schema = definitionJsonSchema()

test('the schema names itself, and every reference leads to something', () => {
  assert.equal(schema.$id, DEFINITION_SCHEMA_ID)
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema')
  const definitions = Object.keys(schema.$defs as object)
  assert.deepEqual(definitions.sort(), ['json', 'stage', ...stageKinds.map((kind) => `${kind}_stage`)].sort())
  for (const [, name] of JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g))
    assert.ok(definitions.includes(name ?? ''), name)
  assert.equal(JSON.stringify(schema).includes('__schema'), false)
})

test('it accepts a definition with bodies inside bodies, and refuses what the checker refuses', () => {
  const { $id, ...anonymous } = schema
  assert.ok($id)
  const validator = z.fromJSONSchema(anonymous as Parameters<typeof z.fromJSONSchema>[0])
  const loop = (stages: unknown[]): unknown => ({ id: 'l', kind: 'loop', max: 2, until: 'true', stages })
  const definition = {
    apiVersion: 'quorate/v1',
    name: 'n',
    stages: [loop([loop([{ id: 't', kind: 'timer', for: '1s' }])])],
  }
  assert.equal(validator.safeParse(definition).success, true)
  assert.equal(
    validator.safeParse({ ...definition, stages: [loop([loop([{ id: 't', kind: 'timer', for: '1s', surplus: 1 }])])] })
      .success,
    false,
  )
  assert.equal(validator.safeParse({ ...definition, stages: [{ id: 'T', kind: 'timer', for: '1s' }] }).success, false)
  assert.equal(validator.safeParse({ ...definition, apiVersion: 'quorate/v2' }).success, false)
})
