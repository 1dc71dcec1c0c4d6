/** The program as a newcomer meets it: start, the four commands, stop, go on, a second one beside it, cancel. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { replayFolder } from '../replay-all.ts'
import {
  call,
  folderWith,
  freePort,
  type Product,
  processesWith,
  ROOT,
  removeFolder,
  startProduct,
  until,
} from './running-product.ts'

const yaml = `models:
  ollama_url: http://127.0.0.1:1
  local:
    enabled: false
agents:
  - name: counter
    type: execution
    system: command
    capabilities: [counting]
    effect: none
    settings: { command: [wc, -c], input: stdin }
`

const curl = (args: string[]): Record<string, unknown> => {
  const ran = spawnSync('curl', ['-sS', ...args], { encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  return JSON.parse(ran.stdout) as Record<string, unknown>
}

const counting = {
  apiVersion: 'quorate/v1',
  name: 'counting',
  inputs: { text: { type: 'text' } },
  stages: [
    {
      id: 'count',
      kind: 'tasks',
      tasks: [1, 2, 3].map((n) => ({
        id: `c${n}`,
        agent: 'counter',
        instructions: 'Count.',
        input: { text: '=inputs.text' },
      })),
    },
    { id: 'pause', kind: 'approval', question: 'Go on?', timeout: '1h', default: 'refuse' },
    {
      id: 'again',
      kind: 'tasks',
      tasks: [{ id: 'c', agent: 'counter', instructions: 'Count.', input: { text: '=count.outputs.c1' } }],
    },
  ],
}

describe('the program', () => {
  let folder = ''
  let port = 0
  let product: Product
  before(async () => {
    folder = folderWith(yaml)
    port = await freePort()
    product = await startProduct(folder, port)
  })
  after(async () => {
    if (product.child.exitCode === null) await product.stop()
    const { runs, differences } = await replayFolder(join(folder, 'data'))
    assert.ok(runs >= 4)
    assert.deepEqual(differences, [])
    removeFolder(folder)
  })

  test('says what runs where and what to type next', async () => {
    await until(
      async () => product.output(),
      (text) => text.includes('Try in another terminal'),
    )
    const text = product.output()
    assert.match(text, new RegExp(`is ready at http://127.0.0.1:${port}`))
    assert.match(text, /agents .*counter/)
    assert.match(text, /engine .*Restate/)
  })

  test('the four commands work as written, though curl sends them as forms', async () => {
    const address = `http://localhost:${port}`
    const workflow = curl([
      '-X',
      'POST',
      `${address}/create_workflow`,
      '-d',
      '{"goal": "Achieve performance optimization"}',
    ])
    assert.match(String(workflow['workflow_id']), /^run_[0-9a-f-]{36}$/)
    assert.equal(workflow['status'], 'initializing')
    const swarm = curl([
      '-X',
      'POST',
      `${address}/create_swarm`,
      '-d',
      '{"objective": "Solve complex reasoning task", "agents": 10}',
    ])
    assert.match(String(swarm['swarm_id']), /^swm_/)
    const status = curl([`${address}/orchestration_status`])
    for (const field of ['status', 'version', 'uptime_s', 'workflows', 'swarms', 'agents', 'queue', 'limits', 'models'])
      assert.ok(field in status, field)
    const metrics = curl([`${address}/intelligence_metrics`])
    for (const field of [
      'coherence',
      'integration',
      'emergence',
      'diversity',
      'calibration',
      'system_state_level',
      'agent_contributions',
    ]) {
      const metric = metrics[field] as Record<string, unknown>
      assert.ok(
        'value' in metric && 'range' in metric && 'n' in metric && 'interval' in metric && 'definition' in metric,
        field,
      )
      if (metric['value'] === null) assert.equal(typeof metric['reason'], 'string', `${field} is null and says why`)
    }
    // Without a model a plan cannot be made: a template is taken, and the run says so; then it says which agents are missing.
    const run = await until(
      () => call(product, 'GET', `/runs/${String(workflow['run_id'])}`),
      ({ body }) => ['completed', 'partial', 'failed'].includes(String(body['status'])),
    )
    const events = (await call(product, 'GET', `/runs/${String(workflow['run_id'])}/events?limit=100`)).body[
      'items'
    ] as { type: string; data: Record<string, unknown> }[]
    const chosen = events.find((event) => event.type === 'definition_chosen')
    assert.equal(chosen?.data['source'], 'template', JSON.stringify(events).slice(0, 1_000))
    assert.match(String(chosen?.data['reason']), /no plan of a model passed/)
    assert.notEqual(run.body['status'], 'completed', 'nothing can be completed without a model')
  })

  test('a second start beside it says so and ends', () => {
    const second = spawnSync(
      process.execPath,
      [join(ROOT, 'bin/quorate.mjs'), 'start', '--port', '0', '--data', join(folder, 'data')],
      { cwd: folder, encoding: 'utf8' },
    )
    assert.notEqual(second.status, 0)
    assert.match(second.stdout + second.stderr, new RegExp(`runs already.*http://127.0.0.1:${port}`, 's'))
  })

  test('cancel ends the agent: its whole process tree is gone', async () => {
    const added = await call(product, 'POST', '/agents', {
      name: 'napper',
      type: 'execution',
      system: 'command',
      capabilities: ['napping'],
      settings: { command: ['bash', '-c', 'sleep 987654 & sleep 987654'], input: 'none' },
    })
    assert.equal(added.status, 201, JSON.stringify(added.body))
    const definition = {
      apiVersion: 'quorate/v1',
      name: 'sleeping',
      stages: [{ id: 's', kind: 'tasks', tasks: [{ id: 't', agent: 'napper', instructions: 'Sleep.' }] }],
    }
    const { body } = await call(product, 'POST', '/create_workflow', { goal: 'sleep', definition })
    const run = String(body['run_id'])
    await until(
      async () => processesWith('987654'),
      (pids) => pids.length >= 2,
    )
    const cancelled = await call(product, 'POST', `/runs/${run}/cancel`, { reason: 'enough' })
    assert.ok(cancelled.status < 300, JSON.stringify(cancelled.body))
    await until(
      async () => processesWith('987654'),
      (pids) => pids.length === 0,
    )
    const seen = await until(
      () => call(product, 'GET', `/runs/${run}`),
      ({ body: view }) => view['status'] === 'cancelled',
    )
    assert.match(String(seen.body['reason']), /enough/)
  })

  test('Ctrl-C stops everything and leaves no process; a second start goes on where the first stopped', async () => {
    const { body } = await call(product, 'POST', '/create_workflow', {
      goal: 'count',
      definition: counting,
      inputs: { text: 'twelve bytes' },
    })
    const run = String(body['run_id'])
    await until(
      () => call(product, 'GET', `/runs/${run}`),
      ({ body: view }) => view['status'] === 'waiting',
    )
    const ended = await product.stop('SIGINT')
    assert.equal(ended.code, 0, product.output().slice(-1_000))
    assert.deepEqual(processesWith(folder), [], 'no process is left')
    product = await startProduct(folder, port)
    const waiting = await call(product, 'GET', `/runs/${run}`)
    assert.equal(waiting.body['status'], 'waiting')
    const approvals = (await call(product, 'GET', `/runs/${run}/approvals`)).body
    assert.match(JSON.stringify(approvals), /Go on\?/)
    const answered = await call(product, 'POST', `/runs/${run}/approvals/pause`, {
      decision: 'approve',
      comment: 'yes',
    })
    assert.ok(answered.status < 300, JSON.stringify(answered.body))
    const done = await until(
      () => call(product, 'GET', `/runs/${run}`),
      ({ body: view }) => view['status'] !== 'waiting' && view['status'] !== 'running',
    )
    assert.equal(done.body['status'], 'completed', JSON.stringify(done.body).slice(0, 1_500))
  })

  test('a program that is killed leaves no engine behind, and the next start goes on', async () => {
    product.child.kill('SIGKILL')
    await until(
      async () => processesWith(join(folder, 'data', 'engine')),
      (pids) => pids.length === 0,
    )
    product = await startProduct(folder, port)
    const { body } = await call(product, 'GET', '/orchestration_status')
    assert.equal(body['status'], 'ok')
  })
})
