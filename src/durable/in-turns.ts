import { setImmediate } from 'node:timers/promises'

/** Milliseconds that long work may take at once, before what waits has its turn. */
const AT_ONCE_MS = 10

/** Does long work step by step, and lets requests and timers in between. */
export async function inTurns<T>(steps: Generator<undefined, T>): Promise<T> {
  for (let began = performance.now(); ; ) {
    const { done, value } = steps.next()
    if (done) return value
    if (performance.now() - began < AT_ONCE_MS) continue
    await setImmediate()
    began = performance.now()
  }
}
