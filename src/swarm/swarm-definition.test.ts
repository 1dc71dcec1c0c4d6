import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDefinition } from '../workflow/check-definition/check-definition.ts'
import { MOST_PROPOSALS, swarmDefinition, swarmLimits } from './swarm-definition.ts'

const stageOf = (size: number, agents: string[], kind: string) =>
  swarmDefinition('Solve it', size, agents).stages.find((stage) => stage.kind === kind)

test('the checker has nothing to say against a swarm of any size', () => {
  for (let size = swarmLimits.least; size <= swarmLimits.most; size++) {
    const definition = swarmDefinition('Solve it', size, ['a', 'b', 'c'])
    assert.deepEqual(checkDefinition(definition, { agents: ['a', 'b', 'c'] }), { ok: true, definition, warnings: [] })
  }
})

test('members are dealt out over the agents, proposals have angles of their own, all vote', () => {
  const propose = stageOf(10, ['a', 'b', 'c'], 'tasks')
  assert.ok(propose?.kind === 'tasks')
  assert.deepEqual(
    propose.tasks.map((task) => task.agent),
    ['a', 'b', 'c', 'a', 'b', 'c', 'a', 'b', 'c', 'a'],
  )
  assert.equal(new Set(propose.tasks.map((task) => task.instructions)).size, 10)
  assert.deepEqual(propose.tasks[1]?.fallback, ['c', 'a'])
  const large = stageOf(101, ['a', 'b'], 'vote')
  assert.ok(large?.kind === 'vote')
  assert.equal(large.voters, 101)
  assert.equal(large.options.length, MOST_PROPOSALS)
  const small = stageOf(2, ['a', 'b', 'c'], 'vote')
  assert.ok(small?.kind === 'vote')
  assert.deepEqual(small.voters, ['a', 'b'])
})

test('all proposals together fit into what a small model can read', () => {
  for (const size of [1, 2, 10, 50, 101]) {
    const propose = stageOf(size, ['a'], 'tasks')
    assert.ok(propose?.kind === 'tasks')
    assert.ok(propose.tasks.reduce((sum, task) => sum + (task.max_output_tokens ?? Number.NaN), 0) <= 2_400)
  }
})

test('a swarm of one has nothing to vote on', () => {
  assert.deepEqual(
    swarmDefinition('Solve it', 1, ['a']).stages.map((stage) => stage.id),
    ['propose', 'summarise'],
  )
})

test('the same request gives the same definition', () => {
  assert.deepEqual(swarmDefinition('x', 7, ['a', 'b']), swarmDefinition('x', 7, ['a', 'b']))
})
