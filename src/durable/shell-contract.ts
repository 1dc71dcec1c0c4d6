/** What the shell offers to segments and services: they see this, never how it is put together. */
import type { Store } from '../store/store.ts'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import type { RunState } from '../workflow/run-state.ts'
import type { Courses } from './courses.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { EventWriter } from './event-writer.ts'
import type { Flights } from './flights.ts'
import type { Cursor } from './invocations.ts'
import type { MailWaiters } from './mail-waiters.ts'

/** What segments and services of this process share. */
export type Shell = {
  store: Store
  courses: Courses
  writer: EventWriter
  flights: Flights
  mail: MailWaiters
  dispatcher: Dispatcher
  now: () => number
  /** Steps after which a segment hands over. */
  segment_steps: number
  /** Where a run stands in the store, with a new epoch: whoever held it before can write no more. */
  locate: (run: string) => Promise<Cursor | null>
  /** What a segment begins with: mail that waits, and the agents whose calls are quick. */
  opening: (run: string, mail: number) => Promise<{ mail: RunInput[]; quick: string[] }>
  /** Carries out a step; for the same step at the same time only once. */
  perform: (run: string, step: Step) => Promise<RunInput | null>
  /** The same for a call with an invocation of its own, which may outlive its run. */
  performCall: (run: string, step: Step) => Promise<RunInput | null>
  callKey: (run: string, step: Step) => string
  timerDue: (run: string, timer: string, due: number) => Promise<void>
  tellParent: (run: string, state: RunState) => Promise<void>
  cancelChild: (run: string, stage: string, reason: string) => Promise<void>
}
