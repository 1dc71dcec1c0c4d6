/**
 * Turns what happens in an attempt into its record: requests to models and their answers, tokens, output, notes. Knows no
 * clock: every time is given, in milliseconds since the attempt began.
 */
import { createHash } from 'node:crypto'
import type { Summary } from './accrual.ts'
import { type LimitsOf, quietLimit } from './liveness.ts'
import { type AttemptRecord, type EvidenceKind, KEPT_STEPS, newRecord, type Phase, type Step } from './record.ts'
import { normalised, saysError, sketch, vocabulary, wordsOf } from './words.ts'

/** A message of a request, in whatever dialect it came. */
export type SeenMessage = {
  role: string
  content: string
  tool_calls?: readonly { name: string; arguments: string }[] | undefined
}
export type SeenAnswer = {
  text: string
  tool_calls: readonly { name: string; arguments: string }[]
  /** `host/model`. */
  model: string
}

/** What is told about an attempt while it goes on. `call` tells calls apart that overlap. */
export type AttemptObserver = {
  /** The agent was given access to the models. @param hide takes secrets out of a text */
  granted: (hide: (text: string) => string) => void
  asked: (call: number, messages: readonly SeenMessage[]) => void
  /** The call waits for a place, or for its model. */
  waits: (call: number) => void
  /** Its turn has come: the model is asked. */
  sent: (call: number) => void
  streamed: (call: number) => void
  answered: (call: number, answer: SeenAnswer) => void
  failed: (call: number, kind: string) => void
}

/** How long it took before, and how often in vain. */
export type History = {
  known: (phase: Phase) => Summary | null
  doubts: (phase: Phase) => number
  took: (phase: Phase, ms: number) => void
}

export type ObserverOptions = {
  evidence: readonly EvidenceKind[] | null
  silence: number
  timeout: number
  history: History
}

export type Observer = {
  [event in keyof AttemptObserver]: (at: number, ...given: Parameters<AttemptObserver[event]>) => void
} & {
  /** Output or a note of the agent's system; null = a sign of life without words. */
  noted: (at: number, text: string | null) => void
  /** Tokens of the agent's own model. @param sum all so far */
  tokens: (at: number, sum: number) => void
  /** The agent's own model is waited for, or asked. */
  own: (at: number, phase: 'queue' | 'first_token') => void
  record: () => AttemptRecord
}

/** Characters of an excerpt, and what it is cut from: enough that no secret is divided before it is hidden. */
const EXCERPT = 160
const EXCERPT_FROM = 4_000
/** Of a call's answer: share of what is new that makes it a new answer. */
const NEW_ANSWER = 0.5
/** Of what was seen: share and number of what is new that make it a new fact. */
const NEW_FACT = { share: 0.1, count: 4 }
/** Steps whose sketch is kept. */
const KEPT_SKETCHES = 3

const shortHash = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 16)

/** What the next step is made of: an answer, until it is known what was seen of it; or a request that failed. */
type Half = Pick<Step, 'did' | 'acts' | 'sketch' | 'said'> & { new_answer: boolean; words: ReadonlySet<string> }

export function createObserver({ evidence, silence, timeout, history }: ObserverOptions): Observer {
  const limits = (phase: Phase, asks_models: boolean): LimitsOf => ({
    silence,
    timeout,
    asks_models,
    doubts: history.doubts(phase),
  })
  const record = newRecord(evidence, null)
  const known = vocabulary()
  const in_flight = new Map<number, { phase: Phase; side: boolean; request: string }>()
  let hide = (text: string): string => text
  let asks_models = false
  /** The request before this one. */
  let before: readonly SeenMessage[] | null = null
  let half: Half | null = null
  /** Excerpt of the last request. */
  let asked_for = ''
  const said_before = new Set<string>()

  /** Goes on to a phase; a sign of life in any case. */
  function enter(at: number, phase: Phase): void {
    const { quiet } = record
    const ends_step = quiet.phase !== 'queue' && quiet.phase !== 'start' && quiet.phase !== 'output'
    if (ends_step) history.took(quiet.phase, at - quiet.since)
    const summary = history.known(phase)
    record.quiet = { phase, since: at, limit: quietLimit(phase, summary, limits(phase, asks_models)), known: summary }
  }
  const isNew = (at: number): void => {
    record.nothing_new = { since: at, signs: 0 }
  }
  /** Of calls side by side, the one that is furthest says what comes next. */
  const phaseNow = (): Phase => {
    const phases = new Set(Array.from(in_flight.values(), ({ phase }) => phase))
    if (phases.size === 0) return 'tool'
    return phases.has('stream') ? 'stream' : phases.has('first_token') ? 'first_token' : 'queue'
  }
  const excerptOf = (text: string): string => {
    const line = hide(text.slice(0, EXCERPT_FROM)).replace(/\s+/g, ' ').trim()
    return line.length <= EXCERPT ? line : `${line.slice(0, EXCERPT - 1).toWellFormed()}…`
  }

  function turnsTo(at: number, call: number, phase: 'queue' | 'first_token'): void {
    const of = in_flight.get(call)
    if (of === undefined || of.phase === 'stream') return
    of.phase = phase
    enter(at, phaseNow())
  }

  function keep(step: Step): void {
    record.steps.push(step)
    if (record.steps.length > KEPT_STEPS) record.steps.shift()
    // Only the last few are compared by their words.
    const old = record.steps.at(-1 - KEPT_SKETCHES)
    if (old !== undefined) old.sketch = []
    record.step_count++
  }

  /** What of a request was not in the one before it, nor said by the model. */
  function newIn(messages: readonly SeenMessage[]): string {
    let shared = 0
    while (before !== null && shared < messages.length && isSame(messages[shared], before[shared])) shared++
    let rest = messages.slice(shared)
    const answered = rest.findLastIndex(({ role }) => role === 'assistant')
    if (answered >= 0) rest = rest.slice(answered + 1)
    const [only] = rest
    const last = before?.at(-1)?.content ?? ''
    // All in one message, which grows: what it has grown by.
    if (before !== null && only !== undefined && rest.length === 1 && shared === before.length - 1) {
      const same = sharedLength(last, only.content)
      if (same >= last.length / 2) return only.content.slice(same)
    }
    return rest.map(({ content }) => content).join('\n')
  }

  return {
    record: () => record,
    granted: (at, hides) => {
      hide = hides
      asks_models = true
      if (record.quiet.phase === 'start') enter(at, 'start')
    },

    asked: (at, call, messages) => {
      const side = in_flight.size > 0
      for (const other of in_flight.values()) other.side ||= side
      const text = newIn(messages)
      const context = messages.reduce((sum, { content }) => sum + content.length, 0)
      const same_as_before = before !== null && text === '' && messages.length === before.length
      const last = messages.at(-1)?.content ?? ''
      const request = shortHash(`${messages.length} ${last}`)
      in_flight.set(call, { phase: 'first_token', side, request })
      enter(at, 'first_token')
      const fresh = known.meet(normalised(text), half?.words)
      if (fresh.count > 0) isNew(at)
      else record.nothing_new.signs++
      if (!side && half !== null) {
        // The same request once more: what is seen of an answer is the whole request.
        const heard = text === '' && same_as_before ? '' : text
        keep({
          at,
          did: half.did,
          saw: same_as_before ? request : text === '' ? null : shortHash(normalised(text)),
          acts: half.acts || same_as_before,
          error: heard !== '' && saysError(heard),
          sketch: half.sketch,
          fresh: {
            artifact: half.acts && half.new_answer,
            check: fresh.count > 0,
            answer: half.new_answer,
            fact: fresh.share >= NEW_FACT.share && fresh.count >= NEW_FACT.count,
          },
          context,
          said: half.said,
          heard: excerptOf(heard),
        })
      }
      if (!side) before = [...messages]
      half = null
      asked_for = excerptOf(text === '' ? last : text)
    },

    waits: (at, call) => turnsTo(at, call, 'queue'),
    sent: (at, call) => turnsTo(at, call, 'first_token'),

    streamed: (at, call) => {
      const of = in_flight.get(call)
      if (of !== undefined) of.phase = 'stream'
      record.tokens++
      enter(at, 'stream')
      isNew(at)
    },

    answered: (at, call, { text, tool_calls, model }) => {
      const of = in_flight.get(call)
      in_flight.delete(call)
      if (model !== '' && !record.models.includes(model) && record.models.length < 8) record.models.push(model)
      const acts = tool_calls.length > 0
      const calls = tool_calls.map((one) => `${one.name}(${one.arguments})`).join(' ')
      const plain = normalised(`${text}\n${calls}`)
      const fresh = known.meet(plain)
      const new_answer = fresh.share >= NEW_ANSWER
      if (new_answer) isNew(at)
      if (of?.side !== true)
        half = {
          did: shortHash(acts ? calls : text),
          acts,
          sketch: sketch(plain),
          said: excerptOf(acts ? calls : text),
          new_answer,
          words: new Set(wordsOf(plain)),
        }
      enter(at, phaseNow())
    },

    failed: (at, call, kind) => {
      const of = in_flight.get(call)
      in_flight.delete(call)
      if (of !== undefined && !of.side)
        keep({
          at,
          did: of.request,
          saw: kind,
          acts: false,
          error: true,
          unanswered: true,
          sketch: [],
          fresh: { artifact: false, check: false, answer: false, fact: false },
          context: 0,
          said: asked_for,
          heard: kind,
        })
      enter(at, phaseNow())
    },

    noted: (at, text) => {
      const hash = text === null ? null : shortHash(normalised(text))
      if (hash !== null && !said_before.has(hash)) {
        said_before.add(hash)
        const [oldest] = said_before
        if (said_before.size > 500 && oldest !== undefined) said_before.delete(oldest)
        isNew(at)
      } else record.nothing_new.signs++
      enter(at, in_flight.size > 0 ? phaseNow() : asks_models && record.quiet.phase !== 'start' ? 'tool' : 'output')
    },

    tokens: (at, sum) => {
      record.tokens = sum
      enter(at, 'stream')
      isNew(at)
    },

    own: enter,
  }
}

const isSame = (a: SeenMessage | undefined, b: SeenMessage | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.role === b.role &&
  a.content === b.content &&
  (a.tool_calls === b.tool_calls || JSON.stringify(a.tool_calls ?? []) === JSON.stringify(b.tool_calls ?? []))

function sharedLength(a: string, b: string): number {
  if (b.startsWith(a)) return a.length
  let n = 0
  while (n < a.length && n < b.length && a.charCodeAt(n) === b.charCodeAt(n)) n++
  return n
}
