/**
 * A stored log folded again, without calling any agent: what follows from each input must be what was stored, event for
 * event. A log that replays is the whole truth about its run; one that does not was damaged, or the program decides
 * otherwise now than it did then.
 */
import { canonicalJson, contentHash } from './content-hash.ts'
import { isInput, type RunEvent } from './event.ts'
import { type Course, foldEvent, newCourse } from './fold.ts'
import type { DefinitionOf } from './next.ts'
import type { RunState } from './run-state.ts'

export type ReplayDifference = {
  seq: number
  /** What the log has under this number; null when it ends before. */
  stored: RunEvent | null
  /** What follows from the inputs; null when nothing does. */
  derived: RunEvent | null
}

export type Replayed = {
  identical: boolean
  /** Folding stops at the first difference: what comes after it means nothing. */
  first_difference?: ReplayDifference
  /** Events that were compared and found the same. */
  events: number
  /** `sha256:` over the canonical JSON of the state. */
  state_hash: string
  /** The state at the end, or at the first difference; `mail` is 0: where the inbox stands is not in the log. */
  state: RunState
}

/** A replay under way, for logs that are read page by page. */
export type Replay = { add: (events: Iterable<RunEvent>) => void; result: () => Replayed }

export function replay(events: Iterable<RunEvent>, definitionOf: DefinitionOf): Replayed {
  const open = openReplay(definitionOf)
  open.add(events)
  return open.result()
}

/** `definitionOf` has to know every definition that the events name. O(n) in the number of events. */
export function openReplay(definitionOf: DefinitionOf): Replay {
  let course: Course | null = null
  let events = 0
  /** What follows from the last input and has not been met in the log yet. */
  let expected: RunEvent[] = []
  let difference: ReplayDifference | undefined

  const differ = (seq: number, stored: RunEvent | null, derived: RunEvent | null): void => {
    difference = { seq, stored, derived }
  }

  const take = (event: RunEvent): void => {
    course ??= newCourse(event.run)
    if (expected.length === 0 && isInput[event.type])
      expected = foldEvent(definitionOf, course, event)?.events.slice() ?? []
    const derived = expected.shift() ?? null
    if (derived === null || canonicalJson(derived) !== canonicalJson(event)) return differ(event.seq, event, derived)
    events++
  }

  return {
    add(page) {
      for (const event of page) {
        if (difference !== undefined) return
        take(event)
      }
    },
    result() {
      const [missing] = expected
      if (difference === undefined && missing !== undefined) differ(missing.seq, null, missing)
      const state: RunState = { ...(course ?? newCourse('')).state, mail: 0 }
      return {
        identical: difference === undefined,
        ...(difference === undefined ? {} : { first_difference: difference }),
        events,
        state_hash: contentHash(state),
        state,
      }
    },
  }
}
