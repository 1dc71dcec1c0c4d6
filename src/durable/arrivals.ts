/**
 * What comes in for a run in hand: answers of its steps, and mail. However many steps are out, whatever has come is taken
 * at once: a stage of 500 agents costs a handful of turns.
 *
 * Invariants:
 *  A1. An answer is handed over once.
 *  A2. It waits until there is something; it throws, for a step that could not be performed, only with nothing in hand.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { RunInput } from '../workflow/event.ts'
import type { Ear } from './ears.ts'

export const MAIL_AT_ONCE = 500

/** What came of a step; `failure`: its invocation was ended from outside. `input` is null for a step that answers by mail. */
export type Answer = { address: string } & StepAnswer
export type StepAnswer = { input: RunInput | null } | { failure: string }
export type Arrived = { mail: RunInput[]; answers: Answer[] }

export type Arrivals = {
  /** Begins to wait for a step. */
  expect: (address: string, answer: Promise<StepAnswer>) => void
  /** Stops waiting for a step. */
  dismiss: (address: string) => void
  /** Whether this step's answer is waited for, or has come and was not taken. */
  expects: (address: string) => boolean
  /** Steps whose answers were not taken yet. */
  size: () => number
  next: () => Promise<Arrived>
}

export function openArrivals(ear: Ear, readMail: () => Promise<RunInput[]>): Arrivals {
  /** By address, so that what comes of a step that was dismissed is told from what comes of it when it is asked again. */
  const expected = new Map<string, Promise<StepAnswer>>()
  let answers: Answer[] = []
  let trouble: { error: unknown } | null = null
  let wake = (): void => undefined

  return {
    expect(address, answer) {
      expected.set(address, answer)
      answer.then(
        (came) => {
          if (expected.get(address) !== answer) return
          answers.push({ address, ...came })
          wake()
        },
        (error: unknown) => {
          if (expected.get(address) !== answer) return
          expected.delete(address)
          trouble ??= { error }
          wake()
        },
      )
    },
    dismiss(address) {
      if (!expected.delete(address)) return
      answers = answers.filter((answer) => answer.address !== address)
    },
    expects: (address) => expected.has(address),
    size: () => expected.size,
    async next() {
      if (!ear.heard && answers.length === 0 && trouble === null) {
        await new Promise<void>((resolve) => {
          wake = resolve
          ear.wake = resolve
        })
        wake = () => undefined
        ear.wake = wake
      }
      // What comes in the same moment comes along.
      if (expected.size > 1) await nextTurn()
      const mail = await heard(ear, readMail)
      const failed = trouble
      trouble = null
      if (failed !== null && answers.length === 0 && mail.length === 0) throw failed.error
      // With something in hand it is not told: the step is owed still, and asked for again.
      const taken = answers
      answers = []
      for (const { address } of taken) expected.delete(address)
      return { mail, answers: taken }
    },
  }
}

async function heard(ear: Ear, readMail: () => Promise<RunInput[]>): Promise<RunInput[]> {
  if (!ear.heard) return []
  ear.heard = false
  try {
    const mail = await readMail()
    // There may be more than was read at once.
    if (mail.length >= MAIL_AT_ONCE) ear.heard = true
    return mail
  } catch (error) {
    ear.heard = true
    throw error
  }
}
