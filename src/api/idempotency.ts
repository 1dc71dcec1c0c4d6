/**
 * Idempotency-Key on every POST: the same key with the same request gives the same answer, and is carried out once.
 *
 * Invariants:
 *  I1. Of any number of requests with one key at once, one is carried out; the others wait for its answer.
 *  I2. The answer of a success is stored before it is sent, and given again for 30 days.
 *  I3. A failure is not kept: nothing was made, so the key may be used again, also with a corrected body.
 *  I4. When the process dies between "run stored" and "answer stored", the repetition carries the request out once
 *      more, and finds what it made: ids derive from key and request (operations/request-ids.ts).
 *  I5. The same key with another request is a conflict.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import type { Store } from '../store/store.ts'
import { contentHash } from '../workflow/content-hash.ts'
import type { Json } from '../workflow/value.ts'

export type Answer = { status: number; body: Json }
export type Replayable = Result<Answer & { replayed: boolean }>

/** Printable ASCII. */
export function checkKey(key: string): Failure | null {
  if (/^[\x21-\x7e]{1,200}$/.test(key)) return null
  return {
    kind: 'invalid_input',
    message: 'Idempotency-Key must be 1 to 200 printable ASCII characters without spaces',
    field: 'idempotency-key',
    value: excerpt(key),
    remedy: 'use a UUID',
  }
}

export type IdempotencyOptions = {
  store: Store['idempotency']
  now: () => number
  /** A key that another process holds is taken over after this: that process died, or I4 makes it harmless. */
  takeover_ms: number
  /** How long a request waits for another one with its key. */
  wait_ms: number
}

export function idempotency({ store, now, takeover_ms, wait_ms }: IdempotencyOptions) {
  const inFlight = new Map<string, { fingerprint: string; answer: Promise<Result<Answer>> }>()

  /** Carries out a request, or gives the answer it had. `request` is what must be equal; `carryOut` gets the identity that ids derive from. */
  return async (
    key: string,
    request: Json,
    carryOut: (requestKey: string) => Promise<Result<Answer>>,
  ): Promise<Replayable> => {
    const fingerprint = contentHash(request)
    const running = inFlight.get(key)
    if (running !== undefined) {
      if (running.fingerprint !== fingerprint) return mismatch(key)
      const answer = await Promise.race([running.answer, delay(wait_ms, null, { ref: false })])
      if (answer === null)
        return fail('busy', 'the first request with this Idempotency-Key still runs', {
          field: 'idempotency-key',
          value: excerpt(key),
          retry_after_s: 5,
        })
      return answer.ok ? ok({ ...answer.value, replayed: true }) : answer
    }
    const answer = once(key, fingerprint, carryOut)
    inFlight.set(key, { fingerprint, answer })
    try {
      return await answer
    } finally {
      inFlight.delete(key)
    }
  }

  async function once(
    key: string,
    fingerprint: string,
    carryOut: (requestKey: string) => Promise<Result<Answer>>,
  ): Promise<Replayable> {
    const begun = await begin(key, fingerprint)
    if (begun.state === 'mismatch') return mismatch(key)
    if (begun.state === 'done') return ok({ status: begun.status, body: begun.body, replayed: true })
    let answer: Result<Answer> | null = null
    try {
      answer = await carryOut(`${key}\n${fingerprint}`)
    } finally {
      if (answer?.ok !== true) await store.abandon(key)
    }
    if (!answer.ok) return answer
    await store.finish(key, answer.value.status, answer.value.body)
    return ok({ ...answer.value, replayed: false })
  }

  async function begin(key: string, fingerprint: string) {
    const deadline = now() + takeover_ms
    for (;;) {
      const begun = await store.begin(key, fingerprint, now())
      if (begun.state !== 'running') return begun
      if (now() >= deadline) await store.abandon(key)
      else await delay(Math.min(100, takeover_ms))
    }
  }
}

const mismatch = (key: string): Result<never> =>
  fail('conflict', 'this Idempotency-Key was used for another request', {
    field: 'idempotency-key',
    value: excerpt(key),
    remedy: 'use a new key for a new request',
  })
