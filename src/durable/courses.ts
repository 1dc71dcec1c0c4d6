/**
 * Runs that were in hand. The state of a run is nowhere but in its events: a segment takes it from here, or folds it from the
 * store. Both give the same, so the engine keeps no state and nothing grows with the length of a run.
 */
import type { Store } from '../store/store.ts'
import type { Definition } from '../workflow/definition.ts'
import { isInput, type RunEvent, type RunInput } from '../workflow/event.ts'
import { type Course, foldEvent, newCourse } from '../workflow/fold.ts'
import type { DefinitionOf } from '../workflow/next.ts'

/** Runs kept in memory between two segments, and definitions kept at all. */
const KEPT_COURSES = 500
const KEPT_DEFINITIONS = 2_000
const READ_AT_ONCE = 2_000

/** This program does not read a log as it was written. The run waits for one that does; nothing is written to it. */
export class UnreadLog extends Error {
  constructor(run: string, seq: number) {
    super(`this version of Quorate reads the log of ${run} otherwise than it was written, from event ${seq} on`)
  }
}

/** How far a run is: last event, last mail, and who wrote it. */
export type Place = { seq: number; mail: number; epoch: number }

export type Courses = {
  definitionOf: DefinitionOf
  /** Makes sure that the definition an input brings along can be looked up; undefined when it can. */
  prepare: (input: Pick<RunInput, 'type' | 'data'>) => Promise<void> | undefined
  /** The run as it was after event `seq` if it is kept here and was put here by writer `epoch`; the caller owns it until it is put back. */
  take: (run: string, place: Place) => Promise<Course | null>
  /** The same out of the log. */
  fold: (run: string, place: Omit<Place, 'epoch'>) => Promise<Course>
  put: (run: string, course: Course, epoch: number) => void
}

export function openCourses(store: Store): Courses {
  const courses = new Map<string, { course: Course; epoch: number }>()
  const definitions = new Map<string, Definition>()

  /** Definitions that are being read: hundreds of runs may need the same one at once. */
  const loading = new Map<string, Promise<void>>()

  const read = async (hash: string): Promise<void> => {
    const stored = await store.definitions.get(hash)
    if (stored === null) throw new Error(`definition ${hash} is pinned by a run but not in the store`)
    definitions.set(hash, stored.definition)
    for (const oldest of definitions.keys()) {
      if (definitions.size <= KEPT_DEFINITIONS) break
      definitions.delete(oldest)
    }
  }
  const load = (hash: string): Promise<void> | undefined => {
    if (definitions.has(hash)) return undefined
    const known = loading.get(hash)
    if (known !== undefined) return known
    const reading = read(hash).finally(() => loading.delete(hash))
    loading.set(hash, reading)
    return reading
  }

  const prepare: Courses['prepare'] = (input) => {
    const { type, data } = input as RunInput
    if (type === 'run_started' || type === 'plan_proposed')
      return data.definition === null ? undefined : load(data.definition)
    if (type === 'definition_changed')
      return Promise.all([load(data.from), load(data.definition)]).then(() => undefined)
    return undefined
  }

  const definitionOf: DefinitionOf = (hash) => {
    const definition = definitions.get(hash)
    if (definition === undefined) throw new Error(`definition ${hash} was not loaded`)
    // What is in use is kept longest.
    definitions.delete(hash)
    definitions.set(hash, definition)
    return definition
  }

  return {
    definitionOf,
    prepare,
    async take(run, { seq, mail, epoch }) {
      const kept = courses.get(run)
      courses.delete(run)
      if (kept === undefined || kept.epoch !== epoch) return null
      const { state } = kept.course
      if (state.seq !== seq || state.mail !== mail) return null
      if (state.definition !== null) await load(state.definition)
      return kept.course
    },
    async fold(run, { seq, mail }) {
      const course = newCourse(run)
      /** What follows from the last input; a program that decides otherwise than the one that wrote the log must not go on. */
      let turn: RunEvent[] = []
      let met = 0
      for (let after = 0; after < seq; ) {
        const events = await store.events.read(run, after, READ_AT_ONCE)
        for (const event of events) {
          if (event.seq > seq) break
          if (met === turn.length && isInput[event.type]) {
            await prepare(event as Pick<RunInput, 'type' | 'data'>)
            turn = foldEvent(definitionOf, course, event)?.events ?? []
            met = 0
          }
          const derived = turn[met++]
          if (derived?.seq !== event.seq || derived.type !== event.type) throw new UnreadLog(run, event.seq)
          after = event.seq
        }
        if (events.length === 0) throw new Error(`the event log of ${run} ends at ${after}, ${seq} was expected`)
      }
      if (met < turn.length) throw new UnreadLog(run, seq + 1)
      course.state.mail = mail
      return course
    },
    put(run, course, epoch) {
      courses.delete(run)
      courses.set(run, { course, epoch })
      for (const oldest of courses.keys()) {
        if (courses.size <= KEPT_COURSES) break
        courses.delete(oldest)
      }
    },
  }
}

/** What a fork needs of a log besides its inputs (fork.ts). */
const neededToFork: ReadonlySet<string> = new Set(['stage_started', 'compensation_started', 'compensation_finished'])

/** The log of a run as a fork needs it, with its definitions ready to be looked up. */
export async function sourceLog(store: Store, courses: Courses, run: string): Promise<RunEvent[]> {
  const log: RunEvent[] = []
  let last: RunEvent | undefined
  for (;;) {
    const events = await store.events.read(run, last?.seq ?? 0, READ_AT_ONCE)
    for (const event of events) {
      if (isInput[event.type]) await courses.prepare(event as Pick<RunInput, 'type' | 'data'>)
      if (isInput[event.type] || neededToFork.has(event.type)) log.push(event)
    }
    last = events.at(-1) ?? last
    if (events.length < READ_AT_ONCE) break
  }
  // Its number says how far the log goes.
  if (last !== undefined && log.at(-1) !== last) log.push(last)
  return log
}
