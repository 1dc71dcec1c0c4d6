import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fail, ok } from '../failure.ts'
import { parseInputs } from './run-inputs.ts'

const read = (path: string) =>
  path === 'a.txt'
    ? ok('from\nfile')
    : path === 'n.json'
      ? ok('[1, 2]\n')
      : fail('invalid_input', `there is no file ${path}`)
const value = (given: string[], declared = {}) => {
  const parsed = parseInputs(given, declared, read)
  assert.ok(parsed.ok, JSON.stringify(parsed))
  return parsed.value
}

test('text, files, JSON, and the types that a definition declares', () => {
  assert.deepEqual(value(['a=1', 'b=x=y', 'c=', 'd=@a.txt', 'e=@@home', 'f:=[true]', 'g:=@n.json']), {
    a: '1',
    b: 'x=y',
    c: '',
    d: 'from\nfile',
    e: '@home',
    f: [true],
    g: [1, 2],
  })
  assert.deepEqual(value(['n=3', 't=3', 'l=@n.json', 'u=3'], { n: 'number', t: 'text', l: 'list', u: 'any' }), {
    n: 3,
    t: '3',
    l: [1, 2],
    u: '3',
  })
})

test('what cannot be an input is refused with what to write, all at once', () => {
  const parsed = parseInputs(
    ['noequals', 'Big=1', '__proto__=1', 'n=three', 'j:={', 'd=@missing', 'x=1', 'x=2'],
    { n: 'number' },
    read,
  )
  assert.ok(!parsed.ok)
  assert.deepEqual(
    parsed.failure.problems?.map(({ message }) => message),
    [
      'the input noequals is not name=value',
      'the input Big is not name=value',
      'the input __proto__ is not name=value',
      'the input n is declared as number, and the value is not JSON',
      'the input j is not followed by JSON',
      'there is no file missing',
      'the input x is given twice',
    ],
  )
})
