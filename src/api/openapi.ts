/** The OpenAPI 3.1 document, made from the operations alone. */
import { z } from 'zod'
import type { Operation } from '../operations/operation.ts'

type Schema = { [key: string]: unknown }

export function openApiDocument(operations: readonly Operation[], version: string): Schema {
  const schemas: Schema = { problem: problemSchema }
  const paths: { [path: string]: { [method: string]: unknown } } = {}
  for (const operation of operations) {
    for (const path of [operation.path, ...(operation.aliases ?? [])]) {
      const item = paths[path] ?? {}
      item[operation.method.toLowerCase()] = pathItem(operation, path, schemas)
      paths[path] = item
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Quorate',
      version,
      summary: 'Orchestration manager for AI agents',
      description:
        'Every POST takes an Idempotency-Key. Errors are problem+json (RFC 9457) and name field, value and remedy.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    // Asked for only where the configuration says so.
    security: [{}, { api_key: [] }],
    paths,
    components: { schemas, securitySchemes: { api_key: { type: 'http', scheme: 'bearer', bearerFormat: 'qk_…' } } },
  }
}

function pathItem(operation: Operation, path: string, schemas: Schema): Schema {
  const input = hoisted(operation.input, 'input', `${operation.name}_input`, schemas)
  const properties = (input.properties ?? {}) as { [name: string]: Schema }
  const required = new Set((input.required ?? []) as string[])
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string)
  const rest = Object.keys(properties).filter((name) => !inPath.includes(name))
  const inQuery = operation.method === 'GET' || operation.method === 'DELETE'
  const parameter = (place: string) => (name: string) => ({
    name,
    in: place,
    required: place === 'path' || required.has(name),
    schema: properties[name] ?? {},
    ...(properties[name]?.type === 'array' && { style: 'form', explode: false }),
  })
  const parameters = [...inPath.map(parameter('path')), ...(inQuery ? rest.map(parameter('query')) : [])]
  if (operation.method === 'POST') parameters.push(idempotencyKey)
  const examples = input.examples as unknown[] | undefined
  const { examples: _, properties: __, required: ___, ...more } = input
  const body = {
    ...more,
    properties: Object.fromEntries(rest.map((name) => [name, properties[name]])),
    ...(rest.some((name) => required.has(name)) && { required: rest.filter((name) => required.has(name)) }),
  }
  const content: Schema = {
    'application/json': { schema: body, ...(examples?.[0] !== undefined && { example: examples[0] }) },
    ...(rest.includes('definition') && {
      'application/yaml': { schema: { type: 'string', description: 'A definition as YAML' } },
    }),
  }
  const answer: Schema = {
    'application/json': { schema: hoisted(operation.output, 'output', `${operation.name}_output`, schemas) },
  }
  if (path.endsWith('/events')) answer['text/event-stream'] = { schema: { type: 'string' } }
  return {
    operationId: path === operation.path ? operation.name : `${operation.name}_${path.split('/')[1] ?? 'alias'}`,
    summary: operation.summary,
    ...(operation.description !== undefined && { description: operation.description }),
    tags: [operation.path.split('/')[1] ?? ''],
    'x-needs': operation.needs,
    parameters,
    ...(!inQuery && rest.length > 0 && { requestBody: { required: rest.some((name) => required.has(name)), content } }),
    responses: {
      [operation.status ?? 200]: { description: 'Success', content: answer },
      default: {
        description: 'What went wrong',
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/problem' } } },
      },
    },
  }
}

/** JSON Schema of a zod schema; what it defines for itself moves to `components`, where references can reach it. */
function hoisted(schema: z.ZodType, io: 'input' | 'output', name: string, schemas: Schema): Schema {
  const {
    $schema: _,
    $defs,
    ...own
  } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Schema & { $defs?: Schema }
  if ($defs === undefined) return own
  const component = (def: string) => `${name}_${def.replace(/^_+/, '')}`
  const redirect = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(redirect)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) =>
        key === '$ref' && typeof item === 'string'
          ? [key, item.replace(/^#\/\$defs\/(.+)$/, (_all, def: string) => `#/components/schemas/${component(def)}`)]
          : [key, redirect(item)],
      ),
    )
  }
  for (const [def, value] of Object.entries($defs)) schemas[component(def)] = redirect(value)
  return redirect(own) as Schema
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  schema: {
    type: 'string',
    minLength: 1,
    maxLength: 200,
    description: 'The same key with the same request is carried out once',
  },
}

const problemSchema: Schema = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { type: 'string', examples: ['urn:quorate:failure:invalid_input'] },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    field: { type: 'string' },
    value: { type: 'string' },
    remedy: { type: 'string' },
    line: { type: 'integer' },
    column: { type: 'integer' },
    retry_after_s: { type: 'number' },
    problems: { type: 'array', items: { type: 'object' } },
  },
}
