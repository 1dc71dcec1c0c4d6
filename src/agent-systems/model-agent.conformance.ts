/** The scenes of {@link conforms} that are the same for every agent that is a model behind the gateway. */
import { fail, ok } from '../failure.ts'
import type { ModelGateway } from '../models/model-gateway.ts'
import type { Cases } from './agent-system.conformance.ts'
import { answer, hostInfo, standInGateway } from './model-gateway.stand-in.ts'

const number = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] }

/** @param kind Of the host that lists a model `small`. @param settings Those that lead to it. */
export function modelCases(kind: string, settings: { [name: string]: string | number }): Cases {
  const hosts = [hostInfo(kind, kind, ['small'])]
  const scene = (complete?: ModelGateway['complete'], known = hosts) => ({
    settings,
    context: { gateway: standInGateway(known, complete) },
  })
  const says = (more: Parameters<typeof answer>[1]) => scene(async (request) => ok(answer(request, more)))
  const noKey = { cannot: 'keys are resolved by the gateway; the adapter only hands on their reference' }
  return {
    succeeds: () => ({ ...says({ text: 'Hello' }), output: 'Hello', model: `${kind}/small` }),
    tokens_unknown: () => says({ text: 'Hello' }),
    tokens_known: () => ({ ...says({ input_tokens: 12, output_tokens: 3 }), input_tokens: 12, output_tokens: 3 }),
    schema_kept: () => ({ ...says({ json: { n: 4 } }), task: { output_schema: number }, output: { n: 4 } }),
    schema_broken: () => ({ ...says({ json: { n: 'four' } }), task: { output_schema: number } }),
    endless: () => {
      const started = Promise.withResolvers<void>()
      let ended = false
      const complete: ModelGateway['complete'] = (_request, { signal, progress }) =>
        new Promise((resolve) => {
          progress?.({ kind: 'tokens', tokens: 1 })
          started.resolve()
          signal.addEventListener('abort', () => {
            ended = true
            resolve(fail('cancelled', 'the call was cancelled'))
          })
        })
      return { ...scene(complete), started: () => started.promise, ended: () => ended }
    },
    own_time_out: { cannot: 'the gateway keeps the time limits of model hosts' },
    unreachable: () => scene(async () => fail('unavailable', 'the host does not answer', { remedy: 'start it' })),
    garbage: () => ({ ...says({ text: 'Once upon a time', finish: 'length' }), task: { output_schema: number } }),
    too_large: { cannot: 'a model ends at max_output_tokens, which the gateway keeps' },
    tells_secret: noKey,
    secret_missing: noKey,
    odd_input: () => scene(),
    concurrent: () => ({
      ...scene(async (request) =>
        ok(answer(request, { text: /Count (\d+)/.exec(request.messages.at(-1)?.content ?? '')?.[1] ?? '' })),
      ),
      taskOf: (n) => ({ instructions: `Count ${n}` }),
      outputOf: (n) => String(n),
    }),
    healthy: () => scene(),
    unhealthy: () => scene(undefined, [hostInfo(kind, kind, ['small'], false)]),
  }
}
