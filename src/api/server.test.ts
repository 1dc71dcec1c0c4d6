import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { openApi } from './server.ts'
import { asForm, asJson, type Door, openDoor, type Sent } from './stand-ins.ts'

let door: Door
before(async () => {
  door = await openDoor()
})
after(() => door.close())

describe('the four commands, as curl sends them', () => {
  test('create_workflow', async () => {
    const { status, json } = await door.post('/create_workflow', '{"goal": "Achieve performance optimization"}', asForm)
    assert.equal(status, 202)
    assert.deepEqual(Object.keys(json), ['workflow_id', 'run_id', 'status'])
    assert.equal(json.status, 'initializing')
    assert.equal(json.workflow_id, json.run_id)
    const row = await door.store.runs.get(String(json.run_id))
    assert.equal(row?.goal, 'Achieve performance optimization')
  })

  test('create_swarm', async () => {
    const { status, json } = await door.post(
      '/create_swarm',
      '{"objective": "Solve complex reasoning task", "agents": 10}',
      asForm,
    )
    assert.equal(status, 202)
    assert.deepEqual(Object.keys(json), ['swarm_id', 'run_id', 'status'])
    const run = await door.send({ path: `/runs/${json.swarm_id}` })
    assert.equal(run.json.id, json.run_id)
    assert.equal(run.json.kind, 'swarm')
  })

  test('orchestration_status', async () => {
    const { status, json } = await door.send({ path: '/orchestration_status' })
    assert.equal(status, 200)
    for (const field of ['status', 'version', 'uptime_s', 'workflows', 'swarms', 'agents', 'queue', 'limits', 'models'])
      assert.ok(field in json, field)
    assert.equal((json.agents as Record<string, number>).total, 3)
  })

  test('intelligence_metrics', async () => {
    const { status, json } = await door.send({ path: '/intelligence_metrics' })
    assert.equal(status, 200)
    const names = [
      'coherence',
      'integration',
      'emergence',
      'diversity',
      'calibration',
      'system_state_level',
      'agent_contributions',
    ]
    assert.deepEqual(Object.keys(json).sort(), names.sort())
    for (const name of names) {
      const metric = json[name] as Record<string, unknown>
      assert.equal(metric.value, null, name)
      assert.match(String(metric.reason), /needs/, name)
    }
  })
})

describe('bad requests', () => {
  const table: [string, Sent, number, Record<string, unknown>][] = [
    [
      'malformed JSON names the place',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal":\n  oops}' },
      400,
      { line: 2, column: 3 },
    ],
    [
      'a cut-off body',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "x"' },
      400,
      { line: 1 },
    ],
    ['no goal', { method: 'POST', path: '/create_workflow', headers: asJson, body: '{}' }, 400, { field: 'goal' }],
    ['no body', { method: 'POST', path: '/create_workflow' }, 400, { field: 'goal' }],
    [
      'a blank goal',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": " \\n "}' },
      400,
      { field: 'goal' },
    ],
    ['a list', { method: 'POST', path: '/create_workflow', headers: asJson, body: '[1]' }, 400, { field: 'body' }],
    [
      'an unknown field',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"gaol": "x"}' },
      400,
      { field: 'gaol', remedy: 'did you mean goal?' },
    ],
    [
      'a number as text in a body is not read as a number',
      { method: 'POST', path: '/create_swarm', headers: asJson, body: '{"objective": "x", "agents": "10"}' },
      400,
      { field: 'agents', value: '10' },
    ],
    [
      'too many agents',
      { method: 'POST', path: '/create_swarm', headers: asJson, body: '{"objective": "x", "agents": 102}' },
      400,
      { field: 'agents' },
    ],
    [
      'a key twice',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "a", "goal": "b"}' },
      400,
      { line: 1, column: 15 },
    ],
    [
      '__proto__',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "a", "__proto__": {"x": 1}}' },
      400,
      {},
    ],
    [
      '__proto__ by escape',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "a", "\\u005f_proto__": {"x": 1}}' },
      400,
      {},
    ],
    [
      'half a surrogate pair',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "a\\ud800"}' },
      400,
      {},
    ],
    ['NUL', { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "a\\u0000b"}' }, 400, {}],
    [
      'a number beyond a double',
      { method: 'POST', path: '/create_workflow', headers: asJson, body: '{"goal": "a", "inputs": {"x": 1e999}}' },
      400,
      {},
    ],
    [
      'plain text',
      { method: 'POST', path: '/create_workflow', headers: { 'content-type': 'text/plain' }, body: '{"goal": "x"}' },
      415,
      { field: 'content-type' },
    ],
    [
      'compressed',
      { method: 'POST', path: '/create_workflow', headers: { ...asJson, 'content-encoding': 'gzip' }, body: 'x' },
      415,
      { field: 'content-encoding' },
    ],
    [
      'YAML where no definition is taken',
      { method: 'POST', path: '/create_swarm', headers: { 'content-type': 'application/yaml' }, body: 'objective: x' },
      415,
      {},
    ],
    ['an unknown route', { path: '/rnus' }, 404, { remedy: 'did you mean /runs? GET / lists what is here' }],
    ['an unknown run', { path: '/runs/run_nope' }, 404, { field: 'id', value: 'run_nope' }],
    ['a wrong method', { method: 'DELETE', path: '/create_workflow' }, 405, {}],
    ['a wrong number in a query', { path: '/runs?limit=ten' }, 400, { field: 'limit', value: 'ten' }],
    ['an unknown query field', { path: '/runs?statu=queued' }, 400, { field: 'statu', remedy: 'did you mean status?' }],
    ['an unknown state', { path: '/runs?status=queued,sleeping' }, 400, { field: 'status[1]', value: 'sleeping' }],
    ['a cursor of our making', { path: '/runs?cursor=abc' }, 400, { field: 'cursor' }],
    [
      'a field in address and body',
      { method: 'POST', path: '/runs/run_x/cancel', headers: asJson, body: '{"id": "run_y"}' },
      400,
      { field: 'id' },
    ],
    ['NUL in the address', { path: '/runs/%00' }, 400, {}],
    ['a blob by a wrong hash', { path: '/blobs/sha256:123' }, 400, { field: 'hash' }],
  ]
  for (const [name, sent, status, expected] of table) {
    test(name, async () => {
      const runs = await door.runCount()
      const answer = await door.send(sent)
      assert.equal(answer.status, status, answer.text)
      assert.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
      for (const field of ['type', 'title', 'detail']) assert.equal(typeof answer.json[field], 'string', field)
      assert.equal(answer.json.status, status)
      for (const [field, value] of Object.entries(expected))
        assert.equal(answer.json[field], value, `${field} of ${answer.text}`)
      assert.equal(await door.runCount(), runs, 'nothing was made')
    })
  }

  test('405 says what is possible, OPTIONS too, and HEAD works where GET does', async () => {
    assert.equal((await door.send({ method: 'PUT', path: '/runs' })).headers.get('allow'), 'GET, HEAD, OPTIONS')
    const options = await door.send({ method: 'OPTIONS', path: '/agents/x' })
    assert.equal(options.status, 204)
    assert.equal(options.headers.get('allow'), 'GET, PATCH, DELETE, HEAD, OPTIONS')
    const head = await door.send({ method: 'HEAD', path: '/runs' })
    assert.equal(head.status, 200)
    assert.equal(head.text, '')
  })

  test('several mistakes are all named', async () => {
    const { json } = await door.post('/create_swarm', { objective: 5, agents: 0, topolgy: 'ring' })
    assert.deepEqual((json.problems as { field: string }[]).map((each) => each.field).sort(), [
      'agents',
      'objective',
      'topolgy',
    ])
  })

  test('a refused value that may be a secret is not shown', async () => {
    const { text } = await door.post('/agents', { name: 'a', system: 'command', api_key: 'sk-123', settings: 5 })
    assert.ok(!text.includes('sk-123'))
  })

  test('deep nesting is refused by level, and just below the limit it is read', async () => {
    const nested = (levels: number) => `{"goal": "x", "inputs": {"deep": ${'['.repeat(levels)}${']'.repeat(levels)}}}`
    assert.equal((await door.post('/create_workflow', nested(62))).status, 202)
    assert.equal((await door.post('/create_workflow', nested(63))).status, 400)
    const bottomless = await door.post('/create_workflow', '['.repeat(400_000))
    assert.equal(bottomless.status, 400)
    assert.match(String(bottomless.json.detail), /64 levels/)
  })

  test('odd but whole Unicode is kept exactly', async () => {
    const goal = 'é é 𐍈 👩‍👩‍👧 \u202e \ufeff \uffff "quoted" \\ \u2028'
    const { json } = await door.post('/create_workflow', { goal })
    assert.equal((await door.send({ path: `/runs/${json.run_id}` })).json.goal, goal)
  })

  test('names of prototypes are data', async () => {
    const { status, json } = await door.post(
      '/create_workflow',
      '{"goal": "x", "inputs": {"constructor": {"prototype": {"x": 1}}, "to_string": 1}}',
    )
    assert.equal(status, 202)
    const run = await door.send({ path: `/runs/${json.run_id}` })
    assert.deepEqual(run.json.inputs, { constructor: { prototype: { x: 1 } }, to_string: 1 })
    assert.equal(({} as Record<string, unknown>).x, undefined)
    for (const path of ['/constructor', '/runs/__proto__', '/docs/__proto__', '/agents/constructor'])
      assert.equal((await door.send({ path })).status, 404, path)
    assert.equal((await door.send({ path: '/runs?__proto__=1' })).status, 400)
  })

  test('a goal over its limit says both lengths', async () => {
    const { status, json } = await door.post('/create_workflow', { goal: 'x'.repeat(20_001) })
    assert.equal(status, 413)
    assert.match(String(json.detail), /20001 characters, and 20000/)
  })
})

describe('forms', () => {
  test('real form fields are read by the schema', async () => {
    const { status } = await door.post('/create_swarm', 'objective=Solve+it&agents=3', asForm)
    assert.equal(status, 202)
  })
  test('a definition as YAML', async () => {
    const definition =
      'apiVersion: quorate/v1\nname: brief\nstages:\n  - id: write\n    kind: tasks\n    tasks:\n      - id: draft\n        capability: analysis\n        instructions: Write.\n'
    const put = await door.send({
      method: 'PUT',
      path: '/definitions?note=first',
      headers: { 'content-type': 'application/yaml' },
      body: definition,
    })
    assert.equal(put.status, 200, put.text)
    assert.equal(put.json.version, 1)
    assert.equal(put.json.note, 'first')
    const got = await door.send({ path: '/definitions/brief@1' })
    assert.equal(got.json.hash, put.json.hash)
    const started = await door.post('/create_workflow', { definition: 'brief' })
    assert.equal(started.status, 202, started.text)
    const unknown = await door.post('/create_workflow', { definition: 'brief', inputs: { topic: 1 } })
    assert.equal(unknown.json.field, 'inputs.topic')
    assert.equal((await door.post('/create_workflow', { definition: 'nope@3' })).status, 404)
  })
})

describe('opening', () => {
  const parts = (host: string, port: number) => ({
    ...door.parts,
    context: { ...door.parts.context, configuration: { ...door.parts.context.configuration, host, port } },
  })
  test('only on this machine', async () => {
    for (const host of ['0.0.0.0', '::', '192.168.0.1', 'example.com', '127.0.0.1.example.com']) {
      const opened = await openApi(parts(host, 0))
      assert.equal(!opened.ok && opened.failure.field, 'host', host)
    }
  })
  test('a port where Quorate runs already says so', async () => {
    const opened = await openApi(parts('127.0.0.1', door.port))
    assert.match(opened.ok ? '' : opened.failure.message, /Quorate 0\.0\.0-test runs already/)
  })
  test('a port of another program says so', async () => {
    const other = createServer((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    const opened = await openApi(parts('127.0.0.1', (other.address() as { port: number }).port))
    other.close()
    assert.match(opened.ok ? '' : opened.failure.message, /taken by another program/)
  })
})
