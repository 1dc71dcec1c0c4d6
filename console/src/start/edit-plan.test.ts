import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parse } from 'yaml'
import type { Definition } from '../../../src/workflow/definition.ts'
import { withAgent, withBudget, worksOf } from './edit-plan.ts'

const text = `# made by hand
apiVersion: quorate/v1
name: two
stages:
  - id: improve
    kind: loop
    max: 2
    until: iteration >= 2
    stages:
      - id: write # the only one
        kind: tasks
        tasks:
          - { id: draft, capability: writing, instructions: Write. }
`

test('agents are exchanged where they stand, and nothing else changes', () => {
  const [work] = worksOf((parse(text) as Definition).stages)
  assert.ok(work)
  assert.equal(work.address, 'improve.write/draft')
  assert.equal(work.capability, 'writing')
  const named = withAgent(text, work.path, { agent: 'ann' })
  assert.deepEqual(worksOf((parse(named) as Definition).stages)[0], { ...work, agent: 'ann', capability: null })
  assert.match(named, /^# made by hand\n/)
  assert.match(named, /# the only one/)
  assert.deepEqual(parse(withAgent(named, work.path, { capability: 'writing' })), parse(text))
})

test('a budget is set, changed and taken away', () => {
  const bounded = withBudget(withBudget(text, 'tokens', 5_000), 'wall_clock', '10m')
  assert.deepEqual((parse(bounded) as Definition).budget, { tokens: 5_000, wall_clock: '10m' })
  const free = withBudget(withBudget(bounded, 'tokens', null), 'wall_clock', null)
  assert.deepEqual(parse(free), parse(text))
})
