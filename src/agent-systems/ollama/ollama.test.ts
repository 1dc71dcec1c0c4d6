import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conforms, exampleTask, failed, performed } from '../agent-system.conformance.ts'
import { modelCases } from '../model-agent.conformance.ts'
import { hostInfo, type StandInGateway, standInGateway } from '../model-gateway.stand-in.ts'
import { ollama } from './ollama.ts'

conforms(ollama, modelCases('ollama', { model: 'small' }))

function opened(settings: object, gateway: StandInGateway) {
  const handle = ollama.open(ollama.settings.parse(settings), { gateway } as never)
  assert.ok(handle.ok)
  return handle.value
}
const during = { signal: new AbortController().signal, progress: () => {} }

test('without a url it is the configured server that has the model', async () => {
  const gateway = standInGateway([
    hostInfo('ollama-a', 'ollama', ['tinyllama'], false),
    hostInfo('ollama-b', 'ollama', ['qwen3:8b']),
    hostInfo('ollama-c', 'ollama', ['codellama:7b', 'hf.co/some/model']),
  ])
  assert.equal(
    performed(await opened({ model: 'codellama:7b' }, gateway).perform(exampleTask(), during)).model,
    'ollama-c/codellama:7b',
  )
  assert.equal(
    performed(await opened({ model: 'hf.co/some/model' }, gateway).perform(exampleTask(), during)).model,
    'ollama-c/hf.co/some/model',
  )
  assert.equal(
    performed(await opened({ model: 'ollama-c/codellama:7b' }, gateway).perform(exampleTask(), during)).model,
    'ollama-c/codellama:7b',
  )
  const handle = opened({}, gateway)
  assert.equal(performed(await handle.perform(exampleTask(), during)).model, 'ollama-b/qwen3:8b')
  assert.equal(handle.host, 'ollama-b')
})

test('no server of the kind is unavailable, one without models is model_missing', async () => {
  assert.match(
    failed(await opened({}, standInGateway([hostInfo('local', 'local', ['x'])])).perform(exampleTask(), during), [
      'unavailable',
    ]).remedy ?? '',
    /url/,
  )
  failed(await opened({}, standInGateway([hostInfo('ollama', 'ollama', [])])).perform(exampleTask(), during), [
    'model_missing',
  ])
})
