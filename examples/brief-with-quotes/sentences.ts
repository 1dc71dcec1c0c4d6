/**
 * Sentences with numbers, and quotes that are nothing but such sentences. Pure.
 *
 * Invariants:
 *  S1. A sentence stands in the document, letter for letter, after the sentence with the number before; numbers begin at 1.
 *  S2. Together the parts hold every sentence once, in order.
 *  S3. A quote is true when it is the whole sentence of its number. A part of a sentence is not enough: without its
 *      "No one", the sentence on slavery says the opposite.
 */

/** `under`: the heading above it. */
export type Sentence = { number: number; text: string; under: string }
export type Quote = { number: number; text: string }
/** Sentences from `first` to `last`. */
export type Part = { part: number; first: number; last: number }

/** A model that chooses among many sentences chooses worse, and reads longer. */
const PART = { sentences: 12, characters: 2_400 }

const segmenter = new Intl.Segmenter('en', { granularity: 'sentence' })
/** A heading, a title, a remark in brackets: no mark at its end says that a sentence ends there. */
const isHeading = (paragraph: string) => !/[.,;:!?…]["'”’»)]*$/.test(paragraph)

/** Sentences by the rules of Unicode (UAX 29), within paragraphs, which an empty line divides. */
export function sentencesOf(document: string): Sentence[] {
  const sentences: Sentence[] = []
  let under = ''
  for (const { 0: paragraph } of document.matchAll(/\S[\s\S]*?(?=\s*(?:\n\s*\n|$(?![\s\S])))/g)) {
    if (isHeading(paragraph)) {
      under = paragraph
      continue
    }
    // The rules end a sentence at every line break; the text keeps its length, so that the places stay right.
    for (const { segment, index } of segmenter.segment(paragraph.replace(/[\r\n]/g, ' '))) {
      const start = index + segment.length - segment.trimStart().length
      const text = paragraph.slice(start, index + segment.trimEnd().length)
      if (text !== '') sentences.push({ number: sentences.length + 1, text, under })
    }
  }
  return sentences
}

/** Neighbouring sentences together, as many as one reader gets at once. */
export function partsOf(sentences: readonly Sentence[], most = PART): Part[] {
  const parts: Part[] = []
  let characters = 0
  for (const { number, text } of sentences) {
    const part = parts.at(-1)
    characters += text.length
    if (part && number - part.first < most.sentences && characters <= most.characters) part.last = number
    else {
      parts.push({ part: parts.length + 1, first: number, last: number })
      characters = text.length
    }
  }
  return parts
}

/**
 * Which way round a reader gets a part. Small models like what stands first, whatever it says; two who read in opposite
 * order and choose the same sentence have hardly done so out of habit.
 */
export type Order = 'forward' | 'backward'

const inOrder = (sentences: readonly Sentence[], part: Part, order: Order): Sentence[] => {
  const own = sentences.slice(part.first - 1, part.last)
  return order === 'forward' ? own : own.reverse()
}

/** The sentences of a part as a reader sees them: counted from 1, so that one grammar fits every part. */
export const shown = (sentences: readonly Sentence[], part: Part, order: Order): string =>
  inOrder(sentences, part, order)
    .map(({ text }, index) => `${index + 1}. ${text.replace(/\s+/g, ' ')}`)
    .join('\n')

/** The quote for the number that a reader chose in a part; undefined when it was shown no such number. */
export function quoteOf(sentences: readonly Sentence[], part: Part, order: Order, chosen: number): Quote | undefined {
  const sentence = inOrder(sentences, part, order)[chosen - 1]
  return sentence && { number: sentence.number, text: sentence.text }
}

/** Null when the quote is true (S3), else what is false about it, in one sentence. */
export function whyFalse(sentences: readonly Sentence[], quote: unknown): string | null {
  const { number, text } = (typeof quote === 'object' && quote !== null ? quote : {}) as { [name: string]: unknown }
  if (typeof number !== 'number' || typeof text !== 'string' || text === '') return 'it is not { number, text }'
  const sentence = Number.isInteger(number) && number >= 1 ? sentences[number - 1] : undefined
  if (sentence?.text === text) return null
  const named = `sentence ${number}`
  const owner = sentences.find((other) => other.text === text)
  if (owner) return `its words are those of sentence ${owner.number}, not of ${named}`
  if (!sentence) return `there is no ${named}: the document has sentences 1 to ${sentences.length}`
  if (sentence.text.includes(text)) return `it is only a part of ${named}`
  return `it is not what ${named} says: ${firstDifference(sentence.text, text)}`
}

function firstDifference(right: string, wrong: string): string {
  const [expected, given] = [right.split(/\s+/), wrong.split(/\s+/)]
  const at = Array.from({ length: Math.max(expected.length, given.length) }).findIndex(
    (_, i) => given[i] !== expected[i],
  )
  if (at === -1) return 'its spaces or line breaks are others'
  const name = (word: string | undefined) => (word === undefined ? 'missing' : `"${word.slice(0, 40)}"`)
  if (at === expected.length) return `word ${at + 1}, ${name(given[at])}, is not there`
  return `word ${at + 1} is ${name(given[at])} and should be ${name(expected[at])}`
}
