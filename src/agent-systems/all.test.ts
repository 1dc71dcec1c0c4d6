import assert from 'node:assert/strict'
import { test } from 'node:test'
import { agentSystemsWith } from './all.ts'

test('the list holds every agent system under its own name', () => {
  const systems = agentSystemsWith()
  assert.deepEqual([...systems.keys()], ['local_model', 'ollama', 'openai_compatible', 'command', 'http', 'function'])
  for (const [name, system] of systems) assert.equal(system.name, name)
})
