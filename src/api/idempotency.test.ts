import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { ok } from '../failure.ts'
import { idempotency } from './idempotency.ts'
import { append, type Door, openDoor } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const post = async (path: string, key: string, body: unknown) => {
  const answer = await fetch(door.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key },
    body: JSON.stringify(body),
  })
  return {
    status: answer.status,
    replayed: answer.headers.get('idempotent-replayed'),
    json: (await answer.json()) as Record<string, unknown>,
  }
}
const runCount = async () => (await door.store.runs.list({ limit: 1 })).total ?? 0

describe('over HTTP', () => {
  test('I1: fifty clients with one key make one run and get one answer', async () => {
    const runs = await runCount()
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => post('/create_workflow', 'fifty', { goal: 'once' })),
    )
    assert.equal(await runCount(), runs + 1)
    assert.deepEqual(new Set(answers.map((answer) => answer.status)), new Set([202]))
    assert.equal(new Set(answers.map((answer) => answer.json.run_id)).size, 1)
    assert.equal(answers.filter((answer) => answer.replayed === null).length, 1)
  })

  test('I2: the same answer later, whatever the order of the fields', async () => {
    const first = await post('/create_swarm', 'later', { objective: 'once', agents: 3 })
    const second = await post('/create_swarm', 'later', { agents: 3, objective: 'once' })
    assert.deepEqual(second, { ...first, replayed: 'true' })
  })

  test('I3: a refused request does not use up its key', async () => {
    assert.equal((await post('/create_workflow', 'corrected', { gaol: 'x' })).status, 400)
    assert.equal((await post('/create_workflow', 'corrected', { goal: 'x', definition: 'nope' })).status, 404)
    assert.equal((await post('/create_workflow', 'corrected', { goal: 'x' })).status, 202)
  })

  test('I4: a crash between "run stored" and "answer stored" does not make a second run', async () => {
    const runs = await runCount()
    // As the crash leaves it: the run is there, the key is begun and has no answer.
    const crashing = carryOutOver(door, {
      ...door.store.idempotency,
      finish: () => Promise.reject(new Error('killed here')),
    })
    await assert.rejects(crashing('crash', { goal: 'once' }), /killed here/)
    assert.equal(await runCount(), runs + 1)
    const [row] = (await door.store.runs.list({ limit: 1, order: 'newest' })).items
    const again = await post('/create_workflow', 'crash', { goal: 'once' })
    assert.equal(again.status, 202)
    assert.equal(again.json.run_id, row?.id)
    assert.equal(await runCount(), runs + 1)
  })

  test('I5: the same key with another body or on another route is a conflict', async () => {
    await post('/create_workflow', 'mine', { goal: 'one' })
    const other = await post('/create_workflow', 'mine', { goal: 'two' })
    assert.equal(other.status, 409)
    assert.equal(other.json.field, 'idempotency-key')
    assert.equal((await post('/create_swarm', 'mine', { objective: 'one' })).status, 409)
  })

  test('fifty clients, two bodies, one key: one run', async () => {
    const runs = await runCount()
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        post('/create_workflow', 'two bodies', { goal: `body ${i % 2}` }).catch(() => null),
      ),
    )
    assert.deepEqual(new Set(answers.map((answer) => answer?.status)), new Set([400]), 'a key with a blank is none')
    const good = await Promise.all(
      Array.from({ length: 50 }, (_, i) => post('/create_workflow', 'two-bodies', { goal: `body ${i % 2}` })),
    )
    assert.equal(await runCount(), runs + 1)
    assert.equal(good.filter((answer) => answer.status === 202).length, 25)
    assert.equal(good.filter((answer) => answer.status === 409).length, 25)
  })

  test('a signal with a key is one piece of mail', async () => {
    const { json } = await post('/create_workflow', 'signalled', { goal: 'wait' })
    const path = `/runs/${json.run_id}/signals/go`
    const [one, two] = await Promise.all([post(path, 'go-1', { data: 1 }), post(path, 'go-1', { data: 1 })])
    assert.equal(one.json.mail, two.json.mail)
    await post(path, 'go-2', { data: 1 })
    assert.equal((await door.store.inbox.read(String(json.run_id), 0, 10)).length, 2)
  })

  test('nothing can be sent to a run that has ended', async () => {
    const { json } = await post('/create_workflow', 'ended', { goal: 'end' })
    const run = String(json.run_id)
    await append(
      door.store,
      run,
      [{ type: 'run_finished', data: { status: 'completed', reason: 'done', output: null, success: [] } }],
      { status: 'completed', reason: 'done', ended_at: 1 },
    )
    assert.equal((await post(`/runs/${run}/cancel`, 'late', {})).status, 409)
    assert.equal((await door.store.inbox.read(run, 0, 10)).length, 0)
  })
})

/** A request carried out by create_workflow over a store of keys that fails where the test says. */
function carryOutOver({ parts }: Door, store: Door['store']['idempotency']) {
  const operation = parts.operations.find((each) => each.name === 'create_workflow')
  assert.ok(operation)
  const keyed = idempotency({ store, now: Date.now, takeover_ms: 0, wait_ms: 1_000 })
  return (key: string, input: { goal: string }) =>
    keyed(key, { operation: operation.name, input }, async (request_key) => {
      const signal = new AbortController().signal
      const answer = await operation.run(
        { ...parts.context, actor: 'local', granted: [], signal, request_key },
        { ...input, inputs: {} },
      )
      return answer.ok ? ok({ status: 202, body: {} }) : answer
    })
}

test('a request that waits too long for another one with its key is told to come back', async () => {
  const keyed = idempotency({ store: door.store.idempotency, now: Date.now, takeover_ms: 0, wait_ms: 1 })
  const { promise, resolve } = Promise.withResolvers<void>()
  const slow = keyed('slow', {}, async () => {
    await promise
    return ok({ status: 200, body: 1 })
  })
  const waiting = await keyed('slow', {}, async () => ok({ status: 200, body: 2 }))
  assert.equal(!waiting.ok && waiting.failure.kind, 'busy')
  resolve()
  assert.deepEqual(await slow, ok({ status: 200, body: 1, replayed: false }))
  assert.deepEqual(
    await keyed('slow', {}, async () => ok({ status: 200, body: 3 })),
    ok({ status: 200, body: 1, replayed: true }),
  )
})
