import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkDefinitionText } from './check-definition.ts'

const told = (budget: string, stage = ''): string[] => {
  const checked = checkDefinitionText(
    `apiVersion: quorate/v1\nname: x\nbudget: ${budget}\nstages:\n  - { id: a, kind: tasks, tasks: [{ id: t, agent: w, instructions: i }, { id: u, agent: w, instructions: i }], on_failure: fail${stage} }\n`,
  )
  return [...(checked.ok ? [] : checked.problems), ...checked.warnings].map(
    ({ line, column, message, remedy }) => `${line}:${column} ${message} → ${remedy}`,
  )
}

test('every field of a budget is taken', () => {
  const all =
    '{ tokens: 9000, calls: 9, money: 1.5, wall_clock: 1h, depth: 1, fan_out: 2, when_used_up: park, close_out: { agent: w, instructions: i, share: 0.2 } }'
  assert.deepEqual(told(all, ', budget: { calls: 5, tokens: 100, money: 0.1 }'), [])
})

test('what is wrong with a budget is told with line, column and remedy', () => {
  assert.match(told('{ token: 5 }')[0] ?? '', /^3:11 unknown field "token" .* → Did you mean "tokens"/)
  assert.match(told('{ money: much }')[0] ?? '', /^3:18 money must be a number/)
  assert.match(told('{ close_out: { agent: w, instructions: i } }')[0] ?? '', /^3:9 the budget limits nothing/)
  assert.match(
    told('{ calls: 5, close_out: { instructions: i } }')[0] ?? '',
    /the close-out names neither an agent nor a capability/,
  )
  assert.match(told('{ fan_out: 1 }')[0] ?? '', /^5:\d+ stage "a" has 2 tasks, and the fan-out of the budget is 1/)
  assert.match(told('{ calls: 5 }', ', budget: {}')[0] ?? '', /the budget of stage "a" limits nothing/)
  assert.match(told('{ calls: 5 }', ', budget: { calls: 6 }')[0] ?? '', /may use 6 calls, and the whole run only 5/)
  assert.match(told('{ calls: 1, close_out: { agent: w, instructions: i } }')[0] ?? '', /leaves none for the close-out/)
  assert.match(told('{ wall_clock: 0s }')[0] ?? '', /without any time/)
})

test('a stage that starts a run needs some depth', () => {
  const checked = checkDefinitionText(
    'apiVersion: quorate/v1\nname: x\nbudget: { depth: 0 }\nstages:\n  - { id: a, kind: run, definition: other, on_failure: fail }\n',
  )
  assert.ok(!checked.ok)
  assert.match(checked.problems[0]?.message ?? '', /the depth of the budget is 0/)
})
