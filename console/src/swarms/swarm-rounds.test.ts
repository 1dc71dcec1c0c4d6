import assert from 'node:assert/strict'
import { test } from 'node:test'
import { swarmDefinition } from '../../../src/swarm/swarm-definition.ts'
import type { Run } from '../server/queries.ts'
import { swarmRounds } from './swarm-rounds.ts'

const task = (id: string, more = {}) => ({
  id,
  address: `s/${id}`,
  state: 'completed',
  agent: 'a',
  model: 'm',
  input_tokens: 10,
  output_tokens: 5,
  output: 'text',
  ballot: null,
  ...more,
})
const stage = (id: string, kind: string, tasks: unknown[], vote: unknown = null) => ({
  id,
  kind,
  state: 'completed',
  tasks,
  vote,
})
const vote = {
  status: 'decided',
  winner: 'proposal_2',
  shares: { proposal_1: 0.25, proposal_2: 0.75 },
  counts: { proposal_1: 1, proposal_2: 3 },
  eligible: 5,
  valid: 4,
  invalid: 0,
}
const run = (stages: unknown[]) => ({ stages }) as unknown as Run

test('rounds say who proposed what from which angle, and what each round was shown', () => {
  const definition = swarmDefinition('Solve it', 2, ['a', 'b'])
  const rounds = swarmRounds(
    run([stage('propose', 'tasks', [task('proposal_1'), task('proposal_2', { input_tokens: null })])]),
    definition,
  )
  assert.equal(rounds.length, 1)
  const [propose] = rounds
  assert.ok(propose?.kind === 'propose')
  assert.deepEqual(propose.saw, ['the objective'])
  assert.match(propose.contributions[0]?.angle ?? '', /most direct/)
  assert.deepEqual(
    propose.contributions.map((one) => one.tokens),
    [15, null],
  )
})

test('a vote shows its tally from the most votes down, reasons, and ballots that were called off', () => {
  const definition = swarmDefinition('Solve it', 5, ['a'])
  const ballots = [
    task('voter_1', { ballot: 'proposal_2', output: { choice: 'proposal_2', reason: 'short' } }),
    task('voter_2', { state: 'running', output: null }),
  ]
  const [choose] = swarmRounds(run([stage('choose', 'vote', ballots, vote)]), definition)
  assert.ok(choose?.kind === 'vote')
  assert.deepEqual(choose.saw, ['the objective', 'all answers of propose'])
  assert.deepEqual(
    choose.tally.map(({ option, votes }) => [option, votes]),
    [
      ['proposal_2', 3],
      ['proposal_1', 1],
    ],
  )
  assert.equal(choose.called_off, 1)
  assert.equal(choose.ballots[0]?.reason, 'short')
})

test('an open vote and an unknown definition make no figures up', () => {
  const [choose, propose] = swarmRounds(
    run([stage('choose', 'vote', []), stage('propose', 'tasks', [task('x')])]),
    undefined,
  )
  assert.ok(choose?.kind === 'vote' && propose?.kind === 'propose')
  assert.equal(choose.called_off, null)
  assert.deepEqual([choose.tally, choose.saw, propose.saw, propose.contributions[0]?.angle], [[], [], [], null])
})
