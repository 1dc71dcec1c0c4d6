/** What the shell offers to segments and services: they see this, never how it is put together. */
import type { OutsideBudgets } from '../fleet/fleet.ts'
import type { Store } from '../store/store.ts'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import type { RunState } from '../workflow/run-state.ts'
import type { Courses } from './courses.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Ears } from './ears.ts'
import type { ElapsedTimers } from './elapsed-timers.ts'
import type { EventWriter } from './event-writer.ts'
import type { Flights } from './flights.ts'
import type { Cursor } from './invocations.ts'

/** What segments and services of this process share. */
export type Shell = {
  store: Store
  courses: Courses
  writer: EventWriter
  flights: Flights
  ears: Ears
  dispatcher: Dispatcher
  timers: ElapsedTimers
  /** Told of the budget of each run in hand, so that a limit which is raised reaches calls under way. */
  budgets: OutsideBudgets | undefined
  now: () => number
  /** Journal entries after which a segment hands over. */
  segment_steps: number
  /**
   * What a segment begins with: where the run stands, mail that waits, and the agents whose calls are quick. Null for a
   * run that has ended. Without a cursor the place is looked up in the store, with a new epoch: whoever held the run
   * before can write no more.
   */
  open: (
    run: string,
    cursor: Cursor | null,
  ) => Promise<{
    cursor: Cursor
    mail: RunInput[]
    quick: string[]
    /** The program that drives the segment, and when it began. */
    program: { version: string; at: number }
  } | null>
  /** A change of the definition that came by mail, or why it is not made; `seq` is the last event, which is stored. */
  settleChange: (run: string, seq: number, mail: RunInput<'definition_changed'>) => Promise<RunInput>
  /** Carries out a step; for the same step at the same time only once. */
  perform: (run: string, step: Step) => Promise<RunInput | null>
  /** The same for a call with an invocation of its own, which may outlive its run. */
  performCall: (run: string, step: Step) => Promise<RunInput | null>
  callKey: (run: string, step: Step) => string
  timerDue: (run: string, timer: string, due: number) => Promise<void>
  tellParent: (run: string, state: RunState) => Promise<void>
  cancelChild: (run: string, stage: string, reason: string) => Promise<void>
}
