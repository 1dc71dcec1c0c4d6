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
const PART = { sentences: 8, characters: 1_600 }

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

/** The sentences of a part as a reader sees them: counted from 1, so that the same grammar fits every part. */
export const shown = (sentences: readonly Sentence[], part: Part): string =>
  sentences
    .slice(part.first - 1, part.last)
    .map(({ text }, index) => `${index + 1}. ${text.replace(/\s+/g, ' ')}`)
    .join('\n')

/** The quote for what a reader chose in a part; undefined when the part has no such sentence. */
export function quoteOf(sentences: readonly Sentence[], part: Part, chosen: number): Quote | undefined {
  const number = part.first + chosen - 1
  const sentence = chosen >= 1 && number <= part.last ? sentences[number - 1] : undefined
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
  const word = differingWord(sentence.text, text)
  return `it is not what ${named} says: word ${word.place} is "${word.quoted}" and should be "${word.true}"`
}

function differingWord(right: string, wrong: string): { place: number; true: string; quoted: string } {
  const [expected, given] = [right.split(/(?<=\s)(?=\S)/), wrong.split(/(?<=\s)(?=\S)/)]
  const at = given.findIndex((word, index) => word !== expected[index])
  const place = at === -1 ? given.length : at
  const name = (word: string | undefined) => word?.trim().slice(0, 40) ?? '(nothing)'
  return { place: place + 1, true: name(expected[place]), quoted: name(given[place]) }
}
