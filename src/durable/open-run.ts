/** Where a run stands, looked up in the store: what a segment begins with. */

import type { RunRow } from '../store/store.ts'
import type { Step } from '../workflow/command.ts'
import { stepAddress } from '../workflow/command.ts'
import { reportOf } from '../workflow/decomposition/progress.ts'
import type { RunInput } from '../workflow/event.ts'
import type { Course } from '../workflow/fold.ts'
import { hasEnded, type RunState } from '../workflow/run-state.ts'
import { MAIL_AT_ONCE } from './arrivals.ts'
import { UnreadLog } from './courses.ts'
import type { Shell } from './shell-contract.ts'

export type OpenRun = {
  course: Course
  /** Under which the segment writes: a batch of a lower one is refused from its first batch on. */
  epoch: number
  /** The course comes from the log: what the segment before had set out to do besides its steps may not have happened. */
  folded: boolean
  mail: RunInput[]
}

/** Null for a run that has ended, or that is not there. Rejects with UnreadLog, or when the store fails. */
export async function openRun(shell: Shell, run: string): Promise<OpenRun | null> {
  const { store, courses } = shell
  const row = await store.runs.get(run)
  if (row === null) return null
  if (hasEnded(row.status)) {
    await endedBefore(shell, row)
    return null
  }
  const place = { seq: row.seq, mail: row.mail ?? 0, epoch: row.epoch }
  const kept = await courses.take(run, place)
  const mail = await store.inbox.read(run, place.mail, MAIL_AT_ONCE)
  if (kept !== null) return { course: kept, epoch: row.epoch, folded: false, mail }
  const course = await courses.fold(run, place)
  // A run that nobody has begun has no children.
  if (row.status !== 'queued') await callOffOrphans(shell, run, course)
  return { course, epoch: row.epoch + 1, folded: true, mail }
}

/** Whether the run still waits for this step. */
export async function owes({ store, courses, drives }: Shell, run: string, step: Step): Promise<boolean> {
  const address = stepAddress(step)
  const inHand = drives.course(run)
  if (inHand !== undefined) return inHand.owed.has(address)
  const row = await store.runs.get(run)
  if (row === null || hasEnded(row.status)) return false
  try {
    return (await courses.fold(run, { seq: row.seq, mail: row.mail ?? 0 })).owed.has(address)
  } catch (error) {
    // The run waits for a program that reads its log; the answer will wait with it.
    if (error instanceof UnreadLog) return true
    throw error
  }
}

/** A run whose end is stored, but whose segment may have died before it told of it. Telling again changes nothing. */
async function endedBefore(shell: Shell, { id, parent, seq, mail }: RunRow): Promise<void> {
  if (parent === null && (await shell.store.runs.unfinished_children(id)).length === 0) return
  const course = await shell.courses.fold(id, { seq, mail: mail ?? 0 })
  await callOffOrphans(shell, id, course)
  await tellParent(shell, course.state)
}

/** Tells the run that started this one how it ended. */
export async function tellParent(shell: Shell, state: RunState): Promise<void> {
  const { parent, run } = state
  if (parent === null) return
  const data = { stage: parent.stage, run, ...reportOf(state) }
  await shell.post(parent.run, `child:${run}`, { at: shell.now(), type: 'child_finished', data } as RunInput)
}

export async function callOffChild(shell: Shell, run: string, child: string, reason: string): Promise<void> {
  const data = { by: run, reason: `called off by the run that started it: ${reason}` }
  await shell.post(child, 'parent-ended', { at: shell.now(), type: 'cancel_requested', data } as RunInput)
}

/** Runs that this one started and does not wait for any more: it set out to call them off. */
async function callOffOrphans(shell: Shell, run: string, { owed }: Course): Promise<void> {
  const awaited = new Set([...owed.values()].flatMap((step) => (step.do === 'start_run' ? [step.run] : [])))
  for (const child of await shell.store.runs.unfinished_children(run))
    if (!awaited.has(child)) await callOffChild(shell, run, child, 'it is not waited for any more')
}
