/**
 * What the engine invokes. Each handler has one step, whose name never changes: what an invocation did before it died is
 * not in the engine's journal but in the event log, so any version of the program goes on with it.
 */
import * as restate from '@restatedev/restate-sdk'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import { CALL, CLOCK, RUN } from './invocations.ts'
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
    name: RUN,
    handlers: {
      segment: (ctx: restate.ObjectContext): Promise<string> => ctx.run('drive', () => shell.drives.join(ctx.key)),
    },
    options: { journalRetention: 0, ...unhurried, retryPolicy: persistent },
  })

  const call = restate.service({
    name: CALL,
    handlers: {
      invoke: (ctx: restate.Context, { run: id, step }: { run: string; step: Step }): Promise<RunInput | null> =>
        ctx.run('call', () => shell.performCall(id, step)),
    },
    options: { journalRetention: 0, idempotencyRetention: DAY, ...unhurried, retryPolicy: persistent },
  })

  const clock = restate.service({
    name: CLOCK,
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

  return [run, call, clock] as unknown as ReturnType<typeof servicesOf>
}
