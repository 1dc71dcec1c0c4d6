import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Definition, feedbackActions, type Stage } from '../../src/workflow/definition.ts'
import { isInput, type RunEvent } from '../../src/workflow/event.ts'
import { type Course, feedCourse, foldEvent, newCourse } from '../../src/workflow/fold.ts'
import { graphOf } from '../../src/workflow/graph.ts'
import { findPlace } from '../../src/workflow/places.ts'
import { runView } from '../../src/workflow/run-view.ts'
import { diceOf } from './dice.ts'
import { randomDefinition } from './random-definition.ts'
import { type Simulated, simulate } from './simulate.ts'

/** How many seeds; the proof runs more. */
const SEEDS = Number(process.argv.find((argument) => argument.startsWith('--seeds='))?.slice(8) ?? 1_500)

function fold(definition: Definition, events: readonly RunEvent[]): { course: Course; derived: RunEvent[] } {
  const course = newCourse('run_simulated')
  const derived: RunEvent[] = []
  for (const event of events) derived.push(...(foldEvent(() => definition, course, event)?.events ?? []))
  return { course, derived }
}

/** G1, G2: a stage starts only when what it needs is settled and, where something selects it, when it was picked. */
function checkOrder(definition: Definition, events: readonly RunEvent[]): void {
  const levels = new Map<string, readonly Stage[]>([['', definition.stages]])
  const learn = (stages: readonly Stage[]): void => {
    for (const stage of stages)
      if (stage.kind === 'loop' || stage.kind === 'for_each') {
        levels.set(stage.id, stage.stages)
        learn(stage.stages)
      }
  }
  learn(definition.stages)
  const settled = new Map<string, string>()
  const picked = new Set<string>()
  for (const event of events) {
    if (event.type === 'decision_made') {
      const prefix = event.data.stage.slice(0, event.data.stage.lastIndexOf('.') + 1)
      for (const target of event.data.then) picked.add(`${prefix}${target}`)
    }
    if (event.type === 'stage_finished') settled.set(event.data.stage, event.data.status)
    if (event.type !== 'stage_started') continue
    const address = event.data.stage
    const prefix = address.slice(0, address.lastIndexOf('.') + 1)
    const id = address.slice(prefix.length)
    const level = prefix === '' ? '' : (prefix.slice(0, prefix.lastIndexOf('[')).split('.').at(-1) ?? '')
    const graph = graphOf(levels.get(level) ?? [])
    const needs = graph.needs.get(id) ?? []
    for (const need of needs)
      assert.ok(settled.has(`${prefix}${need}`), `${address} started before ${need} was settled`)
    const reached = needs.filter((need) => settled.get(`${prefix}${need}`) !== 'skipped').length
    const join = graph.stages.get(id)?.join
    assert.ok(
      needs.length === 0 || (join === 'all' ? reached === needs.length : reached > 0),
      `${address} started though what it needs was skipped`,
    )
    const selectors = graph.selectors.get(id) ?? []
    const rescued = selectors.some((selector) => settled.get(`${prefix}${selector}`) === 'failed')
    assert.ok(selectors.length === 0 || picked.has(address) || rescued, `${address} started though nothing picked it`)
  }
}

/** C1: exactly the completed tasks that say how are undone, the last first; and only in runs that failed or were cancelled. */
function checkCompensation(definition: Definition, events: readonly RunEvent[]): void {
  const started = events.find((event) => event.type === 'compensation_started')
  const end = events.at(-1)
  // What is undone before that makes room for smaller tasks.
  const undone = events.flatMap((event) =>
    event.type === 'compensation_finished' && event.seq > (started?.seq ?? Number.POSITIVE_INFINITY)
      ? [event.data.task]
      : [],
  )
  assert.deepEqual(undone, started?.data.tasks ?? [], 'every compensation ends, in order')
  if (end?.type !== 'run_finished') return
  const text = JSON.stringify(definition)
  if (!['failed', 'cancelled'].includes(end.data.status))
    assert.equal(started, undefined, 'nothing is undone in a run that came to its end')
  else if (text.includes('compensate')) {
    const completed = new Set(events.flatMap((event) => (event.type === 'task_finished' ? [event.data.task] : [])))
    for (const task of undone)
      assert.ok(
        completed.has(task) ||
          events.some((event) => event.type === 'effect_resolved' && event.data.task === task) ||
          // A task that is being divided may have done something, as a whole or in parts.
          events.some(
            (event) => (event.type === 'task_failed' || event.type === 'task_decomposed') && event.data.task === task,
          ),
        `${task} was undone but never done`,
      )
  }
}

/** What is owed belongs to a stage that runs: nothing is left over from one that has settled. */
function noLeftovers(definition: Definition): (course: Course) => Course {
  return (course) => {
    for (const address of [...Object.keys(course.state.steps), ...Object.keys(course.state.timers)]) {
      if (address === 'budget/wall_clock' || address.includes('~undo')) continue
      const place = findPlace(definition, course.state, address.slice(0, address.indexOf('/')))
      assert.equal(place?.scope.stages[place.stage.id]?.s, 'running', `${address} is left over`)
    }
    assert.deepEqual([...course.owed.keys()], Object.keys(course.state.steps), 'owed steps and state agree')
    return course
  }
}

function checkInvariants(definition: Definition, { course, events, inputs }: Simulated): void {
  const { state } = course
  checkOrder(definition, events)
  assert.deepEqual(
    events.map((event) => event.seq),
    events.map((_, i) => i + 1),
    'sequence numbers without a gap',
  )
  const end = events.filter((event) => event.type === 'run_finished')
  assert.equal(end.length, 1, 'ends exactly once')
  assert.equal(events.at(-1)?.type, 'run_finished', 'nothing comes after the end')
  assert.deepEqual(
    [state.steps, state.timers, state.approvals, course.owed.size],
    [{}, {}, {}, 0],
    'nothing is owed after the end',
  )
  const again = fold(definition, events)
  assert.deepEqual(again.derived, events, 'folding the log gives the log')
  assert.deepEqual(
    JSON.parse(JSON.stringify({ ...again.course.state, mail: 0 })),
    JSON.parse(JSON.stringify({ ...state, mail: 0 })),
    'and the state',
  )
  const started = events.filter((event) => event.type === 'stage_started').map((event) => event.data.stage)
  assert.equal(new Set(started).size, started.length, 'no stage starts twice')
  const settled = events.filter((event) => event.type === 'stage_finished').map((event) => event.data.stage)
  assert.equal(new Set(settled).size, settled.length, 'no stage settles twice')
  const calls = events
    .filter((event) => event.type === 'task_started')
    .map((event) => `${event.data.task}#${event.data.attempt}`)
  assert.equal(new Set(calls).size, calls.length, 'no attempt is asked for twice')
  checkCompensation(definition, events)
  assert.equal(runView(events).state, state.status, 'what is shown agrees with the state')
  const before = state.seq
  for (const input of inputs.slice(-20))
    assert.deepEqual(
      feedCourse(() => definition, course, input),
      { events: [], commands: [] },
      'late inputs change nothing',
    )
  assert.equal(state.seq, before)
}

test(`N1-N4, G1-G4: ${SEEDS} random definitions run to a defined end under random agents`, () => {
  const statuses: Record<string, number> = {}
  const kinds = new Set<string>()
  const actions = new Set<string>()
  let undone = 0
  const stops: Record<string, number> = {}
  for (let seed = 1; seed <= SEEDS; seed++) {
    const dice = diceOf(seed)
    const definition = randomDefinition(dice)
    try {
      const simulated = simulate(definition, dice, {
        meddling: seed % 2 === 0,
        failing: seed % 3 === 0 ? 0.5 : 0.15,
        between: noLeftovers(definition),
      })
      checkInvariants(definition, simulated)
      statuses[simulated.course.state.status] = (statuses[simulated.course.state.status] ?? 0) + 1
      for (const event of simulated.events) {
        if (event.type === 'stage_started') kinds.add(event.data.kind)
        if (event.type === 'feedback_fired') actions.add(event.data.action)
        if (event.type === 'compensation_finished') undone++
        if (event.type === 'decomposition_ended') stops[event.data.stop] = (stops[event.data.stop] ?? 0) + 1
      }
    } catch (error) {
      throw new Error(
        `seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${JSON.stringify(definition, null, 1)}`,
        { cause: error },
      )
    }
  }
  assert.deepEqual(
    [...kinds].sort(),
    ['approval', 'decide', 'for_each', 'loop', 'run', 'tasks', 'timer', 'vote', 'wait'],
    'every kind of stage was run',
  )
  assert.equal(actions.size, feedbackActions.length, 'every feedback action fired')
  for (const stop of ['parts_done', 'parts_failed', 'goal_check_passed', 'goal_check_failed', 'budget', 'breadth_cap'])
    assert.ok((stops[stop] ?? 0) > 0, `some division ended by ${stop}: ${JSON.stringify(stops)}`)
  for (const stop of ['same_plan', 'replans', 'no_planner', 'not_undone', 'run_over'])
    assert.ok((stops[stop] ?? 0) > 0, `some division ended by ${stop}: ${JSON.stringify(stops)}`)
  assert.ok(undone > 50, `compensations ran: ${undone}`)
  for (const status of ['completed', 'partial', 'failed', 'cancelled'])
    assert.ok((statuses[status] ?? 0) > 0, `some run ended as ${status}: ${JSON.stringify(statuses)}`)
})

test('a run whose state is written to JSON and read back after each input does the same', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const definition = randomDefinition(diceOf(seed))
    const plain = simulate(definition, diceOf(seed + 1_000_000), { meddling: true })
    const frozen = simulate(definition, diceOf(seed + 1_000_000), {
      meddling: true,
      between: (course) => ({
        state: JSON.parse(JSON.stringify(course.state)),
        owed: new Map(JSON.parse(JSON.stringify([...course.owed]))),
      }),
    })
    assert.deepEqual(frozen.events, plain.events, `seed ${seed}`)
  }
})

test('a run interrupted after any event goes on from its log as if nothing had been', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const definition = randomDefinition(diceOf(seed))
    const { events, inputs } = simulate(definition, diceOf(seed + 2_000_000))
    const own = events.filter((event) => isInput[event.type])
    for (let cut = 1; cut < own.length; cut++) {
      const until = own[cut]?.seq ?? 0
      const { course, derived } = fold(
        definition,
        events.filter((event) => event.seq < until),
      )
      const rest = [...derived]
      for (const input of inputs.slice(cut)) rest.push(...feedCourse(() => definition, course, input).events)
      assert.deepEqual(rest, events, `seed ${seed}, cut before input ${cut}`)
    }
  }
})
