/**
 * What comes in for a running segment, gathered into one journal entry: answers of the steps that run inside it, and mail.
 * One entry for whatever has come, however many steps are out: a stage of 500 agents costs a handful of entries, and
 * nothing has to race 500 promises.
 *
 * Invariants:
 *  A1. An answer is handed over once; one that comes after this returned is there for the next asking (flights, F3).
 *  A2. It returns with something, or because it was told to, or after a minute; it throws only with nothing in hand.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { type Step, stepAddress } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import type { Ear } from './ears.ts'

/** A wait is ended and begun again this often, so that no engine time-out ever applies to it. */
const LONGEST_WAIT_MS = 60_000
export const MAIL_AT_ONCE = 500

/** `input` is null for a step that answers by mail later (a run that was started). */
export type Answer = { address: string; input: RunInput | null }
export type Arrived = { mail: RunInput[]; answers: Answer[] }

export type ArrivalParts = {
  /** Begins a step or joins it; asked again for a step that has settled, it gives the same answer. */
  perform: (step: Step) => Promise<RunInput | null>
  readMail: () => Promise<RunInput[]>
  ear: Ear
  /** Ends the waiting, also when it was aborted before it began. */
  enough: AbortSignal
}

export async function arrivals(steps: readonly Step[], parts: ArrivalParts): Promise<Arrived> {
  const { ear, enough } = parts
  const answers: Answer[] = []
  let trouble: { error: unknown } | null = null
  let wake = (): void => undefined
  const something = new Promise<void>((resolve) => {
    wake = resolve
  })
  for (const step of steps)
    parts.perform(step).then(
      (input) => {
        answers.push({ address: stepAddress(step), input })
        wake()
      },
      (error: unknown) => {
        trouble = { error }
        wake()
      },
    )
  ear.wake = wake
  enough.addEventListener('abort', wake)
  const timer = setTimeout(wake, LONGEST_WAIT_MS)
  timer.unref()
  try {
    if (!ear.heard && !enough.aborted) await something
    // What comes in the same moment comes along.
    await nextTurn()
    const mail = await heard(ear, parts.readMail)
    const failed = trouble as { error: unknown } | null
    if (failed !== null && answers.length === 0 && mail.length === 0) throw failed.error
    return { mail, answers: [...answers] }
  } finally {
    clearTimeout(timer)
    enough.removeEventListener('abort', wake)
    ear.wake = () => undefined
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
