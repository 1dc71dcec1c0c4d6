import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { operations } from '../operations/all.ts'
import { checkDefinitionText } from '../workflow/check-definition/check-definition.ts'
import type { Json } from '../workflow/value.ts'
import {
  type Answer,
  type Asked,
  commandLine,
  document,
  file,
  finished,
  folder,
  frames,
  history,
  ID,
  withServer,
} from './stand-ins.ts'

describe('looking at runs', () => {
  const row = {
    id: ID,
    kind: 'workflow',
    goal: 'Say hello',
    status: 'running',
    reason: '',
    definition: null,
    definition_name: null,
    parent: null,
    created_at: 940_000,
    started_at: 950_000,
    ended_at: null,
    seq: 3,
    input_tokens: 900,
    output_tokens: 100,
    unknown_usage: 0,
    calls: 2,
  }
  const runs = { 'GET /runs': { body: { items: [row], next: null, total: 1 } } }

  test('list', () =>
    withServer(runs, async (server, line) => {
      assert.equal(await line.run('list', '--status', 'running,waiting', '--limit', '5'), 0)
      assert.deepEqual(server.asked[0]?.query.getAll('status'), ['running', 'waiting'])
      assert.match(line.printed.out[1] ?? '', /^run_0198\S+ {2}running {2}1 min 0 s ago {2}50 s {4}1\.0k {2}Say/)
    }))
  test('list --json', () =>
    withServer(runs, async (_, line) => {
      assert.equal(await line.run('list', '--json'), 0)
      assert.deepEqual(JSON.parse(line.printed.out.join('')), { items: [row], next: null, total: 1 })
    }))
  test('show last', () =>
    withServer({ ...runs, [`GET /runs/${ID}`]: { body: document('partial') } }, async (_, line) => {
      assert.equal(await line.run('show', 'last'), 0)
      const text = line.printed.out.join('\n')
      for (const expected of [
        /status {6}partial: because/,
        /gather {2,}completed {2}tasks/,
        /· a {2,}failed {2,}critic.*\?.*too slow/,
        /enough \(decide\): case 1 → write\n {2}when a > 1; a = 2; it holds/,
        /Result\nthe answer/,
        /3 calls, 1\.0k tokens in, 500\+\? out/,
      ])
        assert.match(text, expected)
    }))
  test('a shortened id; none; too short a one', () =>
    withServer(
      {
        ...runs,
        [`POST /runs/${ID}/cancel`]: { status: 202, body: { run_id: ID, status: 'running', accepted: true, mail: 1 } },
      },
      async (server, line) => {
        assert.equal(await line.run('cancel', '0198c0de', '--reason', 'enough'), 0)
        assert.deepEqual(server.asked.at(-1)?.body, { reason: 'enough' })
        assert.equal(await line.run('cancel', 'run_ffff'), 1)
        assert.match(line.printed.err[0] ?? '', /there is no run run_ffff/)
      },
    ))
  test('logs, page by page and followed', () =>
    withServer(
      {
        ...runs,
        [`GET /runs/${ID}/events`]: ({ query }) =>
          query.get('after') === '0'
            ? { body: { items: history.slice(0, 2), next: 2, last_seq: 3 } }
            : { body: { items: history.slice(2), next: null, last_seq: 3 } },
        [`GET /runs/${ID}/events stream`]: {
          events: frames([...history, finished], { status: 'failed', reason: 'x' }),
        },
      },
      async (_, line) => {
        assert.equal(await line.run('logs', ID), 0)
        assert.deepEqual(
          line.printed.out.map((text) => text.slice(0, 17)),
          ['   1 00:00:01.000', '   2 00:00:02.000', '   3 00:00:03.000'],
        )
        assert.equal(await line.run('logs', 'last', '-f', '--json'), 1)
        assert.deepEqual(JSON.parse(line.printed.out.at(-1) ?? ''), finished)
      },
    ))
})

describe('agents', () => {
  const agent = {
    id: 'agt_1',
    name: 'critic',
    type: 'reasoning',
    system: 'local_model',
    status: 'idle',
    capabilities: ['critique'],
    source: 'default',
    current_tasks: [],
    breaker: { state: 'closed' },
    performance: { value: 0.75, n: 8 },
  }
  test('list is what `agents` does', () =>
    withServer({ 'GET /agents': { body: { items: [agent], capabilities: { critique: 1 } } } }, async (_, line) => {
      assert.equal(await line.run('agents'), 0)
      assert.match(line.printed.out[1] ?? '', /critic {2,}idle {2,}local_model {2,}75 % of 8 {2,}critique/)
    }))
  test('add takes one, a list, or the agents of a quorate.yaml; what is refused is told by name', () => {
    const names: unknown[] = []
    return withServer(
      {
        'POST /agents': ({ body }) => {
          const { name } = body as { name: string }
          names.push(name)
          return name === 'taken'
            ? { status: 409, body: { type: 'urn:quorate:failure:conflict', detail: 'the name is taken' } }
            : { status: 201, body: { ...agent, name } }
        },
      },
      async (_, line) => {
        assert.equal(await line.run('agents', 'add', '--file', file('one.yaml', 'name: a\nsystem: command\n')), 0)
        assert.equal(
          await line.run('agents', 'add', '--file', file('two.json', '{"agents": [{"name": "b"}, {"name": "taken"}]}')),
          1,
        )
        assert.deepEqual(names, ['a', 'b', 'taken'])
        assert.deepEqual(line.printed.out, ['a is added', 'b is added'])
        assert.match(line.printed.err[0] ?? '', /taken: the name is taken/)
        assert.equal(await line.run('agents', 'add', '--file', file('none.yaml', '3')), 64)
        assert.equal(await line.run('agents', 'add'), 64)
      },
    )
  })
  test('show, drain, remove, probe', () =>
    withServer(
      {
        'GET /agents/critic': { body: agent },
        'POST /agents/critic/drain': { body: { ...agent, status: 'draining' } },
        'DELETE /agents/critic': ({ query }) => ({
          body: { ...agent, status: query.get('force') === 'true' ? 'retired' : 'draining' },
        }),
        'POST /agents/critic/probe': { body: { ok: false, detail: 'no model' } },
      },
      async (_, line) => {
        assert.equal(await line.run('agents', 'show', 'critic'), 0)
        assert.equal(await line.run('agents', 'drain', 'critic'), 0)
        assert.equal(await line.run('agents', 'remove', 'critic'), 0)
        assert.equal(await line.run('agents', 'remove', 'critic', '--force'), 0)
        assert.equal(await line.run('agents', 'probe', 'critic'), 1)
        assert.deepEqual(line.printed.out.slice(-4), [
          'critic is draining',
          'critic is removed when its work is done',
          'critic is removed',
          'critic offline: no model',
        ])
        assert.equal(await line.run('agents', 'show', 'nobody'), 1)
      },
    ))
})

test('models', () =>
  withServer(
    {
      'GET /models': {
        body: {
          default: { id: 'lab/a', reason: null },
          hosts: [
            {
              name: 'lab',
              kind: 'ollama',
              address: 'http://lab',
              ok: true,
              detail: '',
              models: [
                {
                  id: 'lab/a',
                  host: 'lab',
                  model: 'a',
                  default: true,
                  loaded: true,
                  size_bytes: 94_000_000,
                  digest: null,
                  licence: null,
                  context_length: 8_192,
                },
              ],
              in_flight: 0,
              queued: 0,
            },
          ],
        },
      },
    },
    async (_, line) => {
      assert.equal(await line.run('models'), 0)
      assert.match(
        line.printed.out.join('\n'),
        /lab {3}ollama {2}ok {10}1 {2}http:\/\/lab[\s\S]*lab\/a {2}default {2}loaded {2}94 MB {5}8\.2k/,
      )
    },
  ))

describe('definitions check', () => {
  test('the server checks, and each problem is told with file, line and column', () => {
    const checked = ({ body }: Asked): Answer => {
      const { definition } = body as { definition: string }
      const { warnings, ...found } = checkDefinitionText(definition, {
        agents: ['critic'],
        definitions: () => undefined,
      })
      return { body: { valid: found.ok, problems: found.ok ? [] : found.problems, warnings } as unknown as Json }
    }
    return withServer({ 'POST /definitions/check': checked }, async (_, line) => {
      const text =
        'apiVersion: quorate/v1\nname: x\nstages:\n  - id: a\n    kind: tasks\n    tasks: [{id: t, agent: critc, instructions: go}]\n'
      assert.equal(await line.run('definitions', 'check', file('wrong.yaml', text)), 1)
      assert.match(line.printed.out.join('\n'), /^wrong\.yaml:6:\d+: error: .*critc[\s\S]*critic/)
      assert.equal(await line.run('definitions', 'check', file('right.yaml', text.replace('critc', 'critic'))), 0)
      const other =
        'apiVersion: quorate/v1\nname: x\nstages: [{ id: a, kind: run, definition: gone, on_failure: fail }]\n'
      assert.equal(await line.run('definitions', 'check', file('other.yaml', other)), 1)
      assert.match(line.printed.out.join('\n'), /gone/)
    })
  })
  test('without a server it is checked here, and said what was not', async () => {
    const line = commandLine({ cwd: folder, environment: { QUORATE_URL: 'http://127.0.0.1:9' } })
    const text =
      'apiVersion: quorate/v1\nname: x\nstages: [{ id: a, kind: tasks, tasks: [{ id: t, agent: whoever, instructions: go }], on_failure: fail }]\n'
    assert.equal(await line.run('definitions', 'check', file('alone.yaml', text)), 0)
    assert.match(line.printed.err.join('\n'), /were not checked: .*127\.0\.0\.1:9/)
  })
  test('offline, from standard input, as JSON', async () => {
    const line = commandLine({ read_stdin: () => Promise.resolve('apiVersion: quorate/v1\nname: x\nstages: 3\n') })
    assert.equal(await line.run('definitions', 'check', '-', '--offline', '--json'), 1)
    assert.equal((JSON.parse(line.printed.out.join('')) as { valid: boolean }).valid, false)
  })
  test('a file that is not there', async () =>
    assert.equal(await commandLine({ cwd: folder }).run('definitions', 'check', 'nowhere.yaml'), 64))
})

describe('wrong usage ends with 64 and says what is right', () => {
  const rows: [argv: string[], said: RegExp][] = [
    [['lits'], /Did you mean list/],
    [['list', '--stauts', 'x'], /Did you mean --status/],
    [['list', '--status', 'done'], /queued, planning/],
    [['list', '--limit', '0'], /1 to 200/],
    [['run'], /the goal is empty[\s\S]*quorate run "/],
    [['run', '  '], /goal is empty/],
    [['run', 'nowhere.yaml'], /no file nowhere\.yaml/],
    [['run', 'x', '--input', 'a'], /name=value/],
    [['show'], /missing required argument 'run'/],
    [['list', '--server', 'localhost:8100'], /http:\/\//],
    [['agents', 'fly'], /unknown command|too many arguments/],
  ]
  for (const [argv, said] of rows) {
    test(argv.join(' '), async () => {
      const line = commandLine({ cwd: folder })
      assert.equal(await line.run(...argv), 64)
      assert.match(line.printed.err.join('\n'), said)
      assert.deepEqual(line.printed.out, [])
    })
  }
  test('a configuration that is wrong stops a command that needs its port', async () => {
    const line = commandLine({ environment: { QUORATE_PORT: 'x' } })
    assert.equal(await line.run('list', '--json'), 64)
    assert.equal((JSON.parse(line.printed.err.join('')) as { error: { field: string } }).error.field, 'QUORATE_PORT')
  })
})

describe('call', () => {
  test('any operation by name, its fields by type, its answer as JSON', () =>
    withServer(
      {
        'GET /runs/run_1/task': ({ query }) => ({ body: { task: query.get('task'), attempt: query.get('attempt') } }),
        'POST /create_swarm': ({ body }) => ({ body }),
      },
      async (_, line) => {
        assert.equal(await line.run('call', 'get_task', 'id=run_1', 'task=write/draft', 'attempt=2'), 0)
        assert.deepEqual(JSON.parse(line.printed.out.join('')), { task: 'write/draft', attempt: '2' })
        line.printed.out.length = 0
        assert.equal(await line.run('call', 'create_swarm', 'objective=Which?', 'agents=3'), 0)
        assert.deepEqual(JSON.parse(line.printed.out.join('')), { objective: 'Which?', agents: 3 })
      },
    ))
  test('there is one for every operation, and its help has its fields', async () => {
    for (const { name } of operations) {
      const line = commandLine()
      assert.equal(await line.run('call', name, '--help'), 0)
    }
    const line = commandLine()
    assert.equal(await line.run('call', 'get_task', '--help'), 0)
    assert.match(line.printed.out.join('\n'), /GET \/runs\/\{id\}\/task\n {2}id {2}required {2}text/)
  })
  test('a field that is no field, and an operation that is none, are wrong usage', async () => {
    assert.equal(await commandLine().run('call', 'get_task', 'id'), 64)
    assert.equal(await commandLine().run('call', 'get_tusk'), 64)
  })
})

test('every command has help with examples', async () => {
  for (const command of [
    'start',
    'run',
    'list',
    'show',
    'logs',
    'cancel',
    'agents',
    'models',
    'definitions',
    'doctor',
  ]) {
    const line = commandLine()
    assert.equal(await line.run(command, '--help'), 0)
    assert.match(line.printed.out.join('\n'), new RegExp(`Examples:\n {2}quorate ${command}`))
  }
  const line = commandLine()
  assert.equal(await line.run('--version'), 0)
  assert.deepEqual(line.printed.out, ['1.2.3'])
})
