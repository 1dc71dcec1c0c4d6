/**
 * Keys by which agents outside reach the models. A key stands for one attempt of one task and dies with it, or with the
 * program: nothing of it is stored, so no key survives a crash. In memory, too, there is only its hash.
 */
import { createHash, randomBytes } from 'node:crypto'
import { fail, ok, type Result } from '../failure.ts'

export type TaskKeys<Holder> = {
  /** A new key of 256 random bits. */
  mint: (holder: Holder) => { key: string; revoke: (why: string) => void }
  /** `unauthenticated`, with the reason, for a key that is not valid (any more). */
  holder: (key: string | null) => Result<Holder>
  /** Keys in force. */
  size: () => number
}

const PREFIX = 'qk_'
/** Dead keys whose end is remembered, so that who still uses one is told why it fails. */
const REMEMBERED = 10_000

/** The form of a key, in addresses too. */
export const KEY_PATTERN = /^qk_[A-Za-z0-9_-]{43}$/

const hashOf = (key: string): string => createHash('sha256').update(key).digest('base64')

export function taskKeys<Holder>(): TaskKeys<Holder> {
  const holders = new Map<string, Holder>()
  const ends = new Map<string, string>()
  const refuse = (message: string): Result<never> =>
    fail('unauthenticated', message, {
      field: 'authorization',
      remedy: 'Use the key that the task was given; it ends with the attempt.',
    })

  return {
    mint: (holder) => {
      const key = PREFIX + randomBytes(32).toString('base64url')
      const hash = hashOf(key)
      holders.set(hash, holder)
      return {
        key,
        revoke: (why) => {
          if (!holders.delete(hash)) return
          ends.set(hash, why)
          const [oldest] = ends.keys()
          if (ends.size > REMEMBERED && oldest !== undefined) ends.delete(oldest)
        },
      }
    },
    holder: (key) => {
      if (key === null || key === '')
        return refuse('A key is needed here, as `Authorization: Bearer` or in the address.')
      if (!KEY_PATTERN.test(key)) return refuse('This is not a key of this gateway.')
      // Looked up by hash: how long it takes says nothing about how much of a key was right.
      const hash = hashOf(key)
      const holder = holders.get(hash)
      if (holder !== undefined) return ok(holder)
      const why = ends.get(hash)
      return refuse(
        why === undefined
          ? 'This key is not valid: it was never given out, or it ended with an earlier start of the program.'
          : `This key is no longer valid: ${why}.`,
      )
    },
    size: () => holders.size,
  }
}
