import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conforms, exampleTask, failed } from '../agent-system.conformance.ts'
import { createFunctions, functionSystem } from './function.ts'

const functions = createFunctions()
const system = functionSystem(functions)
let aborted = false
let begun = Promise.withResolvers<void>()

functions.register('echo', (task) => task.input)
functions.register('number', () => 7)
functions.register('endless', (_task, { signal }) => {
  aborted = false
  signal.addEventListener('abort', () => {
    aborted = true
  })
  begun.resolve()
  return new Promise(() => {})
})
functions.register('garbage', () => {
  const cycle: { self?: unknown } = {}
  cycle.self = cycle
  return cycle as never
})

const number = { settings: { function: 'number' } }
const schema = { type: 'integer', minimum: 7 }
const inProcess = { cannot: 'a function is handed no secrets' }

conforms(system, {
  succeeds: () => ({ settings: { function: 'echo' }, output: { text: 'Grüße' } }),
  tokens_unknown: () => number,
  tokens_known: { cannot: 'a function has no tokens to report' },
  schema_kept: () => ({ ...number, task: { output_schema: schema }, output: 7 }),
  schema_broken: () => ({ ...number, task: { output_schema: { ...schema, minimum: 8 } } }),
  endless: () => {
    begun = Promise.withResolvers()
    return { settings: { function: 'endless' }, started: () => begun.promise, ended: () => aborted }
  },
  own_time_out: { cannot: 'the time limit of the agent, by the signal, is the only one' },
  unreachable: () => ({ settings: { function: 'nowhere' } }),
  garbage: () => ({ settings: { function: 'garbage' } }),
  too_large: { cannot: 'a value in process has no size until it is stored' },
  tells_secret: inProcess,
  secret_missing: inProcess,
  odd_input: () => ({ settings: { function: 'echo' } }),
  concurrent: () => ({ settings: { function: 'echo' }, taskOf: (n) => ({ input: { n } }), outputOf: (n) => ({ n }) }),
  healthy: () => number,
  unhealthy: () => ({ settings: { function: 'nowhere' } }),
})

async function call(name: string) {
  const opened = system.open({ function: name }, {} as never)
  assert.ok(opened.ok)
  return opened.value.perform(exampleTask(), { signal: new AbortController().signal, progress: () => {} })
}

test('a function ends its task with the failure it chooses', async () => {
  functions.register('busy', (_task, { fail }) => fail('busy', 'come back', { retry_after_s: 3 }))
  const failure = failed(await call('busy'), ['busy'])
  assert.equal(failure.retry_after_s, 3)
})

test('whatever a function throws is agent_failed', async () => {
  for (const [index, thrown] of [new Error('boom'), 'boom', null, Object.create(null), Symbol('x'), 1n].entries()) {
    functions.register(`throws${index}`, () => {
      throw thrown
    })
    failed(await call(`throws${index}`), ['agent_failed'])
  }
})

test('what JSON cannot express is output_invalid', async () => {
  for (const [index, value] of [undefined, () => 1, 1n, Symbol('x')].entries()) {
    functions.register(`odd${index}`, () => value as never)
    failed(await call(`odd${index}`), ['output_invalid'])
  }
})

test('the effect is what the registration or the settings say', () => {
  functions.register('sends', () => null, { effect: 'unsafe' })
  assert.equal(system.effect({ function: 'echo' }), 'pure')
  assert.equal(system.effect({ function: 'sends' }), 'unsafe')
  assert.equal(system.effect({ function: 'sends', effect: 'idempotent' }), 'idempotent')
  assert.equal(system.quick, true)
})

test('a name is registered once, and free again when removed', () => {
  functions.register('once', () => 1)
  assert.throws(() => functions.register('once', () => 2), /once/)
  functions.remove('once')
  functions.register('once', () => 2)
  assert.ok(functions.names().includes('once'))
})
