/** Whatever is sent to whatever operation: an answer below 500, and no run, agent or definition half made. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import type { Operation } from '../operations/operation.ts'
import { type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor({ limits: { body_bytes: 100_000 } })
})
after(() => door.close())

/** What is stored; a refused request leaves it as it was, an accepted one adds one thing at most. */
async function stored() {
  const runs = (await door.store.runs.list({ limit: 1 })).total ?? 0
  const definitions = (await door.store.definitions.list({ limit: 1 })).total ?? 0
  const agents = (await door.parts.context.fleet.list()).length
  return { runs, definitions, agents }
}

const names = [
  'goal',
  'objective',
  'agents',
  'definition',
  'inputs',
  'id',
  'name',
  'reason',
  'data',
  'decision',
  'limit',
  'settings',
  'system',
  'capabilities',
  'constructor',
  'toString',
  'hash',
  'cursor',
]
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(
    '',
    ' ',
    'null',
    '=1/0',
    'swarm',
    'sha256:0',
    '\u0000',
    '\ud800',
    '../../etc/passwd',
    '%',
    "' or 1=1 --",
  ),
)
const value: fc.Arbitrary<unknown> = fc.oneof(
  { maxDepth: 4 },
  text,
  fc.double(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.jsonValue(), { maxLength: 4 }),
  fc.jsonValue(),
)
const fields = fc.dictionary(fc.oneof(fc.constantFrom(...names), text), value, { maxKeys: 6 })
const body = fc.oneof(
  { weight: 4, arbitrary: fields.map((each) => JSON.stringify(each)) },
  { weight: 1, arbitrary: fc.jsonValue().map((each) => JSON.stringify(each)) },
  { weight: 1, arbitrary: fc.tuple(fields, fc.nat()).map(([each, cut]) => JSON.stringify(each).slice(0, cut % 40)) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 200 }) },
)
const contentType = fc.constantFrom(
  'application/json',
  'application/x-www-form-urlencoded',
  'application/yaml',
  'text/plain',
  'multipart/form-data',
  '',
  'application/json; charset=utf-16',
  'x',
)

type JsonSchema = { type?: string; enum?: unknown[]; anyOf?: JsonSchema[]; properties?: Record<string, JsonSchema> }

/** A body of the operation's own fields with values of their types: accepted now and then, so that the good path is fuzzed too. */
function fittingBody(operation: Operation, texts: string[]): string {
  const { properties = {} } = z.toJSONSchema(operation.input, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  const fields = Object.entries(properties).filter(([field]) => !operation.path.includes(`{${field}}`))
  const fitting = ({ type, enum: options, anyOf }: JsonSchema, i: number): unknown => {
    if (anyOf?.[0] !== undefined) return fitting(anyOf[0], i)
    if (options !== undefined) return options[i % options.length]
    const text = texts[i % texts.length] ?? ''
    return (
      { string: text, integer: text.length, number: text.length, boolean: text.length > 2, array: [], object: {} }[
        type ?? ''
      ] ?? text
    )
  }
  const few =
    operation.name === 'create_workflow' ? fields.filter(([field]) => field !== 'definition') : fields.slice(0, 3)
  return JSON.stringify(Object.fromEntries(few.map(([field, schema], i) => [field, fitting(schema, i)])))
}

/** A path with its parameters filled in, and a query now and then. */
function address(operation: Operation, parameters: string[], query: [string, string][]): string {
  let i = 0
  const path = operation.path.replaceAll(
    /\{\w+\}/g,
    () => encodeURIComponent((parameters[i++ % parameters.length] ?? 'x').toWellFormed()) || 'x',
  )
  const pairs = query.map(
    ([name, each]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(each.toWellFormed())}`,
  )
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`
}

test('garbage in any operation is answered, never with 5xx, and makes nothing by halves', async () => {
  const known = await door.parts.context.runs.start({
    kind: 'workflow',
    goal: 'known',
    definition: null,
    inputs: {},
    by: 'test',
  })
  assert.ok(known.ok)
  const parameter = fc.oneof(text, fc.constantFrom(known.value.run, 'analyst', 'go', 'sha256:'.padEnd(71, 'a')))
  const request = fc.record({
    operation: fc.constantFrom(...door.parts.operations),
    parameters: fc.array(parameter, { minLength: 1, maxLength: 2 }),
    query: fc.oneof(
      { weight: 3, arbitrary: fc.constant<[string, string][]>([]) },
      { weight: 1, arbitrary: fc.array(fc.tuple(fc.constantFrom(...names), text), { maxLength: 3 }) },
    ),
    body,
    texts: fc.array(text, { minLength: 2, maxLength: 4 }),
    fits: fc.boolean(),
    contentType,
    key: fc.option(fc.string({ maxLength: 210 }), { freq: 6 }),
  })
  let accepted = 0
  await fc.assert(
    fc.asyncProperty(request, async (sent) => {
      const { method } = sent.operation
      const before = await stored()
      const headers = new Headers()
      const type = sent.fits ? 'application/json' : sent.contentType
      if (type !== '') headers.set('content-type', type)
      if (sent.key !== null && /^[\x20-\x7e]*$/.test(sent.key)) headers.set('idempotency-key', sent.key)
      const answer = await fetch(door.url + address(sent.operation, sent.parameters, sent.query), {
        method,
        headers,
        ...(method !== 'GET' && {
          body: (sent.fits ? fittingBody(sent.operation, sent.texts) : sent.body) as string,
        }),
      })
      const said = await answer.text()
      if (method !== 'GET' && answer.ok) accepted++
      assert.ok(answer.status < 500, `${answer.status} ${said}`)
      if (answer.status >= 400) assert.equal((JSON.parse(said) as { status: number }).status, answer.status)
      else if (said !== '') JSON.parse(said)
      const now = await stored()
      const made = now.runs - before.runs + (now.agents - before.agents)
      if (answer.status >= 400) assert.deepEqual(now, before, said)
      else assert.ok(made <= 1 && now.definitions - before.definitions <= 1, said)
      if (now.runs > before.runs) {
        const [row] = (await door.store.runs.list({ limit: 1, order: 'newest' })).items
        const [event] = await door.store.events.read(String(row?.id), 0, 10)
        assert.equal(event?.type, 'run_started', 'a run has its first event')
        assert.equal((await fetch(`${door.url}/runs/${row?.id}`)).status, 200)
      }
    }),
    { numRuns: 600, interruptAfterTimeLimit: 60_000 },
  )
  assert.ok(accepted > 10, `only ${accepted} requests were good enough to be carried out`)
})

test('goals of any Unicode come back exactly as they were sent', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }), async (goal) => {
      const answer = await fetch(`${door.url}/create_workflow`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ goal }),
      })
      const said = (await answer.json()) as { run_id?: string }
      if (answer.status === 202) {
        const run = (await (await fetch(`${door.url}/runs/${said.run_id}`)).json()) as { goal: string }
        assert.equal(run.goal, goal)
      } else {
        assert.equal(answer.status, 400)
        assert.ok(goal.includes('\0') || !/\S/.test(goal), JSON.stringify(goal))
      }
    }),
    { numRuns: 100 },
  )
})

test('what reads answers as its schema says', async () => {
  for (const operation of door.parts.operations) {
    if (operation.method !== 'GET' || operation.path.includes('{')) continue
    const answer = await fetch(door.url + operation.path)
    assert.equal(answer.status, 200, operation.name)
    const parsed = operation.output.safeParse(await answer.json())
    assert.ok(parsed.success, `${operation.name}: ${parsed.success ? '' : parsed.error.message}`)
  }
})
