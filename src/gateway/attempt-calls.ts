/**
 * The calls of one attempt: numbered, recorded as they begin and end, summed, and answered again from the record when
 * the attempt is carried out once more after a crash.
 *
 * Invariants:
 * 1. No answer goes out before its call is in the store: whatever crashes, what was used is known, or is charged as it
 *    was reserved.
 * 2. An answer is used again at most once for each time it was given, for the same content, in the same task only, and
 *    only when the execution that got it was broken off: retries of what failed in order ask the model again.
 * 3. What is kept of a body has no secret of the task in it; an answer that had one is not used again.
 */

import type { Allowance } from '../budget/allowance.ts'
import { type Amounts, nothing } from '../budget/amounts.ts'
import type { ModelCall, ModelCallEnd, Store } from '../store/store.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Usage } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'

/** Bytes of one body that are kept; a longer one is recorded without it and never answered again. */
const BODY_BYTES = 256 * 1024

/** Which calls are answered from the record: none, those at temperature 0, or all. */
export type ReplayCalls = 'never' | 'deterministic' | 'always'

export type CallRules = { replay_calls: ReplayCalls; record_bodies: boolean }

export type Recorded = Pick<ModelCall, 'model' | 'input_tokens' | 'output_tokens' | 'estimated'> & { answer: Json }

export type BegunCall = {
  /** Resolves when the beginning is in the store. Rejects when it cannot be. */
  stored: Promise<void>
  /** Once. `calls`: 0 when no model was asked. */
  end: (end: Omit<ModelCallEnd, 'duration_ms'> & { answer: Json }, calls: 0 | 1) => void
}

export type AttemptCalls = {
  /** The answer that the same content got in an earlier execution of this attempt, where the rules allow it. */
  earlier: (content: string, deterministic: boolean) => Promise<Recorded | null>
  begin: (call: {
    endpoint: string
    content: string
    request: Json
    reserved_tokens: number
    replayed: boolean
  }) => BegunCall
  /** What executions that an earlier start of the program left behind have used. */
  before: Amounts
  /** Null when there were none. */
  sum: () => Usage | null
  /** Resolves when all that was begun is recorded as far as it will be, and the execution as ended in order. */
  close: () => Promise<void>
}

export async function attemptCalls(options: {
  of: Pick<ModelCall, 'run' | 'task' | 'attempt' | 'agent' | 'access'>
  store: Pick<Store, 'model_calls' | 'blobs'>
  rules: CallRules
  hide: (text: string) => string
  now: () => number
  /** When the program started. */
  since: number
  cost: Allowance['cost']
  /** Told of what could not be recorded. */
  lost: (error: unknown) => void
}): Promise<AttemptCalls> {
  const { of, store, rules, hide, now, since, cost, lost } = options
  const recorded = await store.model_calls.of_task(of.run, of.task)
  const answers = new Map<string, ModelCall[]>()
  const usage = { calls: 0, input_tokens: 0, output_tokens: 0, money: 0, estimated: false }
  type Counted = Pick<ModelCall, 'model' | 'input_tokens' | 'output_tokens' | 'estimated' | 'reserved_tokens'>
  /** Of a call that never ended, what was reserved for it. */
  const used = ({ model, input_tokens, output_tokens, reserved_tokens }: Counted) => {
    const input = input_tokens ?? reserved_tokens
    const output = output_tokens ?? 0
    return { input, output, money: cost(model, input, output) ?? 0 }
  }
  const count = (call: Counted) => {
    const { input, output, money } = used(call)
    usage.calls += 1
    usage.input_tokens += input
    usage.output_tokens += output
    usage.money += money
    usage.estimated ||= call.estimated || call.input_tokens === null
  }
  const before = nothing()
  for (const call of recorded) {
    if (call.replayed) continue
    if (call.attempt === of.attempt) count(call)
    // Of an attempt that failed in order the next one shall not hear the same again.
    if (call.closed) continue
    // What another attempt used before it died was charged when that one was.
    if (call.attempt === of.attempt && call.at < since) {
      const { input, output, money } = used(call)
      before.calls += 1
      before.tokens += input + output
      before.money += money
    }
    if (call.outcome === 'ok' && call.answer !== null)
      answers.set(call.content, [...(answers.get(call.content) ?? []), call])
  }
  const writing = new Set<Promise<void>>()
  const write = (work: Promise<void>): Promise<void> => {
    const done = work.catch(lost).finally(() => writing.delete(done))
    writing.add(done)
    return work
  }
  let position = 0

  /** Null when it is not kept; `whole` when it is what was said, letter for letter. */
  const kept = (body: Json): { bytes: Uint8Array; whole: boolean } | null => {
    if (!rules.record_bodies) return null
    const text = JSON.stringify(body)
    const shown = hide(text)
    const bytes = Buffer.from(shown)
    return bytes.byteLength > BODY_BYTES ? null : { bytes, whole: shown === text }
  }

  return {
    before,
    earlier: async (content, deterministic) => {
      if (rules.replay_calls === 'never' || (rules.replay_calls === 'deterministic' && !deterministic)) return null
      const call = answers.get(content)?.shift()
      if (call === undefined || call.answer === null) return null
      const bytes = await store.blobs.get(call.answer)
      if (bytes === null) return null
      return { ...call, answer: JSON.parse(Buffer.from(bytes).toString('utf8')) as Json }
    },
    begin: ({ endpoint, content, request, reserved_tokens, replayed }) => {
      position += 1
      const own = position
      const began = performance.now()
      const stored = write(
        store.model_calls.begin({
          ...of,
          position: own,
          endpoint,
          content,
          at: now(),
          reserved_tokens,
          outcome: 'running',
          model: null,
          input_tokens: null,
          output_tokens: null,
          estimated: false,
          first_token_ms: null,
          duration_ms: null,
          replayed,
          closed: false,
          request: null,
          answer: null,
        }),
      )
      // Whoever waits for it is told; who does not must not bring the program down.
      stored.catch(() => {})
      let ended = false
      return {
        stored,
        end: ({ answer, ...end }, calls) => {
          if (ended) return
          ended = true
          const duration_ms = performance.now() - began
          if (!replayed && calls > 0) count(end)
          const said = end.outcome === 'ok' || end.outcome === 'budget' ? kept(answer) : null
          const bodies = { request: kept(request)?.bytes ?? null, answer: said?.whole ? said.bytes : null }
          write(stored.then(() => store.model_calls.end(of.access, own, { ...end, duration_ms }, bodies))).catch(
            () => {},
          )
        },
      }
    },
    sum: () => {
      const { money, estimated, ...counts } = usage
      const priced = cost(null, 0, 0) !== null
      return counts.calls === 0 ? null : { ...counts, ...(priced && { money }), ...(estimated && { estimated }) }
    },
    close: async () => {
      // Carries the ends along that wait for company.
      if (position > 0) await store.model_calls.close(of.access).catch(lost)
      while (writing.size > 0) await Promise.all(writing)
    },
  }
}

/** The same for the same question, whatever the dialect it was asked in. */
export const contentOf = (question: object): string => contentHash(question)
