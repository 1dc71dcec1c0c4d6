import assert from 'node:assert/strict'
import { test } from 'node:test'
import { conforms, exampleTask } from '../agent-system.conformance.ts'
import { modelCases } from '../model-agent.conformance.ts'
import { hostInfo, standInGateway } from '../model-gateway.stand-in.ts'
import { local_model } from './local_model.ts'

conforms(local_model, modelCases('local', {}))

function opened(settings: object, gateway = standInGateway([hostInfo('local', 'local', ['small'])])) {
  const handle = local_model.open(local_model.settings.parse(settings), { gateway } as never)
  assert.ok(handle.ok)
  return { gateway, handle: handle.value }
}
const during = { signal: new AbortController().signal, progress: () => {} }

test('without a model it is the manager’s own, and its host follows it', async () => {
  const { gateway, handle } = opened({ temperature: 0, seed: 3 })
  await handle.perform(exampleTask({ max_output_tokens: 9 }), during)
  const [asked] = gateway.asked
  assert.equal(asked?.model, null)
  assert.equal(asked?.temperature, 0)
  assert.equal(asked?.seed, 3)
  assert.equal(asked?.max_output_tokens, 9)
  assert.deepEqual(asked?.caller, { run: 'run_0190', task: 'gather/read', agent: null, purpose: 'task' })
  assert.equal(handle.host, 'local')
})

test('no model at all is unhealthy with the gateway’s reason, and a named one that is nowhere too', async () => {
  assert.equal((await opened({}, standInGateway([])).handle.check(during.signal)).detail, 'no model in this test')
  const health = await opened({ model: 'big' }).handle.check(during.signal)
  assert.match(health.detail, /no model big/)
  assert.deepEqual(health.models, ['small'])
  assert.equal((await opened({ model: 'local/small' }).handle.check(during.signal)).ok, true)
})

test('settings name what is wrong', () => {
  for (const wrong of [{ temperature: 3 }, { seed: 1.5 }, { model: '' }])
    assert.equal(local_model.settings.safeParse(wrong).success, false)
})
