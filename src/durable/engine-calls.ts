/** What the shell asks of the engine. While the engine is away it is asked again, until the program ends. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Result } from '../failure.ts'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import type { StepAnswer } from './arrivals.ts'
import type { Engine, EngineResponse } from './engine-process.ts'
import { ShuttingDown } from './flights.ts'
import { CALL, CLOCK, RUN } from './invocations.ts'

const LONGEST_PAUSE_MS = 1_000

export type EngineCalls = {
  /** Has a segment of the run invoked, after the one that executes. Rejects while the engine is away. */
  segment: (run: string) => Promise<void>
  /** Has a step performed by an invocation of its own, or joins the one that performs it. Rejects when the program ends. */
  call: (run: string, step: Step, key: string) => Promise<StepAnswer>
  /** Resolves when the engine keeps the timer. */
  timer: (run: string, timer: string, due: number, delay: number) => Promise<void>
  close: () => void
}

/** @param starting may still come up */
export function openEngineCalls(starting: Promise<Result<Engine>>): EngineCalls {
  const closing = new AbortController()
  const up = async (): Promise<Engine> => {
    const engine = await starting
    if (!engine.ok) throw new Error(engine.failure.message)
    return engine.value
  }

  const persistently = async (request: () => Promise<EngineResponse>): Promise<EngineResponse> => {
    for (let pause = 20; ; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
      if (closing.signal.aborted) throw new ShuttingDown()
      const response = await request().catch(() => null)
      if (response !== null && response.status !== 429 && response.status !== 503) return response
      await wait(pause, undefined, { signal: closing.signal, ref: false }).catch(() => undefined)
    }
  }

  return {
    async segment(run) {
      const { status } = await (await up()).ingress(`/${RUN}/${run}/segment/send`, undefined)
      if (status >= 300) throw new Error(`the engine answered ${status}`)
    },
    async call(run, step, key) {
      const { status, body } = await persistently(async () =>
        (await up()).call(`/${CALL}/invoke`, { run, step }, { 'idempotency-key': key }),
      )
      if (status < 300) return { input: body as RunInput | null }
      const message = (body as { message?: unknown } | null)?.message
      return { failure: typeof message === 'string' ? message : `the engine answered ${status}` }
    },
    async timer(run, timer, due, delay) {
      const path = `/${CLOCK}/fire/send?delay=${Math.ceil(delay)}ms`
      const { status, body } = await persistently(async () => (await up()).ingress(path, { run, timer, due }))
      if (status >= 300)
        throw new Error(`the engine does not keep a timer: ${status} ${JSON.stringify(body).slice(0, 300)}`)
    },
    close: () => closing.abort(),
  }
}
