import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normalised, saysError, similarity, sketch, vocabulary, wordsOf } from './words.ts'

test('what changes by itself does not count: times, durations, process ids, random identifiers', () => {
  const one = 'Started 2026-11-22T14:45:01.123Z pid 4711, request 9f86d081884c7d659a2feaa0c55ad015, took 12.5 ms'
  const other = 'Started 2026-11-23T09:01:59Z pid 99, request 60303ae22b998861bce3b28f33eec1be, took 3 ms'
  assert.equal(normalised(one), normalised(other))
  assert.notEqual(normalised('3 tests failed'), normalised('2 tests failed'))
})

test('what was met is not new, and an echo of the question is no answer', () => {
  const known = vocabulary()
  assert.equal(known.meet('nothing was found for the west register').share, 1)
  assert.equal(known.meet('nothing was found for the west register').count, 0)
  const echo = new Set(wordsOf('try the south register'))
  assert.equal(known.meet('nothing was found for the south register', echo).count, 0)
  assert.ok(known.meet('3 of 9 tests pass').count > 0)
  assert.ok(known.meet('4 of 9 tests pass').count > 0)
})

test('a vocabulary is bounded: what was met long ago is new again', () => {
  const known = vocabulary()
  known.meet('alpha beta')
  for (let i = 0; i < 20_000; i++) known.meet(`word${i}`)
  assert.ok(known.meet('alpha beta').count > 0)
})

test('the similarity of short texts is their Jaccard index; of long ones it is near it', () => {
  const shingles = (text: string) => new Set(Array.from({ length: text.length - 4 }, (_, i) => text.slice(i, i + 5)))
  const exact = (a: string, b: string) => {
    const [x, y] = [shingles(a), shingles(b)]
    const both = [...x].filter((each) => y.has(each)).length
    return both / (x.size + y.size - both)
  }
  const [a, b] = ['the quick brown fox jumps over the dog', 'the quick brown cat jumps over the dog']
  assert.ok(Math.abs(similarity(sketch(a), sketch(b)) - exact(a, b)) < 1e-9)
  const word = (i: number) => (i * 7_919).toString(36)
  const long = Array.from({ length: 400 }, (_, i) => word(i)).join(' ')
  const changed = Array.from({ length: 400 }, (_, i) => word(i % 10 === 0 ? i + 1_000 : i)).join(' ')
  assert.ok(Math.abs(similarity(sketch(long), sketch(changed)) - exact(long, changed)) < 0.12)
})

test('similarity is 1 for the same text, symmetric, and within [0, 1]', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 5, maxLength: 300 }), fc.string({ maxLength: 300 }), (a, b) => {
      const both = similarity(sketch(a), sketch(b))
      assert.equal(both, similarity(sketch(b), sketch(a)))
      assert.ok(both >= 0 && both <= 1)
      if (sketch(a).length > 0) assert.equal(similarity(sketch(a), sketch(a)), 1)
    }),
  )
})

test('errors of tools are told from results', () => {
  for (const text of [
    'Error: no such file',
    'error 503: busy',
    'Traceback (most recent call last):\n  File "x.py"',
    '{"error": {"message": "not found"}}',
    'command not found\nexit code: 127',
    'ENOENT\nTypeError: x is undefined',
  ])
    assert.ok(saysError(text), text)
  for (const text of ['', '0 errors', '{"error": null, "value": 3}', 'exit code: 0', 'The error was mended.'])
    assert.ok(!saysError(text), text)
})
