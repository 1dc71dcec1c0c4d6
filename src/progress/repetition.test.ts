import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Step } from './record.ts'
import { alternating, reworded, sameCall } from './repetition.ts'
import { sketch } from './words.ts'

/** Letters are calls; what each sees follows from it, unless it is said otherwise. */
const steps = (letters: string, more: (letter: string, i: number) => Partial<Step> = () => ({})): Step[] =>
  [...letters].map((letter, i) => ({
    at: i,
    did: letter,
    saw: `result of ${letter}`,
    acts: true,
    error: false,
    sketch: [],
    fresh: { artifact: false, check: false, answer: false, fact: false },
    context: 100 + i,
    said: `${letter}()`,
    heard: 'a result',
    ...more(letter, i),
  }))

/** The number of the step at which something is found for the first time; null = never. */
const firstFound = (all: Step[]): { at: number; detector: string } | null => {
  for (let n = 1; n <= all.length; n++) {
    const seen = all.slice(0, n)
    const finding = sameCall(seen) ?? alternating(seen) ?? reworded(seen)
    if (finding !== null) return { at: n, detector: finding.detector }
  }
  return null
}

describe('the sequences of OpenHands', () => {
  for (const [letters, at, detector] of [
    ['AAAA', 4, 'same_call'],
    ['BAAAA', 5, 'same_call'],
    ['ABABAB', 6, 'alternating'],
    ['ABCABCABC', 9, 'alternating'],
    ['XYABABAB', 8, 'alternating'],
  ] as const)
    test(`${letters} is found at ${at}`, () => {
      assert.deepEqual(firstFound(steps(letters)), { at, detector })
    })

  for (const letters of ['AAAB', 'AAABAAAB', 'ABABAC', 'ABCABCABD', 'AABBCCAABB', 'ABCDEFABCDEF'])
    test(`${letters} is not`, () => {
      assert.equal(firstFound(steps(letters)), null)
    })

  test('AEAEAE: the same call is found at its third error', () => {
    const errors = steps('AAA', (_, i) => ({ saw: `error ${i}`, error: true }))
    assert.deepEqual(firstFound(errors), { at: 3, detector: 'same_call' })
    const twice = steps('AAA', (_, i) => ({ saw: `result ${i}`, error: i < 2 }))
    assert.equal(firstFound(twice), null)
  })

  test('the same words with nothing heard in between are found at the third time', () => {
    const talk = steps('AAAA', () => ({ acts: false, saw: null }))
    assert.deepEqual(firstFound(talk), { at: 3, detector: 'same_call' })
    const answered = steps('AAA', (_, i) => ({ acts: false, saw: `question ${i}` }))
    assert.equal(firstFound(answered), null)
  })

  test('a loop that polls and sees something else each time is not', () => {
    const polls = steps('A'.repeat(40), (_, i) => ({ saw: `${i} % done` }))
    assert.equal(firstFound(polls), null)
    const turns = steps('AB'.repeat(20), (_, i) => ({ saw: `state ${i}` }))
    assert.equal(firstFound(turns), null)
  })

  test('a request that no model answers is given as many tries as nested clients make by themselves', () => {
    const failed = steps('A'.repeat(6), () => ({ unanswered: true, error: true, acts: false, saw: 'unavailable' }))
    assert.equal(firstFound(failed.slice(0, 5)), null)
    assert.deepEqual(firstFound(failed), { at: 6, detector: 'same_call' })
  })
})

describe('nearly the same', () => {
  const said = (text: string): Partial<Step> => ({ did: text, sketch: sketch(text) })
  const long =
    'I will now look at the settings file of the service once more in order to find the port that it listens on, and then restart it.'

  test('three outputs that differ in a word are found, when what was seen was not new', () => {
    const texts = ['today', 'again', 'still'].map((word) => `${long} ${long} ${word}`)
    assert.deepEqual(firstFound(steps('ABC', (_, i) => said(texts[i] ?? ''))), { at: 3, detector: 'reworded' })
    const seen = steps('ABC', (_, i) => ({
      ...said(texts[i] ?? ''),
      fresh: { artifact: false, check: i === 1, answer: false, fact: false },
    }))
    assert.equal(firstFound(seen), null)
  })

  test('texts about different things are not', () => {
    const texts = [long, 'The port is 8100. Now the firewall has to be opened for it.', 'All tests pass; I am done.']
    assert.equal(firstFound(steps('ABC', (_, i) => said(texts[i] ?? ''))), null)
  })
})

test('whatever is done: as long as each result is another, nothing is found', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom('A', 'B', 'C'), { maxLength: 60 }), (letters) => {
      const healthy = steps(letters.join(''), (_, i) => ({
        saw: `result ${i}`,
        fresh: { artifact: false, check: true, answer: false, fact: false },
      }))
      assert.equal(firstFound(healthy), null)
    }),
  )
})

test('every loop of one to three calls is found within three rounds and one call', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.constantFrom('A', 'B', 'C', 'D'), { minLength: 1, maxLength: 3 }),
      fc.array(fc.constantFrom('W', 'X', 'Y', 'Z'), { maxLength: 5 }),
      (loop, before) => {
        const all = steps(before.join('') + loop.join('').repeat(5))
        const found = firstFound(all)
        assert.ok(found !== null && found.at <= before.length + 3 * loop.length + 1, JSON.stringify(found))
      },
    ),
  )
})
