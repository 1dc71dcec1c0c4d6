/** Replay and fork over random definitions: every kind of stage, loops, parallel stages, in any order of arrival. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { contentHash } from '../../src/workflow/content-hash.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import { isInput, type RunEvent, type RunInput } from '../../src/workflow/event.ts'
import { type Course, feedCourse, newCourse } from '../../src/workflow/fold.ts'
import { type ForkRequest, forkRun } from '../../src/workflow/fork.ts'
import { replay } from '../../src/workflow/replay.ts'
import { endedStatuses } from '../../src/workflow/run-state.ts'
import { diceOf } from './dice.ts'
import { randomDefinition } from './random-definition.ts'
import { answerOf, questionOf, simulate } from './simulate.ts'

/** How many seeds; the proof runs more. */
const SEEDS = Number(process.argv.find((argument) => argument.startsWith('--seeds='))?.slice(8) ?? 400)
const FORKED = Math.max(20, Math.floor(SEEDS / 16))

/** As the store gives it back. */
const stored = (events: readonly RunEvent[]): RunEvent[] => JSON.parse(JSON.stringify(events)) as RunEvent[]

const seeded = (seed: number, work: () => void): void => {
  try {
    work()
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** Agents whose answer depends on nothing but what they are asked: the same step, the same answer, whichever run asks. */
function answered(address: string, course: Course, at: number, failing: number): RunInput {
  const step = course.owed.get(address)
  if (step === undefined) throw new Error(`${address} is not owed`)
  return answerOf(step, diceOf(createHash('sha256').update(address).digest().readUInt32BE()), at, failing)
}

/** Lets a run go on to its end: the step asked for first is answered first; then timers, the earliest first. */
function finish(definition: Definition, course: Course, events: RunEvent[], from: number, failing: number): RunEvent[] {
  let now = from
  for (let n = 0; course.state.ended_at === undefined; n++) {
    assert.ok(n < 20_000, `no end: ${JSON.stringify(course.state).slice(0, 1_000)}`)
    now += 1_000
    const [address] = course.owed.keys()
    const asking = questionOf(course)
    const [timer] = Object.entries(course.state.timers).sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))
    let input: RunInput
    if (address !== undefined) input = answered(address, course, now, failing)
    else if (asking !== null)
      input = { at: now, type: 'effect_resolved', data: { task: asking, happened: true, comment: '', by: 'test' } }
    else if (timer !== undefined) {
      now = Math.max(now, timer[1])
      input = { at: now, type: 'timer_fired', data: { timer: timer[0] } }
    } else throw new Error(`stuck: ${JSON.stringify(course.state).slice(0, 1_000)}`)
    const before = events.length
    for (const event of feedCourse(() => definition, course, input).events) events.push(event)
    assert.ok(events.length > before || address !== undefined, `${input.type} changed nothing`)
  }
  return events
}

/** What must be the same in a fork that changes nothing: all but names of runs, moments, and waits that a run's name decides. */
function comparable(events: readonly RunEvent[]): string[] {
  const start = events[0]?.at ?? 0
  return events.map(({ seq, at, type, cause, data }) => {
    const { run: _, delay_ms: __, by: ___, forked_from: ____, ...rest } = data as Record<string, unknown>
    if (type === 'timer_started' || type === 'approval_requested' || type === 'wait_started')
      rest['due'] = Number(rest['due']) - start
    return JSON.stringify([seq, at - start, type, cause, rest])
  })
}

/** What a failed run has undone is done again by its forks, in another order: where logs are compared, nothing is undone. */
const withoutUndoing = (definition: Definition): Definition =>
  JSON.parse(JSON.stringify(definition, (key, value) => (key === 'compensate' ? undefined : value))) as Definition

const request = (more: Partial<ForkRequest> = {}): ForkRequest => ({
  run: 'run_fork',
  now: 9_000_000_000,
  by: 'forker',
  ...more,
})

function sourceOf(definition: Definition, failing: number): RunEvent[] {
  const course = newCourse('run_source')
  const input: RunInput = {
    at: 1_000_000,
    type: 'run_started',
    data: { goal: 'goal', definition: 'sha256:d', inputs: { list: [1, 2] }, by: 'test' },
  }
  return finish(definition, course, feedCourse(() => definition, course, input).events.slice(), 1_000_000, failing)
}

test(`${SEEDS} random runs replay: the same events, the same state, byte for byte`, () => {
  for (let seed = 1; seed <= SEEDS; seed++)
    seeded(seed, () => {
      const definition = randomDefinition(diceOf(seed))
      const { events, course } = simulate(definition, diceOf(seed + 5_000_000), {
        meddling: seed % 2 === 0,
        failing: 0.3,
      })
      const replayed = replay(stored(events), () => definition)
      assert.deepEqual(replayed.first_difference, undefined)
      assert.ok(replayed.identical)
      assert.equal(replayed.events, events.length)
      assert.equal(replayed.state_hash, contentHash({ ...course.state, mail: 0 }))
    })
})

test('a damaged log is found out, at the event that was damaged', () => {
  for (let seed = 1; seed <= SEEDS; seed++)
    seeded(seed, () => {
      const dice = diceOf(seed)
      const definition = randomDefinition(dice)
      const { events } = simulate(definition, diceOf(seed + 6_000_000))
      const at = dice.between(1, events.length - 1)
      const changed = stored(events)
      const victim = changed[at] as RunEvent
      if (isInput[victim.type]) return
      ;(victim.data as Record<string, unknown>)['forged'] = true
      const { identical, first_difference } = replay(changed, () => definition)
      assert.equal(identical, false)
      assert.equal(first_difference?.seq, victim.seq)
      const cut = replay(
        stored(events).filter((_, i) => i !== at),
        () => definition,
      )
      assert.equal(cut.identical, false, 'a missing event is a difference')
    })
})

test(`forked at every event of ${FORKED} random runs, nothing edited, deterministic agents: the same log to the end`, () => {
  let forks = 0
  for (let seed = 1; seed <= FORKED; seed++)
    seeded(seed, () => {
      const definition = withoutUndoing(randomDefinition(diceOf(seed)))
      const failing = seed % 2 === 0 ? 0.3 : 0
      const events = sourceOf(definition, failing)
      const before = JSON.stringify(events)
      const expected = comparable(events)
      const inputs = events.filter((event) => isInput[event.type])
      for (const event of events) {
        const forked = forkRun(events, request({ at: event.seq }), () => definition)
        assert.ok(forked.ok)
        const { course, events: log, left_out, forked_from } = forked.value
        forks++
        assert.deepEqual(left_out, [])
        const turn = inputs.findLast((input) => input.seq <= event.seq)
        const next = inputs.find((input) => input.seq > event.seq)
        assert.deepEqual(
          forked_from,
          { run: 'run_source', seq: (next?.seq ?? events.length + 1) - 1 },
          `a whole turn: that of ${turn?.seq}`,
        )
        assert.equal(log.length, forked_from.seq)
        // Turns in the middle of a turn are the same fork: going on from one of them is enough.
        if (event.seq !== forked_from.seq) continue
        finish(definition, course, log, log.at(-1)?.at ?? 0, failing)
        assert.deepEqual(comparable(log), expected, `forked at ${event.seq}`)
        assert.ok(replay(stored(log), () => definition).identical)
      }
      assert.equal(JSON.stringify(events), before, 'the source is as it was')
    })
  assert.ok(forks > FORKED * 10)
})

test(`retried from every stage of ${FORKED} random runs, in bodies of loops too: the same log to the end`, () => {
  let inBodies = 0
  for (let seed = 1; seed <= FORKED; seed++)
    seeded(seed, () => {
      const definition = withoutUndoing(randomDefinition(diceOf(seed)))
      const events = sourceOf(definition, 0.2)
      for (const started of events) {
        if (started.type !== 'stage_started') continue
        const { stage } = started.data
        if (stage.includes('[')) inBodies++
        const forked = forkRun(events, request({ before_stage: stage }), () => definition)
        assert.ok(forked.ok)
        const { course, events: log } = forked.value
        assert.ok(
          log.some((event) => event.type === 'stage_started' && event.data.stage === stage),
          'it has started',
        )
        const own = log.filter(
          (event) =>
            (event.type === 'task_finished' || event.type === 'task_failed') && event.data.task.startsWith(`${stage}/`),
        )
        assert.deepEqual(own, [], 'nothing that it did is kept')
        finish(definition, course, log, log.at(-1)?.at ?? 0, 0.2)
        assert.deepEqual(comparable(log), comparable(events), `retried from ${stage}`)
      }
    })
  assert.ok(inBodies > 50, `${inBodies} stages in bodies`)
})

test(`forked with meddlers, or with another definition: ${FORKED} runs end in a defined state from every event, and what was dropped is listed`, () => {
  let redone = 0
  for (let seed = 1; seed <= FORKED; seed++)
    seeded(seed, () => {
      const definition = randomDefinition(diceOf(seed))
      const edited = randomDefinition(diceOf(seed + 77_000_000))
      const { events } = simulate(definition, diceOf(seed + 7_000_000), { meddling: true, failing: 0.3 })
      const definitionOf = (hash: string): Definition => (hash === 'sha256:edited' ? edited : definition)
      for (const event of events) {
        if (!isInput[event.type]) continue
        for (const definitionHash of [undefined, 'sha256:edited']) {
          const edit = definitionHash === undefined ? {} : { definition: definitionHash, inputs: { list: [3] } }
          const forked = forkRun(events, request({ at: event.seq, ...edit }), definitionOf)
          assert.ok(forked.ok)
          const { course, events: log, left_out } = forked.value
          const taken = log.filter((each) => isInput[each.type]).length
          const offered = events.filter((each) => isInput[each.type] && each.seq <= event.seq).length
          assert.equal(taken + left_out.length, offered, 'taken or listed')
          const again = new Set(
            left_out.flatMap((each) => (/undone/.test(each.reason) ? [each.about.split('#')[0]] : [])),
          )
          if (definitionHash === undefined && again.size === 0)
            assert.ok(
              left_out.every((each) => each.reason === 'was meant for the source' || each.about.includes('~undo')),
              JSON.stringify(left_out),
            )
          assert.ok(
            !log.some((each) => each.type === 'task_finished' && again.has(each.data.task)),
            'what was undone does not count as done',
          )
          redone += again.size
          const used = definitionHash === undefined ? definition : edited
          finish(used, course, log, log.at(-1)?.at ?? 0, 0.2)
          assert.ok(endedStatuses.includes(course.state.status as never))
          assert.equal(log.filter((each) => each.type === 'run_finished').length, 1)
          assert.ok(replay(stored(log), definitionOf).identical)
        }
      }
    })
  assert.ok(redone > 0)
})
