/**
 * Whether a run may go over to a newer version of its definition (follow-definition.ts says what that means): its log is
 * folded under its own definition and under the newer one, side by side. Calls no agent, reads nothing.
 */
import { type Command, stepAddress } from './command.ts'
import { canonicalJson } from './content-hash.ts'
import type { Definition } from './definition.ts'
import { isInput, type RunEvent, type RunInput } from './event.ts'
import { type Course, feedCourse, newCourse } from './fold.ts'
import { followDefinition } from './follow-definition.ts'
import { isOfInputType } from './input-type.ts'
import { type Difference, type Misfit, misfitOf, stateMisfit, wholeMisfit } from './misfit.ts'
import type { DefinitionOf } from './next.ts'
import { hasEnded, type RunState } from './run-state.ts'
import { isBlobRef, type Value } from './value.ts'

export type Migration = {
  /** Pages of the log, in order; derived events included. False: nothing more has to be read. */
  add: (events: Iterable<RunEvent>) => boolean
  result: () => {
    /** The state as this program reads it from the log. */
    state: RunState
    /** Number of the first event that this program does not derive as it was stored; null = it derives all. */
    unread_from: number | null
    /** Why the run cannot follow the newer version; null = it can. */
    misfit: Misfit | null
  }
}

/**
 * @param to hash of the newer version; null = only whether this program reads the log as it was written.
 * `definitionOf` has to know every definition that the log names, and `to`. O(n) in the number of events.
 */
export function openMigration(run: string, to: string | null, definitionOf: DefinitionOf): Migration {
  const own = newCourse(run)
  const other = to === null ? null : newCourse(run)
  /** What follows from the last input and has not been met in the log yet. */
  let expected: RunEvent[] = []
  let unread_from: number | null = null
  let misfit: Misfit | null = null

  const feed = (event: RunEvent): void => {
    const input = { at: event.at, type: event.type, data: event.data } as RunInput
    const outcome = feedCourse(definitionOf, own, copied(input))
    expected = outcome.events.slice()
    if (other === null || to === null || misfit !== null) return
    const different = firstDifference(outcome, feedOther(definitionOf, other, input, to))
    const before = own.state.definition
    if (different !== null)
      misfit = misfitOf(different, event.seq, before === null ? null : definitionOf(before), definitionOf(to))
  }

  return {
    add(events) {
      for (const event of events) {
        if (unread_from !== null) return false
        if (expected.length === 0 && isInput[event.type]) feed(event)
        const derived = expected.shift()
        if (derived === undefined || !same(derived, event)) unread_from = event.seq
      }
      return unread_from === null
    },
    result() {
      const { state } = own
      if (other !== null && to !== null) misfit ??= atTheEnd(own, other, to, definitionOf)
      return { state, unread_from: unread_from ?? expected[0]?.seq ?? null, misfit }
    },
  }
}

/** The start fills the defaults into its own data. */
const copied = (input: RunInput): RunInput => (input.type === 'run_started' ? structuredClone(input) : input)

/** As if the run had been started with the newer version. */
function feedOther(definitionOf: DefinitionOf, other: Course, input: RunInput, to: string) {
  if (input.type === 'definition_changed') {
    other.state.seq += 1
    return null
  }
  if (input.type !== 'run_started') return feedCourse(definitionOf, other, input)
  return feedCourse(definitionOf, other, copied({ ...input, data: { ...input.data, definition: to } }))
}

type Outcome = { events: RunEvent[]; commands: Command[] }

function firstDifference(own: Outcome, other: Outcome | null): Difference | null {
  if (other === null) return null
  for (let i = 0; i < Math.max(own.events.length, other.events.length); i++) {
    const [a, b] = [own.events[i] ?? null, other.events[i] ?? null]
    if (!same(comparable(a), comparable(b))) return { own: a, other: b }
  }
  const asked = new Map(other.commands.map((command) => [addressOf(command), command]))
  for (const command of own.commands) {
    const there = asked.get(addressOf(command)) ?? null
    asked.delete(addressOf(command))
    if (!same(command, there)) return { own: command, other: there }
  }
  const [more] = asked.values()
  return more === undefined ? null : { own: null, other: more }
}

/** Byte for byte in canonical form; most are the same as they stand, which is seen many times sooner. */
const same = (a: unknown, b: unknown): boolean =>
  JSON.stringify(a) === JSON.stringify(b) || canonicalJson(a) === canonicalJson(b)

/** Which definition it is, and what only that one has as defaults, is what the change is about. */
function comparable(event: RunEvent | null): Value {
  if (event?.type === 'run_started') return { ...event, data: { ...event.data, definition: null, inputs: {} } } as Value
  if (event?.type === 'definition_chosen') return { ...event, data: { ...event.data, definition: null } } as Value
  return event as Value
}

function addressOf(command: Command): string {
  switch (command.do) {
    case 'start_timer':
      return `timer ${command.timer}`
    case 'cancel_step':
      return `cancel ${command.step}`
    case 'cancel_child':
      return `cancel ${command.stage}`
    default:
      return stepAddress(command)
  }
}

function atTheEnd(own: Course, other: Course, to: string, definitionOf: DefinitionOf): Misfit | null {
  const { state } = own
  const from = state.definition
  if (from === null) return wholeMisfit('no definition has been chosen yet')
  if (state.status === 'new' || hasEnded(state.status)) return wholeMisfit('the run has ended')
  if (state.ending !== undefined) return wholeMisfit(state.reason)
  const [old, now] = [definitionOf(from), definitionOf(to)]
  const wanting = missingInput(state, now)
  if (wanting !== null) return wanting
  const changed = structuredClone(state)
  followDefinition(changed, { definition: to, from }, definitionOf)
  return same(changed, other.state) ? null : stateMisfit(changed, other.state, old, now)
}

/** What the newer version takes must be there, and of its type: as for a new run with these inputs. */
function missingInput(state: RunState, now: Definition): Misfit | null {
  for (const [name, { required, type, default: standing }] of Object.entries(now.inputs ?? {})) {
    const value = state.inputs[name]
    const field = `inputs.${name}`
    if (value === undefined && required === true && standing === undefined)
      return {
        reason: `the newer version needs the input ${name}, which the run was not given`,
        stage: null,
        task: null,
        field,
      }
    // What is too large to stand in the log was checked when it was given; it may be anything.
    if (value !== undefined && !isBlobRef(value) && !isOfInputType(value, type))
      return {
        reason: `the newer version takes the input ${name} as ${type}, the run has another`,
        stage: null,
        task: null,
        field,
      }
  }
  return null
}
