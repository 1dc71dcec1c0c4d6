import assert from 'node:assert/strict'
import { test } from 'node:test'
import { operations } from '../operations/all.ts'
import { openApiDocument } from './openapi.ts'

type Item = {
  operationId: string
  parameters: { name: string; in: string; required: boolean }[]
  requestBody?: { required: boolean; content: Record<string, { schema: { required?: string[] }; example?: unknown }> }
  responses: Record<string, unknown>
}
const document = openApiDocument(operations, '1.2.3') as {
  openapi: string
  paths: Record<string, Record<string, Item>>
  components: { schemas: Record<string, unknown> }
}
const items = Object.values(document.paths).flatMap((path) => Object.values(path))

test('every operation is there under its method and path, with the status of its success', () => {
  for (const { name, method, path, status = 200 } of operations) {
    const item = document.paths[path]?.[method.toLowerCase()]
    assert.equal(item?.operationId, name)
    assert.ok(item.responses[status], name)
  }
})

test('operation ids are unique, also those of aliases', () => {
  assert.equal(new Set(items.map((item) => item.operationId)).size, items.length)
})

test('every reference leads somewhere', () => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] as string)
  assert.ok(references.length > items.length)
  for (const reference of references) {
    const found = reference
      .slice(2)
      .split('/')
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document)
    assert.ok(reference.startsWith('#/components/schemas/') && found !== undefined, reference)
  }
})

test('what stands in the path is a parameter, and no field of the body', () => {
  for (const [path, methods] of Object.entries(document.paths)) {
    for (const item of Object.values(methods)) {
      for (const [, name] of path.matchAll(/\{(\w+)\}/g)) {
        assert.ok(
          item.parameters.some((each) => each.name === name && each.in === 'path' && each.required),
          `${path} ${name}`,
        )
        assert.ok(!item.requestBody?.content['application/json']?.schema.required?.includes(name as string))
      }
    }
  }
})

test('every POST takes an Idempotency-Key, and the first commands have an example', () => {
  for (const { path, method } of operations) {
    const takes = document.paths[path]?.[method.toLowerCase()]?.parameters.some(
      (each) => each.name === 'Idempotency-Key',
    )
    assert.equal(takes, method === 'POST', path)
  }
  const body = document.paths['/create_swarm']?.post?.requestBody
  assert.deepEqual(body?.content['application/json']?.example, {
    objective: 'Solve complex reasoning task',
    agents: 10,
  })
  assert.ok(document.paths['/create_workflow']?.post?.requestBody?.content['application/yaml'])
})
