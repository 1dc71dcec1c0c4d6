/**
 * A new run that shares its beginning with another: what happened to the source up to a cut is fed again under the new
 * run's name, and what is owed then goes on. A retry is a fork at the turn in which a stage started.
 *
 * Invariants:
 *  F1. The source is only read. Its log may go on growing meanwhile.
 *  F2. The cut falls between turns: an input is taken with all that followed from it, or not at all.
 *  F3. The fork goes on as if the source had stood still at the cut: times are moved by one distance, so that waits,
 *      budgets of time and `run.elapsed_ms` have as much left as they had. What was due by then fires at once.
 *  F4. Requests to pause, resume or cancel were meant for the source. They are not part of its work.
 *  F5. What the source has undone (compensation.ts) does not count as done: the fork does it again.
 *  F6. Nothing is dropped silently: every input that was not taken is listed with its reason.
 */
import { excerpt, type Failure, fail, ok, type Result } from '../failure.ts'
import { nearest } from './check-definition/nearest.ts'
import { contentHash } from './content-hash.ts'
import { isInput, type RunEvent, type RunInput } from './event.ts'
import { type Course, feedCourse, newCourse } from './fold.ts'
import { answeredStep } from './input-place.ts'
import type { DefinitionOf } from './next.ts'
import { usedOf } from './totals.ts'
import type { Value } from './value.ts'

export type ForkRequest = {
  /** Number of an event: its turn is the last that is taken. Without `at` and `before_stage` everything is. */
  at?: number
  /** Address of a stage (`improve[2].write`): everything up to its start, nothing that it did. */
  before_stage?: string
  /** Hash of the definition that takes the place of the source's, planned or given. */
  definition?: string
  /** Replaces the inputs of these names; the others stay. */
  inputs?: { [name: string]: Value }
  /** Id of the new run. */
  run: string
  now: number
  by: string
}

export type LeftOut = {
  /** Number in the source. */
  seq: number
  type: RunInput['type']
  /** Step, timer, approval or signal that it was about. */
  about: string
  reason: string
}

export type Fork = {
  /** The log of the new run: whole turns. */
  events: RunEvent[]
  /** The run as of its last event, with the steps that it is owed. */
  course: Course
  /** Run and number of the last event of the source that is shared. */
  forked_from: { run: string; seq: number }
  left_out: LeftOut[]
}

type Cut = { last: number; seq: number }

/**
 * `events`: the source's log from its beginning; derived events may be missing but for `stage_started`,
 * `compensation_started` and `compensation_finished`, so that a huge log need not be held. `definitionOf` has to know
 * the definitions that they name and the edited one.
 */
export function forkRun(events: readonly RunEvent[], request: ForkRequest, definitionOf: DefinitionOf): Result<Fork> {
  const steps = forkInSteps(events, request, definitionOf)
  for (;;) {
    const { done, value } = steps.next()
    if (done) return value
  }
}

/** Inputs fed in one step: some milliseconds. */
const STEP = 25

/** The same, a little at a time: a long log need not hold up everything else. */
export function* forkInSteps(
  events: readonly RunEvent[],
  request: ForkRequest,
  definitionOf: DefinitionOf,
): Generator<undefined, Result<Fork>> {
  const [first] = events
  if (first?.type !== 'run_started')
    return fail('conflict', 'the log of the source does not begin with run_started', { field: 'run' })
  const cut = cutOf(events, request)
  if (!cut.ok) return cut

  const inputs = events.filter((event) => isInput[event.type] && event.seq <= cut.value.last) as (RunEvent & RunInput)[]
  const definition = request.definition ?? newerVersion(inputs)
  const undone = undoneTasks(events, cut.value.last, request)
  const shift = request.now - (inputs.findLast((input) => !forTheSource(input.type)) ?? first).at
  const course = newCourse(request.run)
  const log: RunEvent[] = []
  const left_out: LeftOut[] = []
  for (const [i, source] of inputs.entries()) {
    if (i % STEP === STEP - 1) yield
    const input = { at: source.at + shift, type: source.type, data: source.data } as RunInput
    if (input.type === 'run_started')
      input.data = startData(events, first, request, cut.value, definition ?? input.data.definition, definitionOf)
    const reason = whyNot(input, definition, undone)
    const fed = reason === null ? feedCourse(definitionOf, course, structuredClone(input)).events : []
    for (const event of fed) log.push(event)
    if (fed.length === 0)
      left_out.push({
        seq: source.seq,
        type: source.type,
        about: aboutOf(input),
        reason: reason ?? 'finds no place any more: it was an answer to something that this run has not asked for',
      })
  }
  const [start] = log
  if (start?.type === 'run_started' && start.data.forked_from) {
    const used = usedOf(course.state.totals)
    Object.assign(start.data.forked_from, { shared: log.length, used })
    course.state.before_fork = { ...used }
  }
  return ok({ events: log, course, forked_from: { run: first.run, seq: cut.value.seq }, left_out })
}

/** What the source has gone over to by then. A migrated run is as if it had been started so; so is the fork. */
const newerVersion = (inputs: readonly RunInput[]): string | undefined =>
  inputs.findLast((input) => input.type === 'definition_changed')?.data.definition

/** The number up to which inputs are taken, and the last of the source's events that this covers. */
function cutOf(events: readonly RunEvent[], { at, before_stage }: ForkRequest): Result<Cut> {
  const end = events.at(-1)?.seq ?? 0
  if (at !== undefined && before_stage !== undefined)
    return fail('invalid_input', 'at and before_stage are both given', {
      field: 'at',
      value: String(at),
      remedy: 'give one of them',
    })
  let last = at ?? end
  if (before_stage !== undefined) {
    const started = events.find((event) => event.type === 'stage_started' && event.data.stage === before_stage)
    if (started === undefined) return { ok: false, failure: neverStarted(events, before_stage) }
    // The turn in which it started: the answer that made it start is kept, nothing that it did is.
    last = started.cause ?? started.seq
  }
  if (!Number.isInteger(last) || last < 1 || last > end)
    return fail('invalid_input', `the run has the events 1 to ${end}`, {
      field: 'at',
      value: String(last),
      remedy: `give a number from 1 to ${end}`,
    })
  const next = events.find((event) => isInput[event.type] && event.seq > last)
  return ok({ last, seq: next === undefined ? end : next.seq - 1 })
}

function neverStarted(events: readonly RunEvent[], stage: string): Failure {
  const started = [...new Set(events.flatMap((event) => (event.type === 'stage_started' ? [event.data.stage] : [])))]
  const near = nearest(stage, started)[0]
  return {
    kind: 'not_found',
    message: `the run has not started a stage ${excerpt(stage, 80)}`,
    field: 'stage',
    value: excerpt(stage),
    remedy:
      near !== undefined ? `did you mean ${near}?` : `it has started ${excerpt(started.join(', ') || 'none yet', 300)}`,
  }
}

function startData(
  events: readonly RunEvent[],
  first: RunEvent<'run_started'>,
  request: ForkRequest,
  cut: Cut,
  definition: string | null,
  definitionOf: DefinitionOf,
): RunEvent<'run_started'>['data'] {
  // A parent waits for the source, not for this run.
  const { parent: _, ...data } = first.data
  return {
    ...data,
    by: request.by,
    definition,
    inputs: {
      ...(request.definition === undefined ? data.inputs : ownInputs(events, first, request.definition, definitionOf)),
      ...request.inputs,
    },
    forked_from: { run: first.run, seq: cut.seq },
  }
}

/** For an edited definition: what it declares, without what was only a default of the old one, so that new defaults count. */
function ownInputs(
  events: readonly RunEvent[],
  first: RunEvent<'run_started'>,
  edited: string,
  definitionOf: DefinitionOf,
): { [name: string]: Value } {
  const planned = events.find((event) => event.type === 'plan_proposed' && event.data.definition !== null) as
    | RunEvent<'plan_proposed'>
    | undefined
  const old = first.data.definition ?? planned?.data.definition ?? null
  const before = (old === null ? undefined : definitionOf(old).inputs) ?? {}
  const declared = definitionOf(edited).inputs ?? {}
  return Object.fromEntries(
    Object.entries(first.data.inputs).filter(([name, value]) => {
      const given = before[name]?.default
      return Object.hasOwn(declared, name) && (given === undefined || contentHash(given) !== contentHash(value))
    }),
  )
}

/** F5: tasks that were done in the shared history and have been undone outside of it. */
function undoneTasks(events: readonly RunEvent[], last: number, request: ForkRequest): Set<string> {
  const began = events.find((event) => event.type === 'compensation_started')
  if (began === undefined) return new Set()
  const cause = events.find((event) => event.seq === began.cause)
  const edited = request.definition !== undefined || request.inputs !== undefined
  // Within the history, and for a reason that the fork meets again: then it undoes, too.
  if (began.seq <= last && cause?.type !== 'cancel_requested' && !edited) return new Set()
  return new Set(
    events.flatMap((event) =>
      event.type === 'compensation_finished' && event.data.undone && event.seq > began.seq ? [event.data.task] : [],
    ),
  )
}

const forTheSource = (type: RunInput['type']): boolean =>
  type === 'cancel_requested' || type === 'pause_requested' || type === 'resume_requested'

function whyNot(input: RunInput, definition: string | undefined, undone: ReadonlySet<string>): string | null {
  if (forTheSource(input.type)) return 'was meant for the source'
  if (input.type === 'plan_proposed' && definition !== undefined)
    return 'the edited definition takes the place of the plan'
  if (input.type === 'definition_changed' || input.type === 'definition_kept')
    return 'the fork begins with the definition that it goes on with'
  const done =
    input.type === 'task_finished' ? input.data.task : input.type === 'child_finished' ? input.data.stage : ''
  if (undone.has(done)) return 'was undone by the source: it is done again'
  return null
}

function aboutOf(input: RunInput): string {
  switch (input.type) {
    case 'timer_fired':
      return input.data.timer
    case 'approval_given':
      return input.data.approval
    case 'signal_received':
      return input.data.name
    case 'effect_resolved':
      return input.data.task
    default:
      return answeredStep(input) ?? ''
  }
}
