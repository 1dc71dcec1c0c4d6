/**
 * Many runs under one virtual clock, over hours: agents that answer, fail, hang, die and answer too late, people who take
 * their time, timers, and a program that ends again and again, with every run folded from its log. The pure core alone.
 */
import assert from 'node:assert/strict'
import { stepAddress } from '../../src/workflow/command.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import type { RunEvent, RunInput } from '../../src/workflow/event.ts'
import { type Course, feedCourse, foldEvent, newCourse } from '../../src/workflow/fold.ts'
import type { RunStatus } from '../../src/workflow/run-state.ts'
import type { Dice } from '../simulation/dice.ts'
import { randomDefinition } from '../simulation/random-definition.ts'
import { answerOf, questionOf } from '../simulation/simulate.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
export const HOUR = 60 * MINUTE
const CALL_TIMEOUT_MS = 30 * MINUTE

type Run = {
  id: string
  definition: Definition
  /** Goes on to the end of the time. */
  long: boolean
  course: Course
  events: RunEvent[]
  /** What has a moment already: `address#attempt` of steps, names of timers with their due time. */
  planned: Set<string>
}

export type Counts = {
  runs: number
  inputs: number
  faults: { [kind: string]: number }
  restarts: number
  statuses: { [status in RunStatus]?: number }
  /** Runs that were in no ended state long after everything had stopped. */
  undefined_ends: string[]
}

/** Bytes of the state of a long run (largest in its hour), by hour. */
export type Sizes = { run: string; hour: number; bytes: number }

/** A long run: a round every few minutes, of a timer and some work that may fail. */
function watcher(hours: number, dice: Dice): Definition {
  const task = (id: string) => ({ id, capability: 'any', instructions: `Look at ${id}.`, attempts: 3 })
  return {
    apiVersion: 'quorate/v1',
    name: 'watcher',
    stages: [
      {
        id: 'watch',
        kind: 'loop',
        max: 10_000,
        until: `run.elapsed_ms > ${hours * HOUR}`,
        stages: [
          { id: 'rest', kind: 'timer', for: `${dice.between(60, 600)}s` },
          { id: 'look', kind: 'tasks', tasks: [task('a'), task('b'), task('c')], on_failure: 'continue' },
          {
            id: 'each',
            kind: 'for_each',
            items: '=[1, 2, 3]',
            max: 3,
            stages: [{ id: 'act', kind: 'tasks', tasks: [task('d')], on_failure: 'continue' }],
            on_failure: 'continue',
          },
        ],
        on_failure: 'fail',
      },
    ],
  }
}

/** A heap by moment; ties in the order in which they were put in. */
function agenda() {
  const heap: { at: number; n: number; act: () => void }[] = []
  let n = 0
  const before = (a: number, b: number): boolean => {
    const [x, y] = [heap[a], heap[b]]
    return x !== undefined && y !== undefined && (x.at < y.at || (x.at === y.at && x.n < y.n))
  }
  const swap = (a: number, b: number): void => {
    const [x, y] = [heap[a], heap[b]]
    if (x !== undefined && y !== undefined) [heap[a], heap[b]] = [y, x]
  }
  return {
    put(at: number, act: () => void): void {
      heap.push({ at, n: n++, act })
      for (let i = heap.length - 1; i > 0 && before(i, (i - 1) >> 1); i = (i - 1) >> 1) swap(i, (i - 1) >> 1)
    },
    take(): { at: number; act: () => void } | undefined {
      const first = heap[0]
      const last = heap.pop()
      if (heap.length > 0 && last !== undefined) {
        heap[0] = last
        for (let i = 0; ; ) {
          const child = before(2 * i + 2, 2 * i + 1) ? 2 * i + 2 : 2 * i + 1
          if (!before(child, i)) break
          swap(i, child)
          i = child
        }
      }
      return first
    },
  }
}

/**
 * @param at_once long runs, and as many short ones at any moment
 * @returns when every run that began has ended, or had three more days for it
 */
export function virtualRuns(hours: number, at_once: number, dice: Dice): { counts: Counts; sizes: Sizes[] } {
  const { put, take } = agenda()
  const counts: Counts = { runs: 0, inputs: 0, faults: {}, restarts: 0, statuses: {}, undefined_ends: [] }
  const largest = new Map<string, Sizes>()
  const live = new Set<Run>()
  const end = hours * HOUR
  let now = 0
  const fault = (kind: string): void => {
    counts.faults[kind] = (counts.faults[kind] ?? 0) + 1
  }

  function give(run: Run, input: RunInput): void {
    if (!live.has(run)) return
    counts.inputs++
    for (const event of feedCourse(() => run.definition, run.course, input).events) run.events.push(event)
    const { state } = run.course
    if (run.long && state.ended_at === undefined) {
      const hour = Math.floor(now / HOUR)
      const bytes = JSON.stringify(state).length
      const key = `${run.id} ${hour}`
      if (bytes > (largest.get(key)?.bytes ?? 0)) largest.set(key, { run: run.id, hour, bytes })
    }
    if (state.ended_at === undefined) return plan(run)
    live.delete(run)
    counts.statuses[state.status as RunStatus] = (counts.statuses[state.status as RunStatus] ?? 0) + 1
    assert.equal(run.events.filter(({ type }) => type === 'run_finished').length, 1, `${run.id} ends once`)
    if (!run.long && now < end) begin(false)
  }

  /** Gives every step and timer that has none its moment. */
  function plan(run: Run): void {
    const { state, owed } = run.course
    for (const [timer, due] of Object.entries(state.timers)) {
      const key = `${timer} ${due}`
      if (run.planned.has(key)) continue
      run.planned.add(key)
      put(due, () => {
        run.planned.delete(key)
        if (run.course.state.timers[timer] === due) give(run, { at: now, type: 'timer_fired', data: { timer } })
      })
    }
    for (const [address, step] of owed) {
      const key = `${address}#${'attempt' in step ? step.attempt : ''}`
      if (run.planned.has(key)) continue
      run.planned.add(key)
      const delay = 'delay_ms' in step ? step.delay_ms : 0
      put(now + delay, () => answer(run, key, address, step))
    }
    const asking = questionOf(run.course)
    if (asking === null || run.planned.has(`? ${asking}`)) return
    run.planned.add(`? ${asking}`)
    put(now + dice.between(MINUTE, 2 * HOUR), () => {
      run.planned.delete(`? ${asking}`)
      if (questionOf(run.course) !== asking) return plan(run)
      const data = { task: asking, happened: dice.chance(0.5), comment: '', by: 'somebody' }
      give(run, { at: now, type: 'effect_resolved', data })
    })
  }

  type Step = Course['owed'] extends Map<string, infer S> ? S : never

  /** What becomes of a step that has begun. */
  function answer(run: Run, key: string, address: string, step: Step): void {
    const mine = (): boolean => run.course.owed.get(address) === step
    const come = (after: number, input: () => RunInput): void =>
      put(now + after, () => {
        run.planned.delete(key)
        if (mine()) give(run, input())
        else if (live.has(run)) plan(run)
      })
    const failed = (
      kind: 'timeout' | 'agent_failed' | 'model_missing' | 'no_progress',
      retryable = true,
      more: object = {},
    ) => {
      if (step.do !== 'call_agent') throw new Error('only calls fail so')
      return (): RunInput => ({
        at: now,
        type: 'task_failed',
        data: {
          task: step.task,
          attempt: step.attempt,
          agent: dice.one(['a', 'b', 'c']),
          failure: { kind, message: 'it did not work' },
          retryable,
          usage: { input_tokens: null, output_tokens: null, calls: 1 },
          duration_ms: 1,
          queued_ms: 0,
          why: '',
          ...more,
        },
      })
    }
    if (step.do !== 'call_agent') return come(dice.between(1, 5 * SECOND), () => answerOf(step, dice, now, 0))
    const kind = dice.between(0, 99)
    if (kind < 3) {
      fault('hung until its time-out')
      return come(step.timeout_ms ?? CALL_TIMEOUT_MS, failed('timeout'))
    }
    if (kind < 6) {
      fault('process killed')
      return come(dice.between(1, MINUTE), failed('agent_failed'))
    }
    if (kind < 8) {
      fault('model missing')
      return come(dice.between(1, SECOND), failed('model_missing', dice.chance(0.5)))
    }
    if (kind < 10) {
      fault('broken off by the end of the program')
      return come(dice.between(1, MINUTE), failed('agent_failed', true, { interrupted: true }))
    }
    if (kind < 13) {
      fault('answered twice')
      const input = answerOf(step, dice, now, 0)
      put(now + 10 * MINUTE, () => give(run, { ...input, at: now }))
      return come(dice.between(1, MINUTE), () => ({ ...input, at: now }))
    }
    if (kind < 16) {
      fault('ended without progress')
      const detector = dice.one(['same_call', 'silence', 'no_evidence'] as const)
      const could = { other_model: dice.chance(0.5) ? 'host/other' : null, other_agent: dice.chance(0.5) }
      const finding = { detector, message: 'the same again', evidence: {} }
      return come(dice.between(MINUTE, 10 * MINUTE), failed('no_progress', true, { finding, could }))
    }
    if (kind < 20) {
      fault('20 times as slow')
      return come(dice.between(20 * SECOND, 20 * MINUTE), () => answerOf(step, dice, now, 0.1))
    }
    come(dice.between(SECOND, MINUTE), () => answerOf(step, dice, now, 0.1))
  }

  function begin(long: boolean): void {
    const id = `run_${++counts.runs}`
    const definition = long ? watcher(hours, dice) : randomDefinition(dice)
    const run: Run = { id, definition, long, course: newCourse(id), events: [], planned: new Set() }
    live.add(run)
    const inputs = { list: [1, 2] }
    give(run, { at: now, type: 'run_started', data: { goal: 'goal', definition: 'sha256:d', inputs, by: 'soak' } })
  }

  /** People and other programs, at any of the runs. */
  function meddle(): void {
    const run = live.size === 0 ? null : dice.one([...live])
    if (run !== null) {
      const by = 'somebody'
      const approval = Object.keys(run.course.state.approvals)[0]
      const kind = dice.between(0, 19)
      if (approval !== undefined) {
        const decision = dice.one(['approve', 'refuse'] as const)
        give(run, { at: now, type: 'approval_given', data: { approval, decision, comment: '', by } })
      } else if (kind === 0 && !run.long)
        give(run, { at: now, type: 'cancel_requested', data: { by, reason: 'enough' } })
      else if (kind < 4) {
        give(run, { at: now, type: 'pause_requested', data: { by, reason: '' } })
        put(now + dice.between(MINUTE, HOUR), () =>
          give(run, { at: now, type: 'resume_requested', data: { by, reason: '' } }),
        )
      } else
        give(run, { at: now, type: 'signal_received', data: { name: dice.one(['go', 'data', 'other']), data: 1, by } })
    }
    if (now < end) put(now + dice.between(SECOND, 4 * MINUTE), meddle)
  }

  /** The program ends and comes back: all that it knows of a run is the run's log. */
  function restart(): void {
    counts.restarts++
    for (const run of live) {
      const again = newCourse(run.id)
      for (const event of JSON.parse(JSON.stringify(run.events)) as RunEvent[])
        foldEvent(() => run.definition, again, event)
      assert.deepEqual(
        JSON.parse(JSON.stringify({ ...again.state, mail: 0 })),
        JSON.parse(JSON.stringify({ ...run.course.state, mail: 0 })),
        `${run.id} is what its log says`,
      )
      assert.deepEqual([...again.owed.values()].map(stepAddress), [...run.course.owed.keys()])
      run.course = again
      // Calls in hand are lost, and made again.
      run.planned = new Set()
      plan(run)
    }
    if (now < end) put(now + dice.between(HOUR, 4 * HOUR), restart)
  }

  for (let n = 0; n < at_once; n++) {
    begin(true)
    begin(false)
  }
  put(MINUTE, meddle)
  put(HOUR, restart)
  for (let next = take(); next !== undefined && live.size > 0 && next.at < end + 72 * HOUR; next = take()) {
    now = next.at
    next.act()
  }
  for (const run of live)
    counts.undefined_ends.push(`${run.id}: ${run.course.state.status}, ${run.course.state.reason}`)
  return { counts, sizes: [...largest.values()] }
}
