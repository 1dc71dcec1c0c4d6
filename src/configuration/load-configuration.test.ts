import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import type { Configuration } from './configuration.ts'
import { loadConfiguration } from './load-configuration.ts'
import { settingKeys, settings } from './settings.ts'
import { loaded, localagi, machine, problems } from './stand-ins.ts'

describe('defaults', () => {
  test('without anything, every value is a safe default', () => {
    const it = loaded({})
    assert.equal(it.host, '127.0.0.1')
    assert.equal(it.port, 8100)
    assert.equal(it.data_dir, join(it.cwd, '.quorate'))
    assert.equal(it.cache_dir, '/home/ann/.cache/quorate')
    assert.deepEqual(it.limits, {
      max_parallel_workflows: 20,
      agent_pool_size: 100,
      body_bytes: 1_000_000,
      goal_characters: 20_000,
      json_depth: 50,
      agents: 1_000,
      queued_runs: 10_000,
    })
    assert.equal(it.models.local.threads, 1)
    assert.deepEqual(it.warnings, [])
    assert.deepEqual(Object.keys(it.sources), settingKeys)
    for (const { source } of Object.values(it.sources)) assert.equal(source, 'default')
  })

  test('threads of the local model leave one core free, and never exceed eight', () => {
    for (const [cores, threads] of [
      [1, 1],
      [2, 1],
      [4, 3],
      [64, 8],
    ] as const)
      assert.equal(settings['models.local.threads'].fallback({ ...machine, cores }), threads)
  })

  test('the cache follows XDG_CACHE_HOME', () => {
    const result = loadConfiguration({
      flags: {},
      environment: {},
      cwd: '/nowhere',
      machine: { ...machine, xdg_cache_home: '/var/cache/ann' },
    })
    assert.equal(result.ok && result.value.cache_dir, '/var/cache/ann/quorate')
  })
})

describe('precedence', () => {
  const layers = {
    flags: { 'log-level': 'error' },
    environment: { QUORATE_LOG_LEVEL: 'warn', MAX_PARALLEL_WORKFLOWS: '7' },
    files: {
      'quorate.yaml': 'log_level: debug\nlimits:\n  max_parallel_workflows: 6\n  agent_pool_size: 60\n',
      ...localagi('  performance: {max_parallel_workflows: 5, agent_pool_size: 50, consensus_threshold: 0.5}\n'),
    },
  }
  const rows: [key: string, value: (c: Configuration) => unknown, expected: unknown, source: string, detail: RegExp][] =
    [
      ['log_level', (c) => c.log_level, 'error', 'flag', /^--log-level$/],
      [
        'limits.max_parallel_workflows',
        (c) => c.limits.max_parallel_workflows,
        7,
        'environment',
        /^MAX_PARALLEL_WORKFLOWS$/,
      ],
      ['limits.agent_pool_size', (c) => c.limits.agent_pool_size, 60, 'quorate.yaml', /^quorate\.yaml, line 4$/],
      [
        'consensus_threshold',
        (c) => c.consensus_threshold,
        0.5,
        'localagi-config.yaml',
        /^localagi-config\.yaml, line 2$/,
      ],
      ['port', (c) => c.port, 8100, 'default', /^$/],
    ]
  for (const [key, value, expected, source, detail] of rows) {
    test(`${key} comes from ${source}`, () => {
      const it = loaded(layers)
      assert.equal(value(it), expected)
      assert.equal(it.sources[key]?.source, source)
      assert.match(it.sources[key]?.detail ?? '?', detail)
    })
  }

  test("our own variable wins over the outside's name; an empty one counts as not set", () => {
    const it = loaded({
      environment: {
        AGENT_POOL_SIZE: '5',
        QUORATE_LIMITS_AGENT_POOL_SIZE: '6',
        QUORATE_PORT: '',
        OLLAMA_BASE_URL: ' ',
      },
    })
    assert.equal(it.limits.agent_pool_size, 6)
    assert.equal(it.port, 8100)
    assert.equal(it.models.ollama_url, 'http://127.0.0.1:11434')
  })

  test('empty values in files count as not set', () => {
    assert.equal(loaded({ files: { 'quorate.yaml': 'port:\nlimits:\nmodels: {default: ~}\n' } }).port, 8100)
    assert.equal(loaded({ files: { 'quorate.yaml': '# nothing yet\n' } }).port, 8100)
  })

  test('relative paths count from the folder of the file that says them, otherwise from the working folder', () => {
    const inFile = loaded({
      flags: { config: 'etc/q.yaml' },
      files: { 'etc/q.yaml': 'data_dir: ../data\ncache_dir: ~/models\n' },
    })
    assert.equal(inFile.data_dir, join(inFile.cwd, 'data'))
    assert.equal(inFile.cache_dir, '/home/ann/models')
    const byFlag = loaded({ flags: { config: 'etc/q.yaml', data: 'd' }, files: { 'etc/q.yaml': 'port: 1\n' } })
    assert.equal(byFlag.data_dir, join(byFlag.cwd, 'd'))
  })

  test('--config may name a localagi-config.yaml; quorate.yaml still wins over it', () => {
    const it = loaded({
      flags: { config: 'mine.yaml' },
      files: {
        'quorate.yaml': 'limits: {agent_pool_size: 3}\n',
        'mine.yaml': 'localagi_orchestration:\n  performance: {agent_pool_size: 9, max_parallel_workflows: 4}\n',
      },
    })
    assert.equal(it.limits.agent_pool_size, 3)
    assert.equal(it.limits.max_parallel_workflows, 4)
    assert.equal(it.sources['limits.max_parallel_workflows']?.detail, 'mine.yaml, line 2')
  })
})

describe("the outside's variables", () => {
  const rows: [name: string, text: string, value: (c: Configuration) => unknown, expected: unknown][] = [
    ['OLLAMA_BASE_URL', 'http://ollama:11434/', (c) => c.models.ollama_url, 'http://ollama:11434'],
    ['COORDINATOR_PATH', '/opt/coordinator', (c) => c.coordinator.path, '/opt/coordinator'],
    ['REDIS_URL', 'redis://redis:6379', (c) => c.stores.redis_url, 'redis://redis:6379'],
    [
      'POSTGRES_URL',
      'postgresql://ann:pw@db:5432/local agi state',
      (c) => c.stores.postgres_url,
      'postgresql://ann:pw@db:5432/local%20agi%20state',
    ],
    ['VECTOR_STORES', 'chromadb, faiss,qdrant', (c) => c.stores.vector_stores, ['chroma', 'faiss', 'qdrant']],
    ['MAX_PARALLEL_WORKFLOWS', '3', (c) => c.limits.max_parallel_workflows, 3],
    ['AGENT_POOL_SIZE', '30', (c) => c.limits.agent_pool_size, 30],
    ['state_awareness_MODE', 'exploratory', (c) => c.coordinator.mode, 'exploratory'],
    ['ENABLE_AGI', 'True', (c) => c.coordinator.enabled, true],
    ['AGENT_COUNT', '24', (c) => c.agent_count, 24],
  ]
  for (const [name, text, value, expected] of rows) {
    test(`${name}=${text}`, () => assert.deepEqual(value(loaded({ environment: { [name]: text } })), expected))
  }
})

describe('localagi-config.yaml', () => {
  const example = `localagi_orchestration:
  coordinator_integration:
    path: /opt/coordinator
    sync_interval: 100ms
    system_state_feedback: true
  agent_registry:
    total_agents:
    categories:
      memory: ["letta", "privategpt"]
      development: ["aider", "gpt-engineer"]
  orchestration_patterns:
    - name: "consensus_decision"
      agents: ["crewai", "autogen"]
      mechanism: "weighted_voting"
  performance:
    max_parallel_workflows: 20
    agent_pool_size: 100
    decision_timeout: 45s
    consensus_threshold: 0.7
    gpu_batching: true
  monitoring:
    metrics_endpoint: "http://prometheus:9090"
    log_aggregation: "loki"
    trace_sampling: 0.1
  gateway: {url: x}
`
  test('every section arrives; what belongs to the other program is listed in warnings', () => {
    const it = loaded({ files: { 'localagi-config.yaml': example } })
    assert.deepEqual(it.coordinator, {
      enabled: false,
      path: '/opt/coordinator',
      sync_interval_ms: 100,
      feedback: true,
      mode: null,
    })
    assert.equal(it.agent_count, null)
    assert.deepEqual(it.agent_categories, { memory: ['letta', 'privategpt'], development: ['aider', 'gpt-engineer'] })
    assert.deepEqual(it.orchestration_patterns, [
      { name: 'consensus_decision', agents: ['crewai', 'autogen'], mechanism: 'weighted_voting' },
    ])
    assert.equal(it.decision_timeout_ms, 45_000)
    assert.deepEqual(it.monitoring, {
      metrics_endpoint: 'http://prometheus:9090',
      log_aggregation: 'loki',
      trace_sampling: 0.1,
    })
    assert.equal(it.warnings.length, 3)
    assert.match(
      it.warnings.at(-1) ?? '',
      /^checked and kept, but not used by this version: coordinator.path \(localagi-config.yaml, line \d+\), .*orchestration_patterns/,
    )
    assert.doesNotMatch(it.warnings.at(-1) ?? '', /trace_sampling|decision_timeout|max_parallel/)
    assert.match(it.warnings[0] ?? '', /line 20: localagi_orchestration\.performance\.gpu_batching is not used/)
    assert.match(it.warnings[1] ?? '', /localagi_orchestration\.gateway is not used/)
  })

  test('wrong values of settings that Quorate reads are refused there, too', () => {
    const [problem] = problems({ files: localagi('  performance:\n    decision_timeout: 30\n') })
    assert.equal(problem?.field, 'localagi_orchestration.performance.decision_timeout')
    assert.equal(problem?.line, 3)
    assert.match(problem?.remedy ?? '', /30s/)
  })
})

describe('docs/quorate.example.yaml', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/quorate.example.yaml'), 'utf8')

  test('as it is, it says the defaults', () => {
    const [{ cwd: _a, sources: _b, ...said }, { cwd: _c, sources: _d, ...defaults }] = [
      loaded({ files: { 'quorate.yaml': text } }),
      loaded({}),
    ]
    assert.deepEqual({ ...said, data_dir: '' }, { ...defaults, data_dir: '' })
  })

  test('with every example switched on, it loads, and names every setting that people are meant to write', () => {
    const on = text.replace(/^(\s*)(allow|work_folders): \[\]$/gm, '').replace(/^(\s*)#(?=\S| {2})/gm, '$1')
    const it = loaded({ files: { 'quorate.yaml': on } })
    assert.deepEqual(
      it.agents.map(({ name }) => name),
      ['translator', 'line_counter'],
    )
    assert.deepEqual(
      it.models.hosts.map(({ name, kind, api_key }) => [name, kind, api_key]),
      [
        ['lab', 'openai_compatible', 'env:LAB_API_KEY'],
        ['big_box', 'ollama', null],
      ],
    )
    const missing = settingKeys.filter((key) => it.sources[key]?.source === 'default')
    assert.deepEqual(missing, ['orchestration_patterns', 'agent_categories', 'agent_count'])
  })
})

describe('agents that are commands', () => {
  test('what begins with ./ or ../ counts from the folder of the file, and nothing else is touched', () => {
    const text = `agents:
  - { name: a, system: command, settings: { command: [node, ./count.ts, ../x, /y, a/b, --from=./z, .hidden], work_folder: ./w } }
  - { name: b, system: http, settings: { command: [./x] } }
  - { name: c, system: command, settings: { command: ./no-list } }
`
    const it = loaded({ flags: { config: 'etc/q.yaml' }, files: { 'etc/q.yaml': text } })
    const [a, b, c] = it.agents.map(({ settings }) => settings)
    assert.deepEqual(a, {
      command: ['node', join(it.cwd, 'etc/count.ts'), join(it.cwd, 'x'), '/y', 'a/b', '--from=./z', '.hidden'],
      work_folder: './w',
    })
    assert.deepEqual(b, { command: ['./x'] })
    assert.deepEqual(c, { command: './no-list' })
  })
})
