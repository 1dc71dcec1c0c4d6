/**
 * One call of a model on behalf of an attempt: reserved, begun, counted while it streams, stopped where the budget ends,
 * settled, recorded. Both dialects and all their endpoints go through here.
 */
import { type Failure, type FailureKind, fail, ok, type Result } from '../failure.ts'
import type { EmbeddingRequest, ModelAnswer, ModelGateway, ModelRequest, ToolCall } from '../models/model-gateway.ts'
import type { Json } from '../workflow/value.ts'
import type { Allowance, Reservation, Spend } from './allowance.ts'
import { type AttemptCalls, contentOf } from './attempt-calls.ts'
import { outputTokens, promptTokens, tokensOf } from './estimate-tokens.ts'

/** Whose calls these are. */
export type Holder = {
  run: string
  task: string
  agent: string
  allowance: Allowance
  calls: AttemptCalls
  /** Aborts when the attempt has ended. */
  signal: AbortSignal
}

export type Question = Omit<ModelRequest, 'caller' | 'configured_only' | 'unfinished_ok'>

export type Answered = {
  text: string
  tool_calls: ToolCall[]
  finish: ModelAnswer['finish']
  /** `host/model`. */
  model: string
  input_tokens: number
  output_tokens: number
  /** Nobody counted: the tokens are an estimate. */
  estimated: boolean
  /** Why the budget ended this answer; null when it did not. */
  budget: string | null
  replayed: boolean
  load_ms: number | null
  first_token_ms: number | null
  duration_ms: number
}

export type CallContext = {
  /** As the record names it: `/v1/chat/completions`. */
  endpoint: string
  /** Aborts when the client is gone. */
  signal: AbortSignal
  /** Called with each piece of text as it comes. */
  on_text: (text: string) => void
}

/** Output that is reserved when nobody says how much there will be, and by how much a reservation is extended. */
const USUAL_OUTPUT = 1_024
const EXTENSION = 256
/** With less room for an answer than this, a call is not worth its prompt. */
const LEAST_OUTPUT = 8

/** Failures before any model was asked. */
const notAsked: ReadonlySet<FailureKind> = new Set(['invalid_input', 'unsupported', 'forbidden'])
/** Failures of a host that had not begun the work. */
const notBegun: ReadonlySet<FailureKind> = new Set([
  'model_missing',
  'busy',
  'too_large',
  'unavailable',
  'unauthenticated',
])

export async function callModel(
  gateway: ModelGateway,
  holder: Holder,
  question: Question,
  { endpoint, signal, on_text }: CallContext,
): Promise<Result<Answered>> {
  const began = performance.now()
  const { allowance, calls } = holder
  const content = contentOf({ kind: 'chat', ...question })
  const request = question as unknown as Json
  const known = await calls.earlier(content, question.temperature === 0)
  if (known !== null) {
    const { text, tool_calls, finish } = known.answer as Pick<Answered, 'text' | 'tool_calls' | 'finish'>
    const begun = calls.begin({ endpoint, content, request, reserved_tokens: 0, replayed: true })
    const { model, input_tokens, output_tokens, estimated } = known
    const counts = { input_tokens: input_tokens ?? 0, output_tokens: output_tokens ?? 0, estimated }
    begun.end(
      { reserved_tokens: 0, outcome: 'ok', model, ...counts, first_token_ms: 0, answer: known.answer },
      { calls: 0, tokens: 0 },
    )
    await begun.stored
    if (text !== '') on_text(text)
    const duration_ms = performance.now() - began
    const times = { load_ms: null, first_token_ms: 0, duration_ms }
    return ok({ text, tool_calls, finish, model: model ?? '', ...counts, budget: null, replayed: true, ...times })
  }

  const input = promptTokens(question)
  const reserved = reserveFor(allowance, input, question.max_output_tokens)
  if (!reserved.ok) return reserved
  const budget = meter(allowance, reserved.value, input)
  const begun = calls.begin({ endpoint, content, request, reserved_tokens: budget.reserved(), replayed: false })
  const stop = new AbortController()
  const ends = AbortSignal.any([signal, holder.signal, stop.signal])
  let first_token_ms: number | null = null
  let denied: Failure | null = null
  let text = ''
  /** What came before the beginning was stored waits for it. */
  let waiting: string[] | null = []
  let not_stored: Failure | null = null
  const stored = begun.stored.then(
    () => {
      for (const piece of waiting ?? []) on_text(piece)
      waiting = null
    },
    () => {
      not_stored = { kind: 'unavailable', message: 'The call cannot be recorded, so it is not made.', retry_after_s: 5 }
      stop.abort()
    },
  )

  const { max_output_tokens: asked_output, ...rest } = question
  const room = budget.room()
  const bounded = room !== null && (asked_output === undefined || room < asked_output)
  const result = await gateway.complete(
    {
      ...rest,
      max_output_tokens: bounded ? room : asked_output,
      unfinished_ok: true,
      configured_only: true,
      caller: { run: holder.run, task: holder.task, agent: holder.agent, purpose: 'task' },
    },
    {
      signal: ends,
      progress: ({ kind, tokens = 0, text: piece = '' }) => {
        if (kind !== 'tokens' || denied !== null) return
        first_token_ms ??= performance.now() - began
        denied = budget.counted(tokens, text.length + piece.length)
        if (denied !== null) return stop.abort()
        text += piece
        if (piece === '') return
        if (waiting === null) on_text(piece)
        else waiting.push(piece)
      },
    },
  )
  await stored
  const stopped = denied as Failure | null
  const unrecorded = not_stored as Failure | null
  const duration_ms = performance.now() - began

  if (result.ok || (stopped !== null && unrecorded === null)) {
    const answer = result.ok ? result.value : null
    const cut = stopped?.message ?? (bounded && answer?.finish === 'length' ? budgetEnds(allowance, room) : null)
    const counts = {
      input_tokens: answer?.input_tokens ?? input,
      output_tokens: answer?.output_tokens ?? budget.output(),
      estimated: answer?.input_tokens == null || answer.output_tokens === null,
    }
    const said = {
      text: answer?.text ?? text,
      tool_calls: answer?.tool_calls ?? [],
      finish: cut === null ? (answer?.finish ?? 'other') : ('length' as const),
    }
    const model = answer === null ? (question.model ?? '') : `${answer.host}/${answer.model}`
    const used: Spend = { calls: 1, tokens: counts.input_tokens + counts.output_tokens }
    const reserved_tokens = budget.reserved()
    budget.settle(used)
    begun.end(
      { reserved_tokens, outcome: cut === null ? 'ok' : 'budget', model, ...counts, first_token_ms, answer: said },
      used,
    )
    const load_ms = answer?.load_ms ?? null
    return ok({ ...said, model, ...counts, budget: cut, replayed: false, load_ms, first_token_ms, duration_ms })
  }

  const { failure } = result
  const used = usedByFailed(failure.kind, input, budget.output(), budget.reserved())
  const reserved_tokens = budget.reserved()
  budget.settle(used.spend)
  begun.end(
    { reserved_tokens, outcome: failure.kind, model: null, ...used.counts, first_token_ms, answer: null },
    used.spend,
  )
  if (unrecorded !== null) return { ok: false, failure: unrecorded }
  if (holder.signal.aborted)
    return fail('cancelled', 'The attempt that this key was for has ended.', { field: 'authorization' })
  return { ok: false, failure }
}

/** Vectors of texts. Their answers are not kept: they are large, and the same again at no risk. */
export async function callEmbedding(
  gateway: ModelGateway,
  holder: Holder,
  question: Omit<EmbeddingRequest, 'configured_only'>,
  { endpoint, signal }: Pick<CallContext, 'endpoint' | 'signal'>,
): Promise<
  Result<{ embeddings: number[][]; model: string; input_tokens: number; estimated: boolean; duration_ms: number }>
> {
  const { embed } = gateway
  if (embed === undefined) return fail('unsupported', 'This gateway has no embeddings.')
  const { allowance, calls } = holder
  const input = question.input.reduce((sum, text) => sum + tokensOf(text), 0)
  const reserved = allowance.reserve({ calls: 1, tokens: input })
  if (!reserved.ok) return reserved
  const content = contentOf({ kind: 'embedding', ...question })
  const request = question as unknown as Json
  const begun = calls.begin({ endpoint, content, request, reserved_tokens: input, replayed: false })
  const [result] = await Promise.all([
    embed({ ...question, configured_only: true }, { signal: AbortSignal.any([signal, holder.signal]) }),
    begun.stored.catch(() => {}),
  ])
  const none = { reserved_tokens: input, first_token_ms: null, answer: null, output_tokens: 0 }
  if (!result.ok) {
    const used = usedByFailed(result.failure.kind, input, 0, input)
    allowance.settle(reserved.value, used.spend)
    begun.end({ ...none, ...used.counts, outcome: result.failure.kind, model: null }, used.spend)
    return result
  }
  const { embeddings, host, model, duration_ms } = result.value
  const counts = { input_tokens: result.value.input_tokens ?? input, estimated: result.value.input_tokens === null }
  const used: Spend = { calls: 1, tokens: counts.input_tokens }
  allowance.settle(reserved.value, used)
  begun.end({ ...none, ...counts, outcome: 'ok', model: `${host}/${model}` }, used)
  return ok({ embeddings, model: `${host}/${model}`, ...counts, duration_ms })
}

/** For the prompt and the answer that was asked for, or what is left when that is enough to begin with. */
function reserveFor(allowance: Allowance, input: number, output: number | undefined): Result<Reservation> {
  const whole = allowance.reserve({ calls: 1, tokens: input + Math.min(output ?? USUAL_OUTPUT, USUAL_OUTPUT) })
  if (whole.ok) return whole
  const { tokens } = allowance.remaining()
  if (tokens === null || tokens < input + Math.min(output ?? LEAST_OUTPUT, LEAST_OUTPUT)) return whole
  return allowance.reserve({ calls: 1, tokens })
}

/** What one call has reserved, and what it has used so far by its own count. */
function meter(allowance: Allowance, first: Reservation, input: number) {
  const held = [first]
  let reserved = first.amount.tokens
  let output = 0
  return {
    reserved: () => reserved,
    output: () => output,
    /** Tokens that the answer may have at most; null when nothing bounds it. */
    room: (): number | null => {
      const { tokens } = allowance.remaining()
      return tokens === null ? null : Math.max(1, tokens + reserved - input)
    },
    /** Counts what has come; reserves more where it is needed, and says when there is no more. */
    counted: (pieces: number, characters: number): Failure | null => {
      const now = outputTokens(pieces, characters)
      while (input + now > reserved) {
        const { tokens } = allowance.remaining()
        const more = allowance.reserve({ calls: 0, tokens: Math.max(1, Math.min(EXTENSION, tokens ?? EXTENSION)) })
        if (!more.ok) return more.failure
        held.push(more.value)
        reserved += more.value.amount.tokens
      }
      output = now
      return null
    },
    settle: (used: Spend): void => {
      allowance.settle(first, used)
      for (const more of held.slice(1)) allowance.settle(more, { calls: 0, tokens: 0 })
    },
  }
}

function budgetEnds(allowance: Allowance, room: number | null): string {
  const denied = allowance.reserve({ calls: 0, tokens: Number.MAX_SAFE_INTEGER })
  if (!denied.ok) return denied.failure.message
  return `The budget had ${room} tokens left for this answer.`
}

/** What a failed call counts for. One that broke in the middle, and may have gone on outside, counts in full. */
function usedByFailed(kind: FailureKind, input: number, output: number, reserved: number) {
  if (notAsked.has(kind) || (notBegun.has(kind) && output === 0)) {
    const spend: Spend = { calls: notAsked.has(kind) ? 0 : 1, tokens: 0 }
    return { spend, counts: { input_tokens: 0, output_tokens: 0, estimated: false } }
  }
  // Whoever hung up knows how far it had come; of what broke, nobody knows.
  const tokens = kind === 'cancelled' ? input + output : Math.max(reserved, input + output)
  const counts = { input_tokens: input, output_tokens: tokens - input, estimated: true }
  return { spend: { calls: 1, tokens }, counts }
}
