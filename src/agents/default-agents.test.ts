import assert from 'node:assert/strict'
import { test } from 'node:test'
import { identifier } from '../workflow/definition.ts'
import { capabilities, describeCapability } from './capability.ts'
import { defaultAgents } from './default-agents.ts'

test('every capability of the default agents is known and described in one sentence', () => {
  for (const id of defaultAgents.flatMap((agent) => agent.capabilities)) assert.ok(describeCapability(id), id)
  for (const [id, sentence] of Object.entries(capabilities)) {
    assert.ok(identifier.safeParse(id).success, id)
    assert.match(sentence, /^[A-Z][^.]+\.$/, id)
  }
  assert.equal(describeCapability('constructor'), null)
})

test('the default agents have distinct names and roles, and instructions that fit a small model', () => {
  assert.equal(new Set(defaultAgents.map((agent) => agent.name)).size, defaultAgents.length)
  for (const agent of defaultAgents) {
    assert.equal(agent.system, 'local_model')
    assert.deepEqual(agent.settings, {})
    assert.ok(agent.capabilities.length > 0 && agent.role.length > 0)
    assert.ok(agent.instructions.length > 200 && agent.instructions.length < 1_500, agent.name)
  }
})
