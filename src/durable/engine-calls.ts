/** What the shell asks of the engine. While the engine is away it is asked again, until the program ends. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import type { StepAnswer } from './arrivals.ts'
import type { Engine, EngineResponse } from './engine-process.ts'
import { ShuttingDown } from './flights.ts'
import { CALL, CLOCK, RUN } from './invocations.ts'

const LONGEST_PAUSE_MS = 1_000
/** Too much to do, not ready, or (404) it does not know our services yet: they are always the same. */
const AWAY: ReadonlySet<number> = new Set([404, 429, 503])

export type EngineCalls = {
  /** Has a segment of the run invoked, after the one that executes. Rejects while the engine is away. */
  segment: (run: string) => Promise<void>
  /** Has a step performed by an invocation of its own, or joins the one that performs it. Rejects when the program ends. */
  call: (run: string, step: Step, key: string) => Promise<StepAnswer>
  /** Resolves when the engine keeps the timer. */
  timer: (run: string, timer: string, due: number, delay: number) => Promise<void>
  /** From now on the engine is asked: it knows our services. */
  begin: (engine: Engine) => void
  /** Nothing is asked any more. What was asked ends when the engine does. */
  close: () => void
}

export function openEngineCalls(): EngineCalls {
  const closing = new AbortController()
  const { promise: up, resolve, reject } = Promise.withResolvers<Engine>()
  up.catch(() => undefined)

  const persistently = async (request: () => Promise<EngineResponse>): Promise<EngineResponse> => {
    for (let pause = 20; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      if (closing.signal.aborted) throw new ShuttingDown()
      const response = await request().catch(() => null)
      if (response !== null && !AWAY.has(response.status)) return response
      await wait(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
  }

  return {
    async segment(run) {
      const { status } = await (await up).ingress(`/${RUN}/${run}/segment/send`, undefined)
      if (status >= 300) throw new Error(`the engine answered ${status}`)
    },
    async call(run, step, key) {
      const { status, body } = await persistently(async () =>
        (await up).call(`/${CALL}/invoke`, { run, step }, { 'idempotency-key': key }),
      )
      if (status < 300) return { input: body as RunInput | null }
      const message = (body as { message?: unknown } | null)?.message
      return { failure: typeof message === 'string' ? message : `the engine answered ${status}` }
    },
    async timer(run, timer, due, delay) {
      const path = `/${CLOCK}/fire/send?delay=${Math.ceil(delay)}ms`
      const { status, body } = await persistently(async () => (await up).ingress(path, { run, timer, due }))
      if (status >= 300)
        throw new Error(`the engine does not keep a timer: ${status} ${JSON.stringify(body).slice(0, 300)}`)
    },
    begin: resolve,
    close() {
      closing.abort()
      reject(new ShuttingDown())
    },
  }
}
