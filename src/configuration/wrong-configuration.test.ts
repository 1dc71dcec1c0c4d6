import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { loadConfiguration } from './load-configuration.ts'
import { ownVariable, type Setting, settingKeys, settings } from './settings.ts'
import { type Layers, load, loaded, localagi, machine, problems } from './stand-ins.ts'

describe('what is wrong is refused with key, value, remedy and place', () => {
  const rows: [
    what: string,
    layers: Layers,
    expected: { field: string; value?: RegExp; remedy: RegExp; message?: RegExp; line?: number; column?: number },
  ][] = [
    [
      'a port that is no number',
      { flags: { port: 'http' } },
      { field: '--port', value: /^http$/, remedy: /1 to 65535/ },
    ],
    [
      'a port out of range',
      { environment: { QUORATE_PORT: '70000' } },
      { field: 'QUORATE_PORT', value: /70000/, remedy: /65535/ },
    ],
    [
      'a number with a tail',
      { environment: { AGENT_POOL_SIZE: '10x' } },
      { field: 'AGENT_POOL_SIZE', value: /10x/, remedy: /from 1/ },
    ],
    [
      'zero runs',
      { environment: { MAX_PARALLEL_WORKFLOWS: '0' } },
      { field: 'MAX_PARALLEL_WORKFLOWS', remedy: /from 1/ },
    ],
    [
      'an address without a scheme',
      { environment: { OLLAMA_BASE_URL: 'localhost:11434' } },
      { field: 'OLLAMA_BASE_URL', remedy: /http:\/\// },
    ],
    [
      'a vector store nobody knows',
      { environment: { VECTOR_STORES: 'chroma,lancedb' } },
      { field: 'VECTOR_STORES', remedy: /qdrant/ },
    ],
    [
      'a switch that is neither',
      { environment: { ENABLE_AGI: 'maybe' } },
      { field: 'ENABLE_AGI', value: /maybe/, remedy: /true or false/ },
    ],
    [
      'an unknown key',
      { files: { 'quorate.yaml': 'port: 1\nlimits:\n  agent_pool_sise: 4\n' } },
      { field: 'limits.agent_pool_sise', remedy: /did you mean limits\.agent_pool_size\?/, line: 3, column: 3 },
    ],
    [
      'an unknown section',
      { files: { 'quorate.yaml': 'modles: {}\n' } },
      { field: 'modles', remedy: /did you mean models\?/, line: 1, column: 1 },
    ],
    [
      'a key far from any',
      { files: { 'quorate.yaml': 'outbound: {quux: 1}\n' } },
      { field: 'outbound.quux', remedy: /known here: allow/ },
    ],
    [
      'a value instead of a section',
      { files: { 'quorate.yaml': 'limits: 4\n' } },
      { field: 'limits', value: /4/, remedy: /max_parallel_workflows/ },
    ],
    ['a list as the whole file', { files: { 'quorate.yaml': '- 1\n' } }, { field: '', remedy: /port/ }],
    [
      'a number in quotes',
      { files: { 'quorate.yaml': 'port: "8100"\n' } },
      { field: 'port', value: /8100/, remedy: /port from/, line: 1, column: 7 },
    ],
    [
      'an unknown field of an agent',
      { files: { 'quorate.yaml': 'agents:\n  - name: a\n    system: command\n    capabilites: [x]\n' } },
      { field: 'agents[0].capabilites', remedy: /agents\[0\]\.capabilities/, line: 4 },
    ],
    [
      'a wrong field of an agent',
      { files: { 'quorate.yaml': 'agents:\n  - name: a\n    system: command\n    timeout: soon\n' } },
      { field: 'agents[0].timeout', value: /soon/, remedy: /agents\[0\]\.timeout/, line: 4 },
    ],
    [
      'a name used twice',
      { files: { 'quorate.yaml': 'agents:\n  - {name: a, system: x}\n  - {name: a, system: y}\n' } },
      { field: 'agents[1].name', message: /used twice/, remedy: /correct/, line: 3 },
    ],
    ['a path that is a NUL', { flags: { data: 'a\0b' } }, { field: '--data', remedy: /folder/ }],
    [
      'a file named and missing',
      { flags: { config: 'nowhere.yaml' } },
      { field: '--config', value: /nowhere/, remedy: /existing/ },
    ],
    [
      'a folder in the place of the file',
      { files: { 'quorate.yaml/x': '' } },
      { field: 'quorate.yaml', remedy: /readable/ },
    ],
    [
      'too long a file',
      { files: { 'quorate.yaml': `# ${'x'.repeat(1_000_001)}` } },
      { field: 'quorate.yaml', message: /1 MB/, remedy: /configuration file/ },
    ],
  ]
  for (const [what, layers, expected] of rows) {
    test(what, () => {
      const [problem, ...others] = problems(layers)
      assert.equal(others.length, 0)
      assert.equal(problem?.field, expected.field)
      assert.match(problem?.remedy ?? '', expected.remedy)
      if (expected.value) assert.match(problem?.value ?? '', expected.value)
      if (expected.message) assert.match(problem?.message ?? '', expected.message)
      if (expected.line) assert.equal(problem?.line, expected.line)
      if (expected.column) assert.equal(problem?.column, expected.column)
    })
  }

  test('text that is not YAML is refused with its line', () => {
    for (const text of ['a: [1\n', 'port: 1\n\tlimits: 2\n', 'port: 1\nport: 2\n', 'a: 1\n---\nb: 2\n']) {
      const [problem] = problems({ files: { 'quorate.yaml': text } })
      assert.match(problem?.message ?? '', /^quorate\.yaml, line \d+: this is not YAML/)
    }
  })

  test('aliases that multiply are refused', () => {
    const bomb = `a: &a [${'x,'.repeat(9)}x]\n${'bcdefgh'
      .split('')
      .map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}*${'abcdefg'[i]}]`)
      .join('\n')}\n`
    assert.match(problems({ files: { 'quorate.yaml': bomb } })[0]?.message ?? '', /alias/i)
  })

  test('all problems of all layers come at once', () => {
    const found = problems({
      flags: { port: 'x' },
      environment: { AGENT_COUNT: 'many' },
      files: { 'quorate.yaml': 'prot: 1\nhost: ""\n', ...localagi('  monitoring: {trace_sampling: 2}\n') },
    })
    assert.deepEqual(
      found.map(({ field }) => field),
      ['--port', 'AGENT_COUNT', 'prot', 'host', 'localagi_orchestration.monitoring.trace_sampling'],
    )
  })

  test('a wrong value is refused also where another layer wins over it', () => {
    assert.equal(problems({ flags: { port: '1' }, files: { 'quorate.yaml': 'port: x\n' } })[0]?.field, 'port')
  })

  test('passwords and keys never appear in a failure', () => {
    const failures = [
      problems({ environment: { POSTGRES_URL: 'mysql://ann:s3cret@db/x' } }),
      problems({ environment: { REDIS_URL: 'ftp://x?password=s3cret' } }),
      problems({ environment: { OLLAMA_BASE_URL: 'http://ann:s3cret@ollama' } }),
      problems({ files: { 'quorate.yaml': 'models: {hosts: [{name: a, url: "http://a", api_key: s3cret}]}\n' } }),
      problems({ files: { 'quorate.yaml': 'models: {hosts: [{name: a, url: "http://u:s3cret@a"}]}\n' } }),
    ]
    for (const failure of failures) assert.doesNotMatch(JSON.stringify(failure), /s3cret/)
  })

  test('a misspelt variable of ours is warned about', () => {
    assert.match(
      loaded({ environment: { QUORATE_PROT: '1' } }).warnings[0] ?? '',
      /QUORATE_PROT.*did you mean QUORATE_PORT\?/,
    )
    assert.deepEqual(loaded({ environment: { QUORATE_URL: 'http://x' } }).warnings, [])
  })

  test('listening beyond this machine is warned about', () => {
    assert.match(loaded({ flags: { host: '0.0.0.0' } }).warnings[0] ?? '', /0\.0\.0\.0/)
  })

  test('no text in any layer makes it throw', () => {
    const names = settingKeys.flatMap((key) => [...((settings[key] as Setting).environment ?? []), ownVariable(key)])
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string({ unit: 'binary', maxLength: 60 }), (name, text) => {
        const result = loadConfiguration({ flags: {}, environment: { [name]: text }, cwd: '/nowhere', machine })
        assert.ok(result.ok || (result.failure.field === name && result.failure.remedy))
      }),
      { numRuns: 500 },
    )
    fc.assert(
      fc.property(fc.constantFrom(...settingKeys), fc.json({ maxDepth: 3 }), (key, json) => {
        const text = key.split('.').reduceRight((inner, name) => `{"${name}": ${inner}}`, json)
        const { result } = load({ files: { 'quorate.yaml': text } })
        assert.ok(result.ok || result.failure.message !== '')
      }),
      { numRuns: 100 },
    )
  })
})
