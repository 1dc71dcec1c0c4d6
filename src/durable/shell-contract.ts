/** What the shell offers to segments and services: they see this, never how it is put together. */
import type { OutsideBudgets } from '../fleet/fleet.ts'
import type { Store } from '../store/store.ts'
import type { Step } from '../workflow/command.ts'
import type { RunInput } from '../workflow/event.ts'
import type { StepAnswer } from './arrivals.ts'
import type { Courses } from './courses.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Drives } from './drives.ts'
import type { Ears } from './ears.ts'
import type { ElapsedTimers } from './elapsed-timers.ts'
import type { EventWriter } from './event-writer.ts'
import type { Flights } from './flights.ts'

/** What segments and services of this process share. */
export type Shell = {
  store: Store
  courses: Courses
  writer: EventWriter
  flights: Flights
  ears: Ears
  dispatcher: Dispatcher
  drives: Drives
  timers: ElapsedTimers
  /** Told of the budget of each run in hand, so that a limit which is raised reaches calls under way. */
  budgets: OutsideBudgets | undefined
  now: () => number
  /** Of this program, for the logs of runs. */
  version: string
  /** Names of the agents whose calls are over at once. */
  quick_agents: () => string[]
  /** A change of the definition that came by mail, or why it is not made; `seq` is the last event, which is stored. */
  settleChange: (run: string, seq: number, mail: RunInput<'definition_changed'>) => Promise<RunInput>
  /** Carries out a step in this process; for the same step at the same time only once. */
  perform: (run: string, step: Step) => Promise<RunInput | null>
  /** The same for a call with an invocation of its own, which may outlive its run. */
  performCall: (run: string, step: Step) => Promise<RunInput | null>
  /** Has a step performed by an invocation of its own, wherever. */
  call: (run: string, step: Step) => Promise<StepAnswer>
  /** Resolves when the timer is kept somewhere that outlives this process. */
  arm: (run: string, timer: string, due: number) => Promise<void>
  timerDue: (run: string, timer: string, due: number) => Promise<void>
  /** Puts mail into the inbox of a run, once for each eid, and has it read. */
  post: (run: string, eid: string, mail: RunInput) => Promise<void>
}
