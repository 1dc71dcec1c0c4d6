/** Whether an output_schema is a JSON Schema (draft 2020-12), with the place of what is not. Sizes were bounded before. */
import type { Json } from '../value.ts'
import { nearest, suggestion } from './nearest.ts'
import type { Findings, Path } from './problems.ts'

const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null']

type Form = 'schema' | 'schemas' | 'by_name' | 'texts' | 'list' | 'text' | 'number' | 'boolean' | 'any'

/** What stands under each keyword. */
const keywords: { [keyword: string]: Form } = {
  type: 'any',
  enum: 'list',
  const: 'any',
  properties: 'by_name',
  patternProperties: 'by_name',
  dependentSchemas: 'by_name',
  $defs: 'by_name',
  definitions: 'by_name',
  additionalProperties: 'schema',
  propertyNames: 'schema',
  unevaluatedProperties: 'schema',
  unevaluatedItems: 'schema',
  items: 'schema',
  contains: 'schema',
  not: 'schema',
  if: 'schema',
  then: 'schema',
  else: 'schema',
  prefixItems: 'schemas',
  allOf: 'schemas',
  anyOf: 'schemas',
  oneOf: 'schemas',
  required: 'texts',
  dependentRequired: 'any',
  minimum: 'number',
  maximum: 'number',
  exclusiveMinimum: 'number',
  exclusiveMaximum: 'number',
  multipleOf: 'number',
  minLength: 'number',
  maxLength: 'number',
  minItems: 'number',
  maxItems: 'number',
  minContains: 'number',
  maxContains: 'number',
  minProperties: 'number',
  maxProperties: 'number',
  uniqueItems: 'boolean',
  pattern: 'text',
  format: 'text',
  $ref: 'text',
  $schema: 'text',
  $id: 'text',
  $anchor: 'text',
  $comment: 'text',
  $dynamicRef: 'text',
  $dynamicAnchor: 'text',
  title: 'text',
  description: 'text',
  default: 'any',
  examples: 'list',
  deprecated: 'boolean',
  readOnly: 'boolean',
  writeOnly: 'boolean',
  contentEncoding: 'text',
  contentMediaType: 'text',
  contentSchema: 'schema',
}

const isObject = (value: Json): value is { [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function checkOutputSchema(schema: Json, path: Path, findings: Findings): void {
  if (typeof schema === 'boolean') return
  if (!isObject(schema)) return wrong(path, 'a schema is an object, or true or false', schema, findings)
  for (const [keyword, value] of Object.entries(schema)) {
    const at = [...path, keyword]
    const form = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined
    if (form === undefined) unknownKeyword(keyword, at, findings)
    else if (!fits(value, form)) wrong(at, `${keyword} must be ${formText[form]}`, value, findings)
    else {
      if (form === 'schema') checkOutputSchema(value, at, findings)
      if (form === 'schemas')
        for (const [i, one] of (value as Json[]).entries()) checkOutputSchema(one, [...at, i], findings)
      if (form === 'by_name')
        for (const [name, one] of Object.entries(value as { [name: string]: Json }))
          checkOutputSchema(one, [...at, name], findings)
      checkOne(keyword, value, at, schema, findings)
    }
  }
}

const formText: { [F in Form]: string } = {
  schema: 'a schema',
  schemas: 'a list of schemas',
  by_name: 'an object of schemas by name',
  texts: 'a list of texts',
  list: 'a list',
  text: 'a text',
  number: 'a number',
  boolean: 'true or false',
  any: 'a value',
}

function fits(value: Json, form: Form): boolean {
  switch (form) {
    case 'schema':
      return isObject(value) || typeof value === 'boolean'
    case 'schemas':
    case 'list':
      return Array.isArray(value)
    case 'by_name':
      return isObject(value)
    case 'texts':
      return Array.isArray(value) && value.every((one) => typeof one === 'string')
    case 'text':
      return typeof value === 'string'
    case 'number':
    case 'boolean':
      return typeof value === form
    case 'any':
      return true
  }
}

/** What has a meaning of its own besides its form. */
function checkOne(keyword: string, value: Json, path: Path, schema: { [key: string]: Json }, findings: Findings): void {
  if (keyword === 'type')
    for (const [i, one] of [value].flat().entries())
      if (typeof one !== 'string' || !types.includes(one))
        findings.problem(Array.isArray(value) ? [...path, i] : path, `unknown type ${JSON.stringify(one)}`, {
          remedy: suggestion(String(one), types, 'type'),
          value: one,
        })
  if (keyword === '$ref' && !(value as string).startsWith('#'))
    wrong(
      path,
      '$ref leads out of the schema',
      value,
      findings,
      'Nothing is fetched: write what it refers to under $defs.',
    )
  if (keyword === 'enum' && (value as Json[]).length === 0)
    wrong(path, 'enum allows nothing', value, findings, 'Fill it in.')
  if (keyword === 'pattern') badPattern(value as string, path, findings)
  const { properties } = schema
  if (keyword === 'required' && properties !== undefined && isObject(properties) && !('$ref' in schema))
    for (const [i, name] of (value as string[]).entries())
      if (!Object.hasOwn(properties, name))
        findings.warn([...path, i], `"${name.slice(0, 80)}" is required and stands under no properties`, {
          remedy: suggestion(name, Object.keys(properties), 'property'),
          value: name,
        })
}

function badPattern(pattern: string, path: Path, findings: Findings): void {
  try {
    new RegExp(pattern, 'u')
  } catch (error) {
    wrong(path, `pattern is no regular expression: ${(error as Error).message}`, pattern, findings)
  }
}

/** JSON Schema takes no notice of keywords that it does not know: a slip of the pen would go unseen. */
function unknownKeyword(keyword: string, path: Path, findings: Findings): void {
  if (keyword.startsWith('x-')) return
  const known = Object.keys(keywords)
  findings.warn(path, `JSON Schema has no keyword "${keyword.slice(0, 80)}": it is ignored`, {
    remedy:
      nearest(keyword, known, 1).length > 0
        ? suggestion(keyword, known, 'keyword')
        : 'Remove it, or put it under properties.',
    at: 'key',
  })
}

const wrong = (
  path: Path,
  message: string,
  value: Json,
  findings: Findings,
  remedy = 'Write a JSON Schema (draft 2020-12).',
) => findings.problem(path, message, { remedy, value })
