/** Calls at one host: a place in its queue, an end for streams that stall, and the count of what came of it. */
import { type Failure, fail, ok, type Result } from '../failure.ts'
import type { Json } from '../workflow/value.ts'
import type { CallCounter, Counted } from './call-statistics.ts'
import type { EmbeddingAnswer, ModelAnswer, ModelProgress } from './model-gateway.ts'
import type { HostAnswer, HostRequest, ModelHost } from './model-host.ts'
import type { PlaceQueue } from './place-queue.ts'

type At = { host: ModelHost; queue: PlaceQueue }

type Progress = (progress: ModelProgress) => void

export type HostCalls = {
  /** @param check What is to hold for the answer; the value is what it parsed, if it did.  @param failed Told of failures of the host. */
  complete: (
    at: At,
    request: HostRequest,
    check: (answer: HostAnswer) => Result<Json | undefined>,
    signal: AbortSignal,
    progress: Progress,
    failed: (failure: Failure) => void,
  ) => Promise<Result<ModelAnswer>>
  /** `unsupported` where the host has no embeddings. */
  embed: (
    at: At,
    request: { model: string; input: string[]; dimensions: number | undefined },
    signal: AbortSignal,
    failed: (failure: Failure) => void,
  ) => Promise<Result<EmbeddingAnswer>>
}

/** @param stall_ms A host that streams nothing for this long after its first token is taken for stuck. */
export function hostCalls({ counter, stall_ms }: { counter: CallCounter; stall_ms: number }): HostCalls {
  const inPlace = async <T extends Counted>(
    { host, queue }: At,
    model: string,
    signal: AbortSignal,
    progress: Progress,
    work: (asked: number, queued_ms: number) => Promise<Result<T>>,
  ): Promise<Result<T>> => {
    const asked = performance.now()
    const placed = queue.take(signal)
    if (queue.queued() > 0) progress({ kind: 'queued' })
    const place = await placed
    const queued_ms = performance.now() - asked
    try {
      const result = place.ok ? await work(asked, queued_ms) : place
      const duration_ms = performance.now() - asked
      if (result.ok) counter.count(host.name, model, { output_tokens: null, ...result.value, queued_ms, duration_ms })
      else counter.count(host.name, model, { failed: result.failure.kind, duration_ms })
      return result
    } finally {
      if (place.ok) place.value()
    }
  }

  return {
    complete: (at, request, check, signal, progress, failed) =>
      inPlace(at, request.model, signal, progress, async (asked, queued_ms) => {
        const ends = new AbortController()
        const forward = () => ends.abort(signal.reason)
        if (signal.aborted) forward()
        signal.addEventListener('abort', forward, { once: true })
        const stalled = () => ends.abort(new DOMException(`no token for ${stall_ms / 1000} s`, 'TimeoutError'))
        let stall: NodeJS.Timeout | undefined
        progress({ kind: 'asked' })
        try {
          const result = await at.host.complete(request, {
            signal: ends.signal,
            progress: (value) => {
              if (value.kind === 'tokens') {
                if (stall === undefined) stall = setTimeout(stalled, stall_ms)
                else stall.refresh()
              }
              progress(value)
            },
          })
          if (!result.ok) {
            failed(result.failure)
            return result
          }
          const json = check(result.value)
          if (!json.ok) return json
          const duration_ms = performance.now() - asked
          const answer: ModelAnswer = { ...result.value, host: at.host.name, queued_ms, duration_ms }
          if (json.value !== undefined) answer.json = json.value
          return ok(answer)
        } finally {
          clearTimeout(stall)
          signal.removeEventListener('abort', forward)
        }
      }),

    embed: async (at, request, signal, failed) => {
      const embed = at.host.embed
      if (embed === undefined) {
        return fail('unsupported', `The host ${at.host.name} has no embeddings.`, {
          field: 'model',
          remedy: 'Name an embedding model of an Ollama or OpenAI-compatible server.',
        })
      }
      return inPlace(
        at,
        request.model,
        signal,
        () => {},
        async (asked) => {
          const result = await embed(request, signal)
          if (!result.ok) {
            failed(result.failure)
            return result
          }
          const duration_ms = performance.now() - asked
          return ok({ ...result.value, model: request.model, host: at.host.name, duration_ms })
        },
      )
    },
  }
}
