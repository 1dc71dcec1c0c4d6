/**
 * What of a text is new. Texts are compared without what changes by itself from one time to the next: times, durations,
 * process ids, random identifiers (OpenHands' stuck detector ignores process ids for the same reason).
 */

/** Words of one text that are looked at: its first and its last ones. */
const MOST_WORDS = 2_000
/** Words and pairs of words that are remembered at most, in two generations: the older one is forgotten first. */
const GENERATION = 8_000
/** Shingles of a sketch. A text with no more of them is compared exactly, a longer one by its smallest hashes. */
const SKETCH = 128
/** Characters of a shingle. */
const GRAM = 5
/** Characters of a text that its sketch is made from: its first and its last ones. */
const SKETCHED = 8_000

const byItself: readonly RegExp[] = [
  // 2026-11-22T14:45:01.123Z, 14:45:01
  /\d{4}-\d\d-\d\d(?:[t ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:z|[+-]\d\d:?\d\d)?)?/g,
  /\b\d\d?:\d\d(?::\d\d)?(?:[.,]\d+)?\b/g,
  /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g,
  /\b0x[0-9a-f]+\b/g,
  // A long identifier in hexadecimal, which has both letters and digits.
  /\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12,}\b/g,
  /\b\d+(?:[.,]\d+)?\s?(?:µs|us|ms|s|sec|secs|second|seconds)\b/g,
  /\bpid[ :=]*\d+/g,
]

export function normalised(text: string): string {
  let plain = text.toLowerCase()
  for (const pattern of byItself) plain = plain.replace(pattern, '#')
  return plain.replace(/\s+/g, ' ').trim()
}

export function wordsOf(text: string): string[] {
  const words = ends(text, 16 * MOST_WORDS)
    .toLowerCase()
    .match(/[\p{L}\p{N}_]+(?:[.,-][\p{L}\p{N}_]+)*|#/gu)
  if (words === null) return []
  return words.length <= MOST_WORDS ? words : [...words.slice(0, MOST_WORDS / 2), ...words.slice(-MOST_WORDS / 2)]
}

const ends = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most / 2)} ${text.slice(-most / 2)}`

/** FNV-1a, 32 bits. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** How much of a text had not been met before. */
export type Fresh = {
  /** Words and pairs of words that are new. */
  count: number
  /** Their share of all of the text, in [0, 1]; 0 for an empty text. */
  share: number
}

/** Remembers words and pairs of words; bounded, so that what was met long ago is new again. */
export type Vocabulary = {
  /** Takes the text in. @param echo words that do not count: whoever repeats a question has said nothing new */
  meet: (text: string, echo?: ReadonlySet<string>) => Fresh
}

export function vocabulary(): Vocabulary {
  let young = new Set<number>()
  let old = new Set<number>()
  return {
    meet(text, echo) {
      const words = echo === undefined ? wordsOf(text) : wordsOf(text).filter((word) => !echo.has(word))
      let count = 0
      let all = 0
      const meetOne = (unit: string): void => {
        all++
        const hash = hash32(unit)
        const known = young.has(hash)
        if (!known && !old.has(hash)) count++
        if (known) return
        if (young.size >= GENERATION) {
          old = young
          young = new Set()
        }
        young.add(hash)
      }
      for (const [i, word] of words.entries()) {
        meetOne(word)
        if (i > 0) meetOne(`${words[i - 1]} ${word}`)
      }
      return { count, share: all === 0 ? 0 : count / all }
    },
  }
}

/** The smallest hashes of the text's shingles of 5 characters, ascending: enough to compare it with others. */
export function sketch(text: string): number[] {
  const plain = ends(normalised(text), SKETCHED)
  const hashes = new Set<number>()
  for (let i = 0; i + GRAM <= plain.length; i++) hashes.add(hash32(plain.slice(i, i + GRAM)))
  return [...hashes].sort((a, b) => a - b).slice(0, SKETCH)
}

/**
 * Jaccard similarity of two texts by their sketches (Broder 1997: of the smallest hashes of the union, the share that
 * both have). Exact for texts of up to 128 shingles. 0 for texts that are too short to have one.
 */
export function similarity(a: readonly number[], b: readonly number[]): number {
  if (a.length === 0 || b.length === 0) return 0
  const inA = new Set(a)
  const inB = new Set(b)
  const union = [...new Set([...a, ...b])].sort((x, y) => x - y)
  const looked = a.length < SKETCH && b.length < SKETCH ? union : union.slice(0, SKETCH)
  return looked.filter((hash) => inA.has(hash) && inB.has(hash)).length / looked.length
}

const errorMarks: readonly RegExp[] = [
  /^[\s>*[(!]*(?:\w+ )?(?:(?:error|exception|fatal|panic|failure)(?=\s*[:\d([]|\s*$)|traceback \(|failed(?: to\b|:))/i,
  /"(?:error|is_error)"\s*:\s*(?!\s|null|false|""|\{\}|\[\])/i,
  /\bexit(?:ed)?(?: with)?(?: code| status)?:? [1-9]\d*\b/i,
  /^\w*(?:Error|Exception): /m,
]

/** Whether the answer of a tool says that it failed. A hint: it makes three repetitions count where four would be needed. */
export const saysError = (text: string): boolean => errorMarks.some((mark) => mark.test(text.slice(0, 2_000)))
