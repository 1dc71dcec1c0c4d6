import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { append, type Door, openDoor } from '../api/stand-ins.ts'
import { stageKinds } from '../workflow/definition.ts'
import { DEFINITION_SCHEMA_ID } from '../workflow/definition-json-schema.ts'
import type { EventData } from '../workflow/event.ts'
import { operations } from './all.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

const newRun = async (): Promise<string> => String((await door.post('/create_workflow', { goal: 'test' })).json.run_id)

test('names, routes and permissions: each name and each route once', () => {
  assert.equal(new Set(operations.map((operation) => operation.name)).size, operations.length)
  const routes = operations.flatMap(({ method, path, aliases = [] }) =>
    [path, ...aliases].map((each) => `${method} ${each}`),
  )
  assert.equal(new Set(routes).size, routes.length)
})

test('the schema of definitions is published: it knows every kind of stage', async () => {
  const { status, json } = await door.send({ path: '/definition-schema' })
  assert.equal(status, 200)
  assert.equal(json.$id, DEFINITION_SCHEMA_ID)
  for (const kind of stageKinds) assert.ok(`${kind}_stage` in (json.$defs as object), kind)
})

describe('approvals', () => {
  const asked: EventData['approval_requested'] = {
    approval: 'apr_1',
    stage: 'gate',
    question: 'Deploy?',
    show: null,
    due: 9_000,
    default: 'refuse',
  }

  test('an open one is listed and can be answered once it is asked for', async () => {
    const run = await newRun()
    assert.equal((await door.post(`/runs/${run}/approvals/apr_1`, { decision: 'approve' })).status, 404)
    await append(door.store, run, [{ type: 'approval_requested', data: asked }])
    const { json } = await door.send({ path: `/runs/${run}/approvals` })
    assert.deepEqual(
      (json.items as { question: string }[]).map((each) => each.question),
      ['Deploy?'],
    )
    assert.equal((await door.post(`/runs/${run}/approvals/apr_1`, { decision: 'maybe' })).status, 400)
    assert.equal((await door.post(`/runs/${run}/approvals/apr_1`, { decision: 'approve', comment: 'go' })).status, 202)
    const [mail] = await door.store.inbox.read(run, 0, 10)
    assert.deepEqual(mail?.data, { approval: 'apr_1', decision: 'approve', comment: 'go', by: 'local' })
  })

  test('one that was answered is not there any more', async () => {
    const run = await newRun()
    const data: EventData['approval_given'] = { approval: 'apr_1', decision: 'refuse', comment: '', by: 'local' }
    await append(door.store, run, [
      { type: 'approval_requested', data: asked },
      { type: 'approval_given', data },
    ])
    assert.equal((await door.post(`/runs/${run}/approvals/apr_1`, { decision: 'approve' })).status, 404)
  })
})

test('an effect that nobody asks about cannot be resolved', async () => {
  const run = await newRun()
  const answer = { task: 'deploy/push', happened: true, output: { id: 7 } }
  assert.equal((await door.post(`/runs/${run}/effects`, answer)).json.field, 'task')
  await append(door.store, run, [
    { type: 'effect_question', data: { task: 'deploy/push', question: 'Was it pushed?' } },
  ])
  const form = { ...answer, output: { id: [{ $blob: `sha256:${'0'.repeat(64)}` }] } }
  const refused = await door.post(`/runs/${run}/effects`, form)
  assert.deepEqual([refused.status, refused.json.field], [400, 'output'], 'an answer cannot stand for a stored value')
  assert.equal((await door.post(`/runs/${run}/effects`, answer)).status, 202)
})

test('control is mail in the inbox, in order', async () => {
  const run = await newRun()
  for (const path of ['pause', 'resume', 'signals/go', 'cancel'])
    assert.equal((await door.post(`/runs/${run}/${path}`, {})).status, 202, path)
  const mail = await door.store.inbox.read(run, 0, 10)
  assert.deepEqual(
    mail.map((each) => each.type),
    ['pause_requested', 'resume_requested', 'signal_received', 'cancel_requested'],
  )
})

test('a page of runs ends where the next begins', async () => {
  for (let i = 0; i < 5; i++) await newRun()
  const seen: string[] = []
  for (let cursor = ''; ; ) {
    const { json } = await door.send({ path: `/runs?limit=2&status=queued,running&order=oldest${cursor}` })
    seen.push(...(json.items as { id: string }[]).map((run) => run.id))
    if (json.next === null) break
    cursor = `&cursor=${json.next}`
  }
  assert.equal(new Set(seen).size, seen.length)
  assert.equal(seen.length, (await door.store.runs.list({ limit: 1, status: ['queued', 'running'] })).total)
})

test('a large value is given whole, a larger one in parts', async () => {
  const small = await door.store.blobs.put(Buffer.from(JSON.stringify({ text: 'x'.repeat(5_000) })))
  assert.equal(((await door.send({ path: `/blobs/${small}` })).json.value as { text: string }).text.length, 5_000)
  const bytes = Buffer.alloc(4_500_000, 'a')
  const large = await door.store.blobs.put(bytes)
  let length = 0
  for (let offset: unknown = 0; offset !== null; ) {
    const { json } = await door.send({ path: `/blobs/${large}?offset=${offset}` })
    length += String(json.text).length
    offset = json.next
  }
  assert.equal(length, bytes.length)
})

describe('definitions', () => {
  const text = (agent: string) =>
    `apiVersion: quorate/v1\nname: brief\nstages:\n  - id: write\n    kind: tasks\n    on_failure: fail\n    tasks:\n      - { id: draft, agent: ${agent}, instructions: Write. }\n`
  const yaml = { 'content-type': 'application/yaml' }

  test('a mistake is told with line, column and remedy, and nothing is stored', async () => {
    const { json } = await door.post('/definitions/check', text('wirter'), yaml)
    const [problem] = json.problems as { line: number; column: number; remedy: string; field: string }[]
    assert.equal(json.valid, false)
    assert.deepEqual([problem?.line, problem?.column, problem?.field], [8, 29, 'stages[0].tasks[0].agent'])
    assert.match(String(problem?.remedy), /"writer"/)
    const refused = await door.send({ method: 'PUT', path: '/definitions', headers: yaml, body: text('wirter') })
    assert.equal(refused.status, 400)
    assert.equal(refused.json.field, 'definition.stages[0].tasks[0].agent')
    assert.equal((await door.send({ path: '/definitions/brief' })).status, 404)
  })

  test('text that no store keeps is refused, however it is written', async () => {
    const { status, json } = await door.send({
      method: 'PUT',
      path: '/definitions',
      headers: yaml,
      body: text('writer').replace('Write.', '"a\\0b"'),
    })
    assert.equal(status, 400)
    assert.match(String(json.detail), /NUL/)
  })

  test('versions, and the same content again', async () => {
    const put = async (body: string) =>
      (await door.send({ method: 'PUT', path: '/definitions', headers: yaml, body })).json
    const one = await put(text('writer'))
    const two = await put(text('critic'))
    assert.deepEqual([one.version, two.version], [1, 2])
    const again = await put(text('writer'))
    assert.deepEqual([again.version, again.hash, again.note], [3, one.hash, 'version 1 stored again'])
    assert.deepEqual(await put(text('writer')), again, 'the same as the latest is the same version')
    assert.equal((await put(text('critic'))).version, 4)
    const { json } = await door.send({ path: '/definitions?name=brief' })
    assert.equal((json.items as unknown[]).length, 4)
    assert.equal((await door.send({ path: '/definitions/brief' })).json.version, 4)
    assert.equal((await door.send({ path: `/definitions/${one.hash}` })).json.version, 1)
  })

  test('a template goes by its name, and is checked against the agents that there are; a name that nobody knows is told', async () => {
    const given = (definition: string) => door.post('/create_workflow', { definition, goal: 'Which cache?' })
    const { status, json } = await given('draft_review_revise')
    assert.deepEqual([status, json.field, json.value], [400, 'definition.stages[0].tasks[0].capability', 'writing'])
    assert.equal((await given('draft_review_rewise')).status, 404)
  })

  test('a definition that starts a stored one is checked with it', async () => {
    const starts = (name: string) => ({
      apiVersion: 'quorate/v1',
      name: 'outer',
      stages: [{ id: 'inner', kind: 'run', definition: name }],
    })
    assert.equal((await door.post('/definitions/check', { definition: starts('brief') })).json.valid, true)
    assert.equal((await door.post('/definitions/check', { definition: starts('nothing') })).json.valid, false)
  })

  test('the doctor finds a definition whose agent has gone', async () => {
    await door.post('/agents', { name: 'leaver', system: 'command', capabilities: ['work'] })
    await door.send({
      method: 'PUT',
      path: '/definitions',
      headers: yaml,
      body: text('leaver').replace('name: brief', 'name: orphan'),
    })
    const finding = async () => {
      const { json } = await door.send({ path: '/doctor' })
      return (json.findings as { id: string; severity: string; evidence: string }[]).find((each) =>
        each.id.startsWith('definition:orphan@1'),
      )
    }
    assert.equal(await finding(), undefined)
    assert.equal((await door.send({ method: 'DELETE', path: '/agents/leaver?force=true' })).status, 200)
    assert.match((await finding())?.evidence ?? '', /leaver/)
  })
})

describe('agents', () => {
  test('added, changed, drained, removed', async () => {
    const added = await door.post('/agents', {
      name: 'coder',
      system: 'command',
      capabilities: ['code_editing'],
      settings: { api_key: 'sk-plain', key: 'env:CODER_KEY' },
    })
    assert.equal(added.status, 201)
    assert.deepEqual(added.json.settings, { api_key: '(not shown)', key: 'env:CODER_KEY' })
    assert.equal((await door.post('/agents', { name: 'coder', system: 'command' })).status, 409)
    const change = (body: object) =>
      door.send({
        method: 'PATCH',
        path: '/agents/coder',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      })
    const changed = await change({ concurrency: 9 })
    assert.equal(changed.json.concurrency, 9)
    assert.deepEqual(changed.json.capabilities, ['code_editing'], 'what is not named stays as it is')
    assert.equal((await change({})).status, 400)
    assert.equal((await change({ name: 'other' })).status, 400)
    assert.equal((await door.post('/agents/coder/drain', {})).json.status, 'draining')
    assert.equal((await door.send({ method: 'DELETE', path: '/agents/coder' })).status, 200)
    assert.equal((await door.send({ path: '/agents/coder' })).status, 404)
  })
})

describe('intelligence_metrics', () => {
  const collected = (agreement: number): { type: 'collected'; data: EventData['collected'] } => ({
    type: 'collected',
    data: {
      stage: 's',
      output: null,
      metrics: { n: 2, succeeded: 2, failed: 0, agreement, tokens: null, duration_ms: 1 },
    },
  })
  const endedRun = async (agreements: number[]) => {
    const run = await newRun()
    const end = {
      type: 'run_finished' as const,
      data: { status: 'completed' as const, reason: '', output: null, success: [] },
    }
    await append(door.store, run, [...agreements.map(collected), end], { status: 'completed', reason: '', ended_at: 1 })
  }
  type Metric = { value: number | null; n: number; interval: number[] | null; reason: string | null }
  const coherence = async () => (await door.send({ path: '/intelligence_metrics' })).json.coherence as Metric

  test('coherence is null below its sample, and says what it needs; then it is the mean, with an interval', async () => {
    await endedRun([0.2, 0.4])
    assert.deepEqual((({ value, n, reason }) => ({ value, n, reason }))(await coherence()), {
      value: null,
      n: 2,
      reason: 'needs 30 stages, has 2',
    })
    for (let i = 0; i < 14; i++) await endedRun([0.2, 0.4])
    const { value, n, interval, reason } = await coherence()
    assert.equal(n, 30)
    assert.ok(Math.abs((value ?? 0) - 0.3) < 1e-9)
    assert.ok(interval !== null && (interval[0] ?? 1) <= 0.3 + 1e-9 && (interval[1] ?? 0) >= 0.3 - 1e-9)
    assert.equal(reason, null)
  })
})
