/** What the engine invokes. Names and steps of `call` never change, so that a call outlives a new version of the program. */
import * as restate from '@restatedev/restate-sdk'
import type { Step } from '../workflow/command.ts'
import { CALL, CLOCK, LAUNCHER, RUN, type SegmentRequest } from './invocations.ts'
import { driveSegment } from './segment.ts'
import type { Shell } from './shell-contract.ts'

const DAY = 86_400_000
/** No attempt is ever ended for taking long: the engine would begin the step again, for ever. Steps have time-outs of their own. */
const unhurried = { inactivityTimeout: 365 * DAY, abortTimeout: 365 * DAY }
const persistent = {
  initialInterval: 50,
  exponentiationFactor: 2,
  maxInterval: 1_000,
  maxAttempts: Number.MAX_SAFE_INTEGER,
}

export function servicesOf(
  shell: Shell,
): (restate.ServiceDefinition<string, unknown> | restate.VirtualObjectDefinition<string, unknown>)[] {
  const run = restate.object({
    name: RUN.name,
    handlers: {
      segment: async (ctx: restate.ObjectContext, request: SegmentRequest): Promise<string> => {
        shell.dispatcher.segmentBegan(ctx.key)
        let goesOn = false
        try {
          const how = await driveSegment(shell, ctx, request)
          goesOn = how === 'more'
          return how
        } finally {
          shell.dispatcher.segmentEnded(ctx.key, goesOn)
        }
      },
    },
    options: { journalRetention: 0, ...unhurried, ingressPrivate: false, retryPolicy: persistent },
  })

  const call = restate.service({
    name: CALL.name,
    handlers: {
      invoke: (ctx: restate.Context, { run: id, step }: { run: string; step: Step }) =>
        ctx.run('call', () => shell.performCall(id, step)),
    },
    options: { journalRetention: 0, idempotencyRetention: DAY, ...unhurried, retryPolicy: persistent },
  })

  // Sends made by a handler die when its invocation is killed, even after they have begun. This one has always ended
  // by then, so calls outlive a killed segment.
  const launcher = restate.service({
    name: LAUNCHER.name,
    handlers: {
      launch: async (ctx: restate.Context, { run: id, steps }: { run: string; steps: Step[] }): Promise<string[]> => {
        const handles = steps.map((step) =>
          ctx
            .serviceSendClient(CALL)
            .invoke({ run: id, step }, restate.rpc.sendOpts({ idempotencyKey: shell.callKey(id, step) })),
        )
        const ids: string[] = []
        for (const handle of handles) ids.push(await (handle as unknown as restate.InvocationHandle).invocationId)
        return ids
      },
    },
    options: { journalRetention: 0, retryPolicy: persistent },
  })

  const clock = restate.service({
    name: CLOCK.name,
    handlers: {
      fire: async (
        ctx: restate.Context,
        { run: id, timer, due }: { run: string; timer: string; due: number },
      ): Promise<void> => {
        await ctx.run('fire', () => shell.timerDue(id, timer, due))
      },
    },
    options: { journalRetention: 0, retryPolicy: persistent },
  })

  return [run, call, launcher, clock] as unknown as ReturnType<typeof servicesOf>
}
