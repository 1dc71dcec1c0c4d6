/**
 * One call of a model on behalf of an attempt: reserved, begun, counted while it streams, stopped where the budget ends,
 * settled, recorded. Both dialects and all their endpoints go through here.
 */
import type { Allowance } from '../budget/allowance.ts'
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { EmbeddingRequest, ModelAnswer, ModelGateway, ModelRequest, ToolCall } from '../models/model-gateway.ts'
import type { AttemptObserver } from '../progress/observer.ts'
import type { Json } from '../workflow/value.ts'
import { type AttemptCalls, contentOf } from './attempt-calls.ts'
import { promptTokens, tokensOf } from './estimate-tokens.ts'
import { openMeter } from './meter.ts'

/** Whose calls these are. */
export type Holder = {
  run: string
  task: string
  agent: string
  allowance: Allowance
  calls: AttemptCalls
  observer?: AttemptObserver | undefined
  /** Asked in place of whatever the agent names. */
  model?: string | undefined
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

/** Tells the attempt's observer what is asked and what came of it. */
export async function callModel(
  gateway: ModelGateway,
  holder: Holder,
  sent: Question,
  context: CallContext,
): Promise<Result<Answered>> {
  const question = holder.model === undefined ? sent : { ...sent, model: holder.model }
  const call = ++calls_asked
  holder.observer?.asked(call, question.messages)
  const answered = await meteredCall(gateway, holder, question, context, call)
  if (answered.ok) holder.observer?.answered(call, answered.value)
  else holder.observer?.failed(call, answered.failure.kind)
  return answered
}

let calls_asked = 0

async function meteredCall(
  gateway: ModelGateway,
  holder: Holder,
  question: Question,
  { endpoint, signal, on_text }: CallContext,
  call: number,
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
    begun.end({ reserved_tokens: 0, outcome: 'ok', model, ...counts, first_token_ms: 0, answer: known.answer }, 0)
    await begun.stored
    if (text !== '') on_text(text)
    const duration_ms = performance.now() - began
    const times = { load_ms: null, first_token_ms: 0, duration_ms }
    return ok({ text, tool_calls, finish, model: model ?? '', ...counts, budget: null, replayed: true, ...times })
  }

  const input = promptTokens(question)
  const named = question.model ?? gateway.default_model().id
  const opened = await openMeter(allowance, named, input, question.max_output_tokens)
  if (!opened.ok) return opened
  const budget = opened.value
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
        if (kind === 'tokens') holder.observer?.streamed(call)
        else if (kind === 'asked') holder.observer?.sent(call)
        else holder.observer?.waits(call)
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
    const cut = stopped?.message ?? (bounded && answer?.finish === 'length' ? (budget.ended()?.message ?? null) : null)
    const said = {
      text: answer?.text ?? text,
      tool_calls: answer?.tool_calls ?? [],
      finish: cut === null ? (answer?.finish ?? 'other') : ('length' as const),
    }
    const model = answer === null ? (named ?? '') : `${answer.host}/${answer.model}`
    const reserved_tokens = budget.reserved()
    const { calls: made, ...counts } = budget.answered(model, answer)
    begun.end(
      { reserved_tokens, outcome: cut === null ? 'ok' : 'budget', model, ...counts, first_token_ms, answer: said },
      made,
    )
    const load_ms = answer?.load_ms ?? null
    return ok({ ...said, model, ...counts, budget: cut, replayed: false, load_ms, first_token_ms, duration_ms })
  }

  const { failure } = result
  const reserved_tokens = budget.reserved()
  const { calls: made, ...counts } = budget.failed(failure.kind)
  begun.end({ reserved_tokens, outcome: failure.kind, model: null, ...counts, first_token_ms, answer: null }, made)
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
  // No output: what embeds is paid for what goes in.
  const opened = await openMeter(allowance, question.model, input, 0)
  if (!opened.ok) return opened
  const budget = opened.value
  const content = contentOf({ kind: 'embedding', ...question })
  const request = question as unknown as Json
  const begun = calls.begin({ endpoint, content, request, reserved_tokens: input, replayed: false })
  const [result] = await Promise.all([
    embed({ ...question, configured_only: true }, { signal: AbortSignal.any([signal, holder.signal]) }),
    begun.stored.catch(() => {}),
  ])
  const none = { reserved_tokens: input, first_token_ms: null, answer: null, output_tokens: 0 }
  if (!result.ok) {
    const { calls: made, ...counts } = budget.failed(result.failure.kind)
    begun.end({ ...none, ...counts, outcome: result.failure.kind, model: null }, made)
    return result
  }
  const { embeddings, host, model, duration_ms } = result.value
  const name = `${host}/${model}`
  const { calls: made, output_tokens: _, ...counts } = budget.answered(name, { ...result.value, output_tokens: 0 })
  begun.end({ ...none, ...counts, outcome: 'ok', model: name }, made)
  return ok({ embeddings, model: name, ...counts, duration_ms })
}
