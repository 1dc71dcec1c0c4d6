import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type InputType, isOfInputType } from './input-type.ts'

test('each value is of one type of its own, and of any', () => {
  const types: InputType[] = ['text', 'number', 'boolean', 'list', 'object', 'any']
  const of = (value: Parameters<typeof isOfInputType>[0]) => types.filter((type) => isOfInputType(value, type))
  assert.deepEqual(of(''), ['text', 'any'])
  assert.deepEqual(of(0), ['number', 'any'])
  assert.deepEqual(of(false), ['boolean', 'any'])
  assert.deepEqual(of([]), ['list', 'any'])
  assert.deepEqual(of({}), ['object', 'any'])
  assert.deepEqual(of(null), ['any'])
})
