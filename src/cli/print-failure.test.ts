import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Failure } from '../failure.ts'
import { plainPaint } from './format.ts'
import { failureLines } from './print-failure.ts'

const lines = (failure: Failure) => failureLines(failure, plainPaint)

test('cause, field, value and remedy', () => {
  assert.deepEqual(
    lines({ kind: 'invalid_input', message: 'the port is wrong', field: 'port', value: '99999', remedy: 'write less' }),
    ['error the port is wrong', '  port: 99999', '  → write less'],
  )
})
test('nothing is said twice', () => {
  assert.deepEqual(
    lines({
      kind: 'invalid_input',
      message: 'q.yaml, line 3: port: not 99999',
      field: 'port',
      value: '99999',
      line: 3,
      column: 4,
    }),
    ['error q.yaml, line 3: port: not 99999'],
  )
})
test('line and column where the message does not say them', () => {
  assert.deepEqual(
    lines({
      kind: 'invalid_input',
      message: 'unknown agent',
      field: 'stages[0].agent',
      value: 'x',
      line: 7,
      column: 2,
    }),
    ['error unknown agent', '  stages[0].agent: x, line 7, column 2'],
  )
})
test('all problems, but not endlessly many', () => {
  const problem = (n: number): Failure => ({ kind: 'invalid_input', message: `wrong ${n}`, remedy: `do ${n}` })
  assert.deepEqual(lines({ ...problem(1), problems: [problem(1), problem(2)] }), [
    'error 2 problems',
    '  • wrong 1',
    '    → do 1',
    '  • wrong 2',
    '    → do 2',
  ])
  const many = lines({ ...problem(1), problems: Array.from({ length: 25 }, (_, n) => problem(n)) })
  assert.equal(many.at(-1), '  … and 5 more')
})
test('control characters of an agent do not reach the terminal', () => {
  assert.deepEqual(lines({ kind: 'agent_failed', message: 'bad\x1b[2Jthing', remedy: 'x\x07' }), [
    'error badthing',
    '  → x',
  ])
})
