/** Example brief-with-quotes: numbering, choosing, quoting, verifying (the invariants of its sentences.ts). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  type Order,
  partsOf,
  quoteOf,
  type Sentence,
  sentencesOf,
  shown,
  whyFalse,
} from '../../examples/brief-with-quotes/sentences.ts'
import { exampleFile } from './start-example.ts'

const declaration = exampleFile('brief-with-quotes/universal-declaration-of-human-rights.txt')
const sentences = sentencesOf(declaration)
const sentence = (number: number): Sentence => {
  const found = sentences[number - 1]
  assert.ok(found)
  return found
}

/** Paragraphs, headings, lines broken anywhere, odd characters. */
const document = fc.oneof(
  fc
    .array(
      fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.constantFrom(
          'Title',
          'One. Two! Three?',
          'A line\nthat goes on. And on.\r\nIt ends.',
          '  \n ',
          '"Yes."',
          '…',
          '1.',
        ),
      ),
      { maxLength: 12 },
    )
    .map((paragraphs) => paragraphs.join('\n\n')),
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.constant(declaration),
)

describe('numbering', () => {
  test('S1: every sentence stands in the document, letter for letter, after the one before', () => {
    fc.assert(
      fc.property(document, (text) => {
        let from = 0
        for (const [index, found] of sentencesOf(text).entries()) {
          assert.equal(found.number, index + 1)
          assert.equal(found.text, found.text.trim())
          assert.notEqual(found.text, '')
          const at = text.indexOf(found.text, from)
          assert.notEqual(at, -1)
          from = at + found.text.length
        }
      }),
    )
  })

  test('S2: together the parts hold every sentence once, in order, and no part more than twelve', () => {
    fc.assert(
      fc.property(document, (text) => {
        const all = sentencesOf(text)
        const parts = partsOf(all)
        const numbers = parts.flatMap(({ first, last }) =>
          Array.from({ length: last - first + 1 }, (_, i) => first + i),
        )
        assert.deepEqual(
          numbers,
          all.map(({ number }) => number),
        )
        assert.ok(parts.every(({ first, last }) => last - first < 12))
      }),
    )
  })

  test('the Declaration: 69 sentences, each under its heading; headings and the remark on the source are none', () => {
    assert.equal(sentences.length, 69)
    assert.deepEqual(sentence(48), {
      number: 48,
      text: 'Everyone has the right to work, to free choice of employment, to just and favourable conditions of work and to protection against unemployment.',
      under: 'Article 23',
    })
    assert.ok(sentences.every(({ text }) => !/^Article \d+$|udhr/.test(text)))
    assert.deepEqual(
      new Set(sentences.map(({ under }) => under)),
      new Set(['Preamble', 'The General Assembly', ...Array.from({ length: 30 }, (_, i) => `Article ${i + 1}`)]),
    )
  })

  test('a line break within a paragraph ends no sentence', () => {
    assert.deepEqual(
      sentencesOf('Head\n\nIt goes\non. It\r\nends.').map(({ text }) => text),
      ['It goes\non.', 'It\r\nends.'],
    )
  })
})

describe('quoting', () => {
  test('the number under which a sentence was shown, in either order, quotes that sentence; others quote nothing', () => {
    fc.assert(
      fc.property(document, fc.constantFrom<Order>('forward', 'backward'), (text, order) => {
        const all = sentencesOf(text)
        for (const part of partsOf(all)) {
          const lines = shown(all, part, order).split('\n')
          assert.equal(lines.length, part.last - part.first + 1)
          for (const [index, line] of lines.entries()) {
            const quote = quoteOf(all, part, order, index + 1)
            assert.equal(line, `${index + 1}. ${quote?.text.replace(/\s+/g, ' ')}`)
            assert.ok(quote && quote.number >= part.first && quote.number <= part.last)
            assert.equal(whyFalse(all, quote), null)
          }
          for (const beyond of [0, -1, lines.length + 1, 1.5, Number.NaN])
            assert.equal(quoteOf(all, part, order, beyond), undefined)
        }
      }),
    )
  })
})

describe('verifying', () => {
  test('S3: every sentence with its number is true', () => {
    for (const { number, text } of sentences) assert.equal(whyFalse(sentences, { number, text }), null)
  })

  test('S3: a sentence with another number is refused, and the failure names the right one', () => {
    fc.assert(
      fc.property(fc.nat(sentences.length - 1), fc.integer({ min: -3, max: 90 }), (index, number) => {
        const { number: own, text } = sentence(index + 1)
        fc.pre(number !== own)
        assert.equal(
          whyFalse(sentences, { number, text }),
          `its words are those of sentence ${own}, not of sentence ${number}`,
        )
      }),
    )
  })

  test('S3: a sentence in which anything is changed is refused', () => {
    const edit = fc.record({ at: fc.nat(), cut: fc.nat(12), put: fc.string({ unit: 'grapheme', maxLength: 8 }) })
    fc.assert(
      fc.property(fc.nat(sentences.length - 1), edit, (index, { at, cut, put }) => {
        const { number, text } = sentence(index + 1)
        const place = at % (text.length + 1)
        const changed = text.slice(0, place) + put + text.slice(place + cut)
        fc.pre(changed !== text)
        assert.notEqual(whyFalse(sentences, { number, text: changed }), null)
      }),
    )
  })

  test('the failure says what is wrong', () => {
    const rows: [quote: unknown, why: RegExp][] = [
      [
        { number: 56, text: 'Everyone has the duty to education.' },
        /^it is not what sentence 56 says: word 4 is "duty" and should be "right"$/,
      ],
      [{ number: 56, text: 'Everyone has the right to education. Free.' }, /word 7, "Free\.", is not there$/],
      [{ number: 56, text: 'Everyone  has the right to education.' }, /its spaces or line breaks are others$/],
      [{ number: 56, text: 'Everyone has a' }, /word 3 is "a" and should be "the"$/],
      [{ number: 56, text: 'Pigs can fly.' }, /word 1 is "Pigs" and should be "Everyone"/],
      [{ number: 14, text: sentence(15).text }, /those of sentence 15, not of sentence 14/],
      // Without its "No one" it says the opposite.
      [{ number: 15, text: sentence(15).text.replace('No one ', '') }, /only a part of sentence 15/],
      [{ number: 70, text: 'Pigs can fly.' }, /there is no sentence 70: the document has sentences 1 to 69/],
      [{ number: 56, text: '' }, /it is not \{ number, text \}/],
      [{ number: '56', text: sentence(56).text }, /it is not \{ number, text \}/],
      [null, /it is not \{ number, text \}/],
      ['Everyone', /it is not \{ number, text \}/],
    ]
    for (const [quote, why] of rows) assert.match(whyFalse(sentences, quote) ?? '(taken for true)', why)
  })

  test('whatever is handed in, it answers', () => {
    fc.assert(fc.property(fc.anything(), (quote) => whyFalse(sentences, quote) !== null))
  })
})
