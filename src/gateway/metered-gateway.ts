/**
 * The models as one attempt of an agent within this process may use them: every call is reserved before, counted while
 * it streams, ended where the budget ends, and settled by what came.
 */
import { type Allowance, unbounded } from '../budget/allowance.ts'
import type { Failure } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { Usage } from '../workflow/event.ts'
import { promptTokens } from './estimate-tokens.ts'
import { type Counts, openMeter } from './meter.ts'

export type MeteredGateway = {
  /** As the whole gateway, with `budget_exhausted` for a call that the budget denies, or ends before it has answered. */
  complete: ModelGateway['complete']
  /** The sum of its calls; null when there were none. */
  used: () => Usage | null
}

export function meteredGateway(gateway: ModelGateway, allowance: Allowance = unbounded): MeteredGateway {
  const sum = { calls: 0, input_tokens: 0, output_tokens: 0, money: 0, estimated: false }
  const count = (
    model: string | null,
    { calls, input_tokens, output_tokens, estimated }: Counts & { calls: number },
  ) => {
    sum.calls += calls
    sum.input_tokens += input_tokens
    sum.output_tokens += output_tokens
    sum.money += allowance.cost(model, input_tokens, output_tokens) ?? 0
    sum.estimated ||= estimated
  }
  return {
    used: () => {
      if (sum.calls === 0) return null
      const { money, estimated, ...counts } = sum
      const priced = allowance.cost(null, 0, 0) !== null
      return { ...counts, ...(priced && { money }), ...(estimated && { estimated }) }
    },
    complete: async (request, { signal, progress = () => {} }) => {
      const named = request.model ?? gateway.default_model().id
      const opened = await openMeter(allowance, named, promptTokens(request), request.max_output_tokens)
      if (!opened.ok) return opened
      const meter = opened.value
      const room = meter.room()
      const bounded = room !== null && (request.max_output_tokens === undefined || room < request.max_output_tokens)
      const stop = new AbortController()
      let denied: Failure | null = null
      let characters = 0
      const result = await gateway.complete(
        { ...request, ...(bounded && { max_output_tokens: room, unfinished_ok: true }) },
        {
          signal: AbortSignal.any([signal, stop.signal]),
          progress: (said) => {
            const { kind, tokens = 0, text = '' } = said
            if (kind === 'tokens') {
              if (denied !== null) return
              denied = meter.counted(tokens, characters + text.length)
              if (denied !== null) return stop.abort()
              characters += text.length
            }
            progress(said)
          },
        },
      )
      const ended = denied as Failure | null
      if (result.ok) {
        const model = `${result.value.host}/${result.value.model}`
        // One that came whole although it was told to stop is paid for, and taken.
        const cut = bounded && result.value.finish === 'length' ? meter.ended() : null
        count(model, meter.answered(model, result.value))
        return cut === null ? result : { ok: false, failure: cut }
      }
      if (ended !== null) {
        count(named, meter.answered(named, null))
        return { ok: false, failure: ended }
      }
      count(named, meter.failed(result.failure.kind))
      return result
    },
  }
}
