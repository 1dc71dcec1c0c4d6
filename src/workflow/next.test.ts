// over 400 lines because every kind of stage and every way a run can go is played here with the same few helpers
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { CallAgent, Step } from './command.ts'
import type { Definition, Stage } from './definition.ts'
import type { EventData, RunEvent, RunInput } from './event.ts'
import { type Course, feedCourse, newCourse } from './fold.ts'
import { newState, next } from './next.ts'
import type { Json } from './value.ts'

type Answers = { [task: string]: Json | { fail: string; retryable?: boolean } | ((call: CallAgent) => Json) }

const definitionWith = (stages: unknown[], more: object = {}): Definition =>
  ({ apiVersion: 'quorate/v1', name: 'test', stages: stages as Stage[], ...more }) as Definition
const task = (id: string, more: object = {}) => ({ id, capability: 'any', instructions: 'work', attempts: 1, ...more })
const work = (id: string, more: object = {}) => ({ id, kind: 'tasks', tasks: [task('t')], ...more })
const usage = { input_tokens: 1, output_tokens: 2, calls: 1 }

/** Plays a run: answers its steps in order by the table (by address, or by `*`), and nothing else. */
function play(
  definition: Definition,
  answers: Answers = {},
): { course: Course; events: RunEvent[]; give: (input: RunInput) => void; go: () => void } {
  const course = newCourse('run_test')
  const events: RunEvent[] = []
  let at = 1_000
  const give = (input: RunInput): void => {
    events.push(...feedCourse(() => definition, course, input).events)
  }
  const go = (): void => {
    for (;;) {
      const step: Step | undefined = [...course.owed.values()][0]
      if (step === undefined || course.state.paused !== null) return
      at += 10
      if (step.do === 'collect')
        give({
          at,
          type: 'collected',
          data: {
            stage: step.stage,
            output: Object.fromEntries(step.outputs.map((output) => [output.task, output.output as Json])),
            metrics: {
              n: step.n,
              succeeded: step.succeeded,
              failed: step.failed,
              agreement: 0.5,
              tokens: 3,
              duration_ms: 1,
            },
          },
        })
      else if (step.do === 'call_agent') {
        const answer = answers[step.task] ?? answers['*'] ?? 'done'
        const made = typeof answer === 'function' ? answer(step) : answer
        if (typeof made === 'object' && made !== null && 'fail' in made)
          give({
            at,
            type: 'task_failed',
            data: {
              task: step.task,
              attempt: step.attempt,
              agent: 'a',
              failure: { kind: 'agent_failed', message: String(made['fail']) },
              retryable: made['retryable'] === true,
              usage,
              duration_ms: 1,
              queued_ms: 0,
              why: '',
            },
          })
        else
          give({
            at,
            type: 'task_finished',
            data: {
              task: step.task,
              attempt: step.attempt,
              agent: 'a',
              model: null,
              output: made as Json,
              usage,
              duration_ms: 1,
              queued_ms: 0,
              why: '',
              effect_key: 'k',
              ...(typeof made === 'object' && made !== null && 'choice' in made
                ? { ballot: String(made['choice']) }
                : {}),
            },
          })
      } else return
    }
  }
  give({
    at,
    type: 'run_started',
    data: { goal: 'the goal', definition: 'sha256:d', inputs: { topic: 'bees' }, by: 'test' },
  })
  go()
  return { course, events, give, go }
}

const of = <T extends RunEvent['type']>(events: RunEvent[], type: T): EventData[T][] =>
  events.filter((event) => event.type === type).map((event) => event.data as EventData[T])
const ended = (events: RunEvent[]): EventData['run_finished'] | undefined => of(events, 'run_finished')[0]
const finishedStages = (events: RunEvent[]): string[] =>
  of(events, 'stage_finished').map(({ stage, status }) => `${stage}:${status}`)

describe('a run', () => {
  test('next leaves its argument alone and does what folding does', () => {
    const definition = definitionWith([work('a'), work('b')])
    const before = newState('run_test')
    const frozen = structuredClone(before)
    const input: RunInput = {
      at: 1,
      type: 'run_started',
      data: { goal: null, definition: 'sha256:d', inputs: {}, by: 'test' },
    }
    const outcome = next(() => definition, before, input)
    assert.deepEqual(before, frozen)
    const course = newCourse('run_test')
    assert.deepEqual(
      feedCourse(() => definition, course, input),
      { events: outcome.events, commands: outcome.commands },
    )
    assert.deepEqual(course.state, outcome.state)
  })

  test('stages follow each other, results travel as data, the last output is the result', () => {
    const seen: Json[] = []
    const { events } = play(
      definitionWith([
        work('a'),
        { ...work('b'), tasks: [task('t', { input: { before: '=a.output', topic: '=inputs.topic', fixed: '==x' } })] },
      ]),
      {
        'a/t': { n: 1 },
        'b/t': (call) => {
          seen.push(call.input as Json)
          return 'end'
        },
      },
    )
    assert.deepEqual(seen, [{ before: { n: 1 }, topic: 'bees', fixed: '=x' }])
    assert.deepEqual(ended(events), {
      status: 'completed',
      reason: 'all stages are settled',
      output: 'end',
      success: [],
    })
  })

  test('one failure does not sink a stage, unless the definition says so', () => {
    const three = (more: object) =>
      definitionWith([{ id: 's', kind: 'tasks', tasks: [task('x'), task('y', more), task('z')] }])
    assert.equal(ended(play(three({}), { 's/y': { fail: 'no' } }).events)?.status, 'completed')
    assert.equal(ended(play(three({ required: true }), { 's/y': { fail: 'no' } }).events)?.status, 'failed')
    const all = definitionWith([{ id: 's', kind: 'tasks', min_success: 3, tasks: [task('x'), task('y'), task('z')] }])
    assert.match(
      ended(play(all, { 's/x': { fail: 'no' } }).events)?.reason ?? '',
      /1 of 3 tasks failed, 3 must succeed/,
    )
  })

  test('a decision takes the first case that holds; null takes otherwise, and the event says why', () => {
    const definition = (when: string) =>
      definitionWith([
        work('a'),
        { id: 'd', kind: 'decide', cases: [{ when, then: 'yes' }], otherwise: 'no' },
        work('yes'),
        work('no'),
        work('after'),
      ])
    const taken = play(definition('a.succeeded >= 1'))
    assert.deepEqual(finishedStages(taken.events), [
      'a:completed',
      'd:completed',
      'no:skipped',
      'yes:completed',
      'after:completed',
    ])
    const unknown = play(definition('a.agreement < 0.7'))
    assert.equal(of(unknown.events, 'decision_made')[0]?.taken, 'otherwise')
    assert.match(of(unknown.events, 'decision_made')[0]?.reason ?? '', /agreement/)
    assert.ok(finishedStages(unknown.events).includes('yes:skipped'))
    assert.ok(
      finishedStages(unknown.events).includes('after:completed'),
      'what follows the branches follows whichever was taken',
    )
  })

  test('end ends the level; a stage that answers a failure runs only then', () => {
    const ends = play(
      definitionWith([
        work('a'),
        { id: 'd', kind: 'decide', cases: [{ when: 'true', then: 'end' }], otherwise: 'b' },
        work('b'),
      ]),
    )
    assert.deepEqual(finishedStages(ends.events), ['a:completed', 'd:completed', 'b:skipped'])
    assert.equal(ended(ends.events)?.status, 'completed')
    const rescued = definitionWith([work('a', { on_failure: { then: 'rescue' } }), work('rescue'), work('after')])
    assert.deepEqual(finishedStages(play(rescued).events), ['a:completed', 'rescue:skipped', 'after:completed'])
    const failing = play(rescued, { 'a/t': { fail: 'no' } })
    assert.deepEqual(finishedStages(failing.events), ['a:failed', 'rescue:completed', 'after:completed'])
    assert.equal(ended(failing.events)?.status, 'partial')
  })

  test('a retry is an event with a wait that is the same each time; agents that failed are passed on', () => {
    const definition = definitionWith([{ id: 's', kind: 'tasks', tasks: [task('t', { attempts: 3 })] }])
    const { events } = play(definition, { 's/t': { fail: 'flaky', retryable: true } })
    const starts = of(events, 'task_started')
    assert.deepEqual(
      starts.map((start) => [start.attempt, start.excluded]),
      [
        [1, []],
        [2, ['a']],
        [3, ['a']],
      ],
    )
    assert.deepEqual(of(play(definition, { 's/t': { fail: 'flaky', retryable: true } }).events, 'task_started'), starts)
    assert.equal(ended(events)?.status, 'failed')
  })

  test('a vote stops as soon as it is decided and calls the others off', () => {
    const { events, course } = play(
      definitionWith([{ id: 'v', kind: 'vote', question: '?', options: ['a', 'b'], voters: 5 }]),
      { '*': { choice: 'a', reason: '' } },
    )
    // Four of five: three could still fall to 3 of 5, which is not above 0.7.
    assert.equal(of(events, 'task_finished').length, 4)
    assert.deepEqual(of(events, 'vote_closed')[0]?.result.counts, { a: 4, b: 0 })
    assert.equal(course.owed.size, 0)
    assert.deepEqual(ended(events)?.output, { winner: 'a', status: 'decided', shares: { a: 1, b: 0 } })
  })

  test('a loop ends at its condition or its bound; each iteration has the last one as item', () => {
    const items: Json[] = []
    const loop = (until: string) =>
      definitionWith([
        {
          id: 'l',
          kind: 'loop',
          max: 3,
          until,
          stages: [{ ...work('s'), tasks: [task('t', { input: { last: '=item' } })] }],
        },
      ])
    const run = play(loop('s.output == "2"'), {
      '*': (call) => {
        items.push(call.input['last'] as Json)
        return String(items.length)
      },
    })
    assert.deepEqual(items, [null, '1'])
    assert.deepEqual(
      of(run.events, 'loop_iterated').map(({ iteration, until }) => [iteration, until]),
      [
        [1, false],
        [2, true],
      ],
    )
    assert.equal(of(play(loop('false')).events, 'loop_iterated').length, 3)
  })

  test('for_each runs its body for each item and gives all outputs', () => {
    const { events } = play(
      definitionWith([
        {
          id: 'e',
          kind: 'for_each',
          items: '=["x", "y", "z"]',
          max: 5,
          parallel: 2,
          stages: [{ ...work('s'), tasks: [task('t', { input: { item: '=item' } })] }],
        },
      ]),
      {
        '*': (call) => `got ${String(call.input['item'])}`,
      },
    )
    assert.deepEqual(ended(events)?.output, { 0: 'got x', 1: 'got y', 2: 'got z' })
    const long = play(definitionWith([{ id: 'e', kind: 'for_each', items: '=[1, 2, 3]', max: 2, stages: [work('s')] }]))
    assert.match(ended(long.events)?.reason ?? '', /3 items, at most 2/)
  })

  test('approval, signal and timer: given, too early, too late', () => {
    const definition = definitionWith([
      { id: 'w', kind: 'wait', signal: 'go', timeout: '1m' },
      { id: 'ok', kind: 'approval', question: '?', timeout: '1m', default: 'refuse', on_failure: 'continue' },
      { id: 'z', kind: 'timer', for: '5s' },
    ])
    const run = play(definition)
    assert.equal(run.course.state.status, 'waiting')
    run.give({ at: 2_000, type: 'signal_received', data: { name: 'other', data: 1, by: 'x' } })
    assert.deepEqual(Object.keys(run.course.state.timers), ['w/timeout'])
    run.give({ at: 2_001, type: 'signal_received', data: { name: 'go', data: { n: 1 }, by: 'x' } })
    run.give({ at: 2_002, type: 'timer_fired', data: { timer: 'w/timeout' } })
    assert.equal(run.course.state.approvals['ok'], 'ok')
    run.give({ at: 70_000, type: 'timer_fired', data: { timer: 'ok/timeout' } })
    assert.match(of(run.events, 'stage_finished')[1]?.reason ?? '', /nobody answered within 1m; default: refuse/)
    run.give({
      at: 80_000,
      type: 'approval_given',
      data: { approval: 'ok', decision: 'approve', comment: '', by: 'late' },
    })
    run.give({ at: 90_000, type: 'timer_fired', data: { timer: 'z/timer' } })
    assert.equal(ended(run.events)?.status, 'partial')
  })

  test('a pause holds what is to begin, not what runs; a cancel ends everything', () => {
    const run = play(definitionWith([work('a'), { id: 'w', kind: 'wait', signal: 'go', timeout: '1m' }, work('b')]))
    run.give({ at: 2_000, type: 'pause_requested', data: { by: 'me', reason: 'lunch' } })
    run.give({ at: 2_001, type: 'signal_received', data: { name: 'go', data: null, by: 'x' } })
    run.go()
    assert.deepEqual([run.course.state.status, run.course.state.reason, run.course.owed.size], ['paused', 'lunch', 1])
    run.give({ at: 2_002, type: 'resume_requested', data: { by: 'me', reason: '' } })
    run.give({ at: 2_003, type: 'cancel_requested', data: { by: 'me', reason: 'enough' } })
    assert.deepEqual(
      [run.course.state.status, run.course.state.reason, run.course.owed.size],
      ['cancelled', 'cancelled by me: enough', 0],
    )
  })

  test('C1-C3: what a failed run did is undone, the last first, with what was known when it was done', () => {
    const undo = (what: string) => ({
      compensate: { capability: 'undo', instructions: `undo ${what}`, input: { id: `=${what}.output` } },
    })
    const order: string[] = []
    const undone = (call: CallAgent): Json => {
      order.push(String(call.input['id']))
      return 'undone'
    }
    const { events } = play(
      definitionWith([
        { ...work('a'), tasks: [task('t', undo('a'))] },
        { ...work('b'), tasks: [task('t', undo('b'))] },
        work('c'),
      ]),
      {
        'a/t': 'A',
        'b/t': 'B',
        'c/t': { fail: 'broken' },
        'a/t~undo': undone,
        'b/t~undo': undone,
      },
    )
    assert.deepEqual(order, ['B', 'A'])
    assert.match(ended(events)?.reason ?? '', /stage c failed: .*broken.*; what it did was undone/)
    const stuck = play(definitionWith([{ ...work('a'), tasks: [task('t', undo('a'))] }, work('c')]), {
      'c/t': { fail: 'broken' },
      'a/t~undo': { fail: 'cannot' },
    })
    assert.match(ended(stuck.events)?.reason ?? '', /not undone: a\/t/)
  })

  test('an unknown effect asks a person; the answer goes on either way', () => {
    const definition = definitionWith([work('a')])
    const ask = (happened: boolean): RunEvent[] => {
      const course = newCourse('run_test')
      const events: RunEvent[] = []
      const give = (input: RunInput): void => void events.push(...feedCourse(() => definition, course, input).events)
      give({ at: 1, type: 'run_started', data: { goal: null, definition: 'sha256:d', inputs: {}, by: 'test' } })
      give({
        at: 2,
        type: 'task_failed',
        data: {
          task: 'a/t',
          attempt: 1,
          agent: 'a',
          failure: { kind: 'effect_unknown', message: 'Was the mail sent?' },
          retryable: false,
          usage,
          duration_ms: 1,
          queued_ms: 0,
          why: '',
        },
      })
      assert.equal(course.state.status, 'waiting')
      give({ at: 3, type: 'effect_resolved', data: { task: 'a/t', happened, comment: '', by: 'me', output: 'it was' } })
      return events
    }
    assert.equal(of(ask(true), 'effect_question')[0]?.question, 'Was the mail sent?')
    assert.equal(ended(ask(true))?.output, 'it was')
    assert.equal(of(ask(false), 'task_started').at(-1)?.attempt, 2)
  })

  test('a declared output that cannot be had is null, never what another stage said; a stage that never began reads as skipped', () => {
    const definition = (output: string): Definition => definitionWith([work('a'), work('b'), work('c')], { output })
    const failing = { 'a/t': 'secret draft', 'b/t': { fail: 'no' } }
    assert.equal(ended(play(definition('=c.output.text'), failing).events)?.output, null)
    assert.equal(ended(play(definition('=c.status'), failing).events)?.output, 'skipped')
  })

  test('budgets: no call beyond the calls, an end at the wall clock; success criteria are looked at', () => {
    const calls = play(definitionWith([work('a'), work('b')], { budget: { calls: 1 } }))
    assert.match(ended(calls.events)?.reason ?? '', /budget of 1 call is used up/)
    const clock = play(
      definitionWith([{ id: 'w', kind: 'wait', signal: 'go', timeout: '1h' }], { budget: { wall_clock: '1m' } }),
    )
    clock.give({ at: 61_000, type: 'timer_fired', data: { timer: 'budget/wall_clock' } })
    assert.equal(ended(clock.events)?.status, 'partial')
    const missed = play(definitionWith([work('a')], { success: [{ id: 'good', when: 'a.output == "great"' }] }))
    assert.deepEqual([ended(missed.events)?.status, ended(missed.events)?.success[0]?.met], ['partial', false])
  })
})

describe('planning', () => {
  const proposal = (attempt: number, more: Partial<EventData['plan_proposed']>): RunInput => ({
    at: 5,
    type: 'plan_proposed',
    data: {
      attempt,
      source: 'model',
      definition: null,
      name: null,
      problems: ['wrong'],
      model: 'm',
      usage,
      analysis: null,
      raw: null,
      duration_ms: 1,
      ...more,
    },
  })
  const planning = (inputs: RunInput[]): { events: RunEvent[]; asked: Step[] } => {
    const course = newCourse('run_test')
    const events: RunEvent[] = []
    const asked: Step[] = []
    for (const input of [
      { at: 1, type: 'run_started', data: { goal: 'g', definition: null, inputs: {}, by: 't' } } as RunInput,
      ...inputs,
    ]) {
      const outcome = feedCourse(() => definitionWith([work('a')]), course, input)
      events.push(...outcome.events)
      for (const command of outcome.commands) if (command.do === 'plan') asked.push(command)
    }
    return { events, asked }
  }

  test('repairs at most twice, then takes a template, and says so', () => {
    const { events, asked } = planning([
      proposal(1, {}),
      proposal(2, {}),
      proposal(3, {}),
      proposal(4, { source: 'template', definition: 'sha256:d' }),
    ])
    assert.deepEqual(
      asked.map((step) => step.do === 'plan' && [step.attempt, step.template]),
      [
        [1, false],
        [2, false],
        [3, false],
        [4, true],
      ],
    )
    assert.deepEqual(
      of(events, 'definition_chosen').map(({ source }) => source),
      ['template'],
    )
    assert.match(of(events, 'definition_chosen')[0]?.reason ?? '', /no plan of a model passed/)
  })

  test('takes a template at once when there is no model, and fails when that fails', () => {
    const none = { failure: { kind: 'model_missing', message: 'no model' } } as const
    const { asked, events } = planning([proposal(1, none), proposal(2, { source: 'template' })])
    assert.equal(asked[1]?.do === 'plan' && asked[1].template, true)
    assert.equal(ended(events)?.status, 'failed')
  })

  test('a repaired plan says that it was repaired', () => {
    const { events } = planning([proposal(1, {}), proposal(2, { definition: 'sha256:d', problems: [] })])
    assert.equal(of(events, 'definition_chosen')[0]?.source, 'repaired')
    assert.equal(of(events, 'stage_started').length, 1)
  })
})
