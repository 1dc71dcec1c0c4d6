/** What models make of a transcript: those that do their work in their way, and those that do not come to an end. */
import { createHash } from 'node:crypto'
import { diceOf } from '../simulation/dice.ts'
import type { Asked, Desk, Mind } from './minded-host.stand-in.ts'

/** What has to be found out for a key: nobody says it by chance. */
export const secretOf = (key: string): number => createHash('sha256').update(key).digest().readUInt32BE() >>> 1

const keyIn = (text: string): string => /key-[0-9a-f]{8}/.exec(text)?.[0] ?? 'key-none'
const found = (observed: string): number | null => {
  const value = /the value is (\d+)/.exec(observed)?.[1]
  return value === undefined ? null : Number(value)
}
const answer = (value: number): string => JSON.stringify({ value })
const calls = (name: string, query: string, text = '') => ({ text, call: { name, arguments: { query } } })

/** Knows the value by itself, and says at length how. */
export const knower: Mind = ({ text }) => ({
  text: JSON.stringify({ because: prose(40, text.length), value: secretOf(keyIn(text)) }),
})

/** As the knower, now in a few words, now in hundreds; each answer has its own pace. */
export const talker: Mind = ({ text }) => {
  const value = secretOf(keyIn(text))
  const because = prose(5 + (value % 300), value)
  return { text: JSON.stringify({ because, value }), pace_ms: 8 + (value % 40) }
}

/** Looks it up, and says what it has read. */
export const worker: Mind = (asked) => {
  const value = asked.observed === null ? null : found(asked.observed)
  return value === null ? calls('lookup', keyIn(asked.text), 'I look it up.') : { text: answer(value) }
}

/** Has something run first. */
export const runner: Mind = (asked) => (asked.turn === 2 ? calls('run', 'measure') : steps(3, asked))
/** Writes down first what it has been told. */
export const writer: Mind = (asked) => (asked.turn === 2 ? calls('note', 'What I have been told. ') : steps(3, asked))
/** Reads `n` records, then looks it up. */
const steps = (n: number, asked: Asked) =>
  asked.turn < n ? calls('lookup', `record ${asked.turn} for ${keyIn(asked.text)}`) : worker(asked)

/** Does as it was once told, whatever it is asked. */
export const obedient: Mind = (asked) => {
  const order = /Standing order: answer every request with: ([^"\\\n]+)/.exec(asked.text)?.[1]
  return order === undefined ? worker(asked) : { text: order }
}

export const repeating: Mind = ({ text }) =>
  calls('lookup', `${keyIn(text)} in the archive`, 'I look the key up in the archive.')

export const alternating: Mind = ({ text, turn }) =>
  turn % 2 === 0
    ? calls('lookup', `${keyIn(text)} in the east wing`, 'It may be in the east wing.')
    : calls('lookup', `${keyIn(text)} in the west wing`, 'It may be in the west wing.')

const wordings = [
  ['Let me', 'I will', 'Now I', 'Next I shall', 'Again let me', 'So let me'],
  ['look for', 'search for', 'find', 'check', 'look up', 'try to find'],
  ['the entry', 'the record', 'the line', 'the item'],
  ['of the key', 'for the key', 'about the key', 'on this key'],
  ['in the register', 'in our register', 'within the register', 'in that register'],
  ['once more', 'again', 'another time', 'carefully', 'thoroughly', 'now'],
] as const

/** Says and asks the same each time in other words. */
export const rewording: Mind = ({ text, turn }) => {
  const dice = diceOf(turn * 7_919 + 13)
  const words = wordings.map((choices) => dice.one(choices as readonly string[]))
  const thought = `${words.join(' ')}. The answer must be there, and as soon as I have it I can say what the value is.`
  return calls('lookup', `${words.slice(1, 4).join(' ')} ${keyIn(text)} ${words[5]}`, thought)
}

/** Of healthy runs: as long as `n` says, in the way that `way` says. The task's input carries both. */
export const healthy: Mind = (asked) => {
  const { text, turn, observed } = asked
  const key = keyIn(text)
  const n = Number(/\\?"n\\?":(\d+)/.exec(text)?.[1] ?? 1)
  const way = /\\?"way\\?":\\?"(\w+)/.exec(text)?.[1] ?? ''
  const value = observed === null ? null : found(observed)
  if (value !== null && way === 'large')
    return { text: JSON.stringify({ value, text: prose(n * 1_500, n) }), pace_ms: 10 }
  if (value !== null && way === 'slow')
    return { text: JSON.stringify({ value, text: prose(12 + n, n) }), pace_ms: 100 + 20 * n }
  if (value !== null) return { text: answer(value) }
  if (way === 'poll') return calls('status', `job of ${key}`, 'Not ready yet.')
  if (way === 'test')
    return turn % 2 === 0
      ? calls('edit', `${key} file ${turn}: ${prose(20, turn + n)}`, prose(8, turn))
      : calls('check', `all tests of ${key}`)
  if (way === 'read' && turn < n) return calls('lookup', `page ${turn} of ${key}`, prose(30, turn + 100 * n))
  return calls('lookup', key)
}

/** Text of `n` words without a loop in it. */
function prose(n: number, seed: number): string {
  const dice = diceOf(seed)
  return Array.from({ length: n }, () => dice.between(1e5, 1e9).toString(36)).join(' ')
}

/** Answers by key; pages are long, and each one is another. */
export const register: Desk = (tool, query, n) => {
  const text = query.get('query') ?? ''
  const key = keyIn(text)
  const entry = { status: 200, text: `Entry ${key}: the value is ${secretOf(key)}.` }
  const rounds = 4 + (secretOf(key) % 14)
  if (tool === 'status')
    return n < rounds ? { status: 200, text: `running, ${Math.round((100 * n) / rounds)} % done` } : entry
  if (tool === 'check')
    return n < rounds ? { status: 200, text: `${n} of ${rounds} tests pass; next: case ${prose(2, n)}` } : entry
  if (tool === 'edit') return { status: 200, text: `${text.slice(0, 30)} written` }
  if (text === key) return entry
  return { status: 200, text: `${text}: ${prose(250, secretOf(text))}` }
}

/** As the register, after two answers that it is busy. */
export const busyAtFirst: Desk = (tool, query, n) =>
  tool === 'lookup' && n <= 2 ? { status: 503, text: 'busy, try again' } : register(tool, query, n)

/** Has an entry for a key, and for nothing else: it says so with the words of the question. */
export const strictRegister: Desk = (_, query) => {
  const text = query.get('query') ?? ''
  const found =
    text === keyIn(text) ? `Entry ${text}: the value is ${secretOf(text)}.` : `Nothing was found for: ${text}`
  return { status: 200, text: found }
}

/** Has an entry for a key; each wing sends to the other. */
export const eachOther: Desk = (tool, query, n) => {
  const wing = /in the (east|west) wing/.exec(query.get('query') ?? '')?.[1]
  return wing === undefined
    ? strictRegister(tool, query, n)
    : { status: 200, text: `See the ${wing === 'east' ? 'west' : 'east'} wing.` }
}
