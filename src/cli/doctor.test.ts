import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import type { Finding } from './client.ts'
import { examinationLines } from './doctor.ts'
import { examineMachine } from './examine-machine.ts'
import { plainPaint } from './format.ts'
import { commandLine, nobodyAt, standInServer } from './stand-ins.ts'

const folder = mkdtempSync(join(tmpdir(), 'quorate-doctor-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const examine = async (environment: { [name: string]: string }, yaml = '', more: { node_version?: string } = {}) => {
  writeFileSync(join(folder, 'q.yaml'), yaml)
  const loaded = loadConfiguration({ flags: { config: join(folder, 'q.yaml') }, environment, cwd: folder })
  assert.ok(loaded.ok)
  return examineMachine(loaded.value, { fetch, ...more })
}
const nobody = await nobodyAt()
const ollama = await standInServer({ 'GET /api/tags': { body: { models: [] } } })
after(ollama.close)
const quiet = { QUORATE_PORT: '0', OLLAMA_BASE_URL: ollama.url }

test('the answer of the server is shown with evidence and remedy; broken ends with 1', async () => {
  const finding = {
    id: 'engine_down',
    severity: 'error',
    title: 'The engine does not answer',
    evidence: 'connection refused',
    remedy: 'wait',
  }
  const server = await standInServer({
    'GET /doctor': {
      body: { status: 'broken', examined: [{ subject: 'engine', detail: 'down' }], findings: [finding] },
    },
  })
  const line = commandLine({ environment: { QUORATE_URL: server.url } })
  assert.equal(await line.run('doctor'), 1)
  await server.close()
  assert.deepEqual(line.printed.out, [
    'engine  down',
    '',
    'error The engine does not answer',
    '  connection refused',
    '  → wait',
    '',
    'status broken',
  ])
})

test('findings with the same cause are told once, with the names of all', () => {
  const offline = (name: string, evidence: string): Finding => ({
    id: `agent_offline:${name}`,
    severity: 'warning',
    title: `Agent ${name} is offline`,
    evidence,
    remedy: 'wait',
  })
  const findings = [offline('a', 'no model'), offline('b', 'no model'), offline('c', 'no file')]
  assert.deepEqual(examinationLines({ status: 'degraded', examined: [], findings }, 80, plainPaint), [
    '',
    'warning Agent a is offline',
    '  and likewise: b',
    '  no model',
    '  → wait',
    'warning Agent c is offline',
    '  no file',
    '  → wait',
    '',
    'status degraded',
  ])
})

test('without a server it examines the machine; a server that was named must answer', async () => {
  const line = commandLine({ cwd: folder, environment: { QUORATE_PORT: new URL(nobody).port } })
  await line.run('doctor', '--json')
  const { examined } = JSON.parse(line.printed.out.join('')) as { examined: { subject: string }[] }
  assert.deepEqual(
    examined.map(({ subject }) => subject),
    ['node', 'engine', 'data folder', 'model cache', 'port', 'Ollama', 'local model'],
  )
  assert.equal(await commandLine().run('doctor', '--server', nobody), 4)
})

test('a port that is taken, an Ollama that was named and is away, hosts, a missing model file, an old Node.js', async () => {
  const other = createServer()
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
  const { port } = other.address() as AddressInfo
  const lab = await standInServer({
    'GET /v1/models': { status: 401, body: {} },
    'GET /open/models': { body: { data: [] } },
    'GET /down/models': { status: 500, body: {} },
  })
  const yaml = `port: ${port}
models:
  local: {path: ./nowhere.gguf}
  hosts:
    - {name: keyed, url: "${lab.url}/v1", api_key: env:KEY}
    - {name: open, url: "${lab.url}/open"}
    - {name: down, url: "${lab.url}/down"}
`
  const { status, findings } = await examine({ OLLAMA_BASE_URL: nobody }, yaml, {
    node_version: 'v20.1.0',
  })
  other.close()
  await lab.close()
  assert.equal(status, 'broken')
  assert.deepEqual(findings.map(({ id }) => id).sort(), [
    'local_model_missing',
    'model_host_down:down',
    'node_old',
    'ollama_down',
    'port_taken',
  ])
  for (const { evidence, remedy } of findings) assert.ok(evidence !== '' && remedy !== '')
})

test('a folder that is a file cannot be written to', async () => {
  writeFileSync(join(folder, 'file'), '')
  const { findings } = await examine({ ...quiet, QUORATE_DATA_DIR: join(folder, 'file', 'x') })
  assert.deepEqual(
    findings.map(({ id }) => id),
    ['data_folder_unusable'],
  )
})

test('a plain machine is healthy', async () => {
  const { status, findings } = await examine(quiet)
  assert.deepEqual([status, findings], ['healthy', []])
})
