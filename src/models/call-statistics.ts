import type { FailureKind } from '../failure.ts'
import type { ModelAnswer } from './model-gateway.ts'

/** Sums since the start, for one model of one host. Durations in milliseconds. */
export type CallStatistics = {
  host: string
  model: string
  calls: number
  failures: { [kind in FailureKind]?: number }
  input_tokens: number
  output_tokens: number
  queued_ms: number
  duration_ms: number
}

/** What an answer says of its tokens. */
export type Counted = Pick<ModelAnswer, 'input_tokens'> & Partial<Pick<ModelAnswer, 'output_tokens'>>

type Outcome = Pick<ModelAnswer, 'input_tokens' | 'output_tokens' | 'queued_ms' | 'duration_ms'>

export type CallCounter = {
  count: (host: string, model: string, outcome: Outcome | { failed: FailureKind; duration_ms: number }) => void
  all: () => CallStatistics[]
}

/** Names come from callers: beyond this many, the rest is counted under the model `other`. */
const MODELS_LIMIT = 1000

/** Joined calls are one call here: what is counted is what the host did. */
export function callCounter(): CallCounter {
  const byModel = new Map<string, CallStatistics>()
  const entry = (host: string, model: string): CallStatistics => {
    const key = JSON.stringify([host, model])
    const known = byModel.get(key)
    if (known) return known
    if (byModel.size >= MODELS_LIMIT && model !== 'other') return entry(host, 'other')
    const zero = { calls: 0, failures: {}, input_tokens: 0, output_tokens: 0, queued_ms: 0, duration_ms: 0 }
    const fresh = { host, model, ...zero }
    byModel.set(key, fresh)
    return fresh
  }
  return {
    count: (host, model, outcome) => {
      const sums = entry(host, model)
      sums.calls += 1
      sums.duration_ms += outcome.duration_ms
      if ('failed' in outcome) {
        sums.failures[outcome.failed] = (sums.failures[outcome.failed] ?? 0) + 1
      } else {
        sums.input_tokens += outcome.input_tokens ?? 0
        sums.output_tokens += outcome.output_tokens ?? 0
        sums.queued_ms += outcome.queued_ms
      }
    },
    all: () => [...byModel.values()].map((sums) => ({ ...sums, failures: { ...sums.failures } })),
  }
}
