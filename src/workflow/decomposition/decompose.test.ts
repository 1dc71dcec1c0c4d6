import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { CallAgent } from '../command.ts'
import type { RunEvent, RunInput } from '../event.ts'
import { feedCourse, newCourse } from '../fold.ts'
import { runView } from '../run-view.ts'
import { definitionWith, parts, stops, usage, world } from './stand-in-tree.ts'

describe('a task that fails for good', () => {
  it('is done in parts, in order, and gives what the last part gives', () => {
    const w = world({
      agent: ({ task, input }, level) => (level === 1 ? undefined : `${task} after ${Object.keys(input).join(',')}`),
      planner: ({ failure }) => {
        assert.equal(failure, 'no 1')
        return { logic: 'and', parts: parts(3, 'it') }
      },
    })
    const { state } = w.drive('run', w.store(definitionWith(true)))
    assert.equal(state.status, 'completed')
    assert.equal(state.output, 'part_3/part after part_1,part_2')
    assert.deepEqual(stops(w.logs.get('run') ?? []), ['parts_done'])
    const [task] = runView(w.logs.get('run') ?? []).stages[0]?.tasks ?? []
    assert.equal(task?.state, 'completed')
    assert.equal(task?.parts?.parts.length, 3)
    assert.ok(w.logs.has(task?.parts?.run ?? ''), 'the view names the run of the parts')
    assert.equal(state.totals.tasks_done, 1)
  })

  it('`or`: the first part that succeeds is enough', () => {
    const w = world({
      agent: ({ task }, level) => (level > 1 && task === 'part_2/part' ? 'second way' : undefined),
      planner: (_, level) => ({ logic: 'or', parts: parts(3, `level ${level}`) }),
    })
    const { state } = w.drive('run', w.store(definitionWith({ depth: 2 })))
    assert.equal(state.status, 'completed')
    assert.equal(state.output, 'second way')
    assert.equal(w.count.executions, 3)
  })

  it('`and`: the first part that fails ends it, and the task fails with both reasons', () => {
    const w = world({
      agent: ({ task }, level) => (level > 1 && task === 'part_1/part' ? 'one' : undefined),
      planner: () => ({ logic: 'and', parts: parts(3, 'it') }),
    })
    const { state } = w.drive('run', w.store(definitionWith({ depth: 2 })))
    assert.equal(state.status, 'failed')
    assert.match(state.reason, /no 1; divided into parts: the run of its parts ended as failed/)
    assert.equal(w.count.executions, 3, 'the third part is not begun')
    assert.deepEqual(stops(w.all()).sort(), ['depth_cap', 'parts_failed'])
  })

  it('is not divided unless the definition says so', () => {
    for (const decompose of [false, undefined]) {
      const w = world({ agent: () => undefined, planner: () => assert.fail('nothing is planned') })
      const definition = definitionWith(true, { decompose })
      w.drive('run', w.store(definition))
      assert.ok(!w.all().some(({ type }) => type.startsWith('decomposition')))
    }
  })

  it('takes the nearest word: task, stage, definition', () => {
    const w = world({ agent: (_, level) => (level > 1 ? 'x' : undefined), planner: () => ({ parts: parts(2, 'it') }) })
    const inherited = definitionWith(true, { decompose: undefined }, { decompose: { depth: 2 } })
    assert.equal(w.drive('a', w.store(inherited)).state.status, 'completed')
    const off = definitionWith(false, {}, { decompose: true })
    assert.equal(w.drive('b', w.store(off)).state.status, 'failed')
  })

  it('passes its inputs on, and keeps schema, effect and time-out where they belong', () => {
    const schema = { type: 'object', properties: { n: { type: 'integer' } } }
    const seen: CallAgent[] = []
    const w = world({
      agent: (call, level) => {
        seen.push(call)
        return level === 1 ? undefined : { n: 1 }
      },
      planner: () => ({ logic: 'and', parts: parts(2, 'it') }),
    })
    const task = { input: { text: '="what is given"' }, output_schema: schema, effect: 'pure' as const, timeout: '9s' }
    const { state } = w.drive('run', w.store(definitionWith({ depth: 2 }, task)))
    assert.equal(state.status, 'completed')
    assert.deepEqual(
      seen.map(({ output_schema }) => output_schema !== null),
      [true, false, true],
    )
    assert.ok(
      seen.every(
        ({ effect, timeout_ms, input }) => effect === 'pure' && timeout_ms === 9_000 && input.text !== undefined,
      ),
    )
    assert.deepEqual(stops(w.all()), ['goal_check_passed'])
  })
})

describe('what a result is judged by', () => {
  it('an answer that misses its condition is a failure, and so are parts that do', () => {
    for (const good of [true, false]) {
      const w = world({
        agent: ({ task }, level) => ({ score: good && level > 1 && task === 'part_2/part' ? 9 : 1 }),
        planner: (_, level) => ({ logic: 'and', parts: parts(2, `level ${level}`) }),
      })
      const { state } = w.drive('run', w.store(definitionWith({ depth: 2, success: 'output.score >= 7' })))
      assert.equal(state.status, good ? 'completed' : 'failed')
      if (!good) assert.match(state.reason, /does not fulfil its condition/)
      assert.equal(stops(w.all()).at(-1), good ? 'goal_check_passed' : 'parts_failed')
    }
  })

  it('a condition that cannot be evaluated is not fulfilled', () => {
    const w = world({ agent: () => 'text', planner: () => assert.fail('no') })
    const { state } = w.drive(
      'run',
      w.store(
        definitionWith(
          { nodes: 3, breadth: 2, depth: 2, success: 'output.score > 1' },
          {},
          { budget: { depth: 0, calls: 9 } },
        ),
      ),
    )
    assert.equal(state.status, 'failed')
  })

  it('three parts in a row that give the same end the run of the parts', () => {
    const w = world({
      agent: (_, level) => (level === 1 ? undefined : 'the same'),
      planner: () => ({ logic: 'and', parts: parts(5, 'it') }),
    })
    const { state } = w.drive('run', w.store(definitionWith(true)))
    assert.equal(state.status, 'failed')
    assert.equal(w.count.executions, 4)
    assert.deepEqual(stops(w.all()).sort(), ['no_new_state', 'parts_failed'])
  })
})

describe('a plan that is no progress', () => {
  for (const [what, same] of [
    ['one part', [{ capability: 'work', does: 'DO, the whole!' }]],
    ['the task among its parts', [...parts(1, 'it'), { capability: 'work', does: 'do the WHOLE.' }]],
  ] as const)
    it(`(${what}) is refused, asked for once more with the reason, then the task fails with it`, () => {
      const asked: string[][] = []
      const w = world({
        agent: () => undefined,
        planner: ({ problems }) => {
          asked.push(problems)
          return { parts: [...same] }
        },
      })
      const { state } = w.drive('run', w.store(definitionWith(true)))
      assert.equal(asked.length, 2)
      assert.match(asked[1]?.[0] ?? '', /the whole task/)
      assert.match(state.reason, /no progress: .*the whole task/)
      assert.deepEqual(stops(w.all()), ['same_plan'])
      assert.equal(w.count.executions, 1)
    })

  it('is refused when it is the plan of a task above, whatever stands between', () => {
    const w = world({ agent: () => undefined, planner: () => ({ logic: 'and', parts: parts(2, 'ever the same') }) })
    w.drive('run', w.store(definitionWith({ depth: 4 })))
    assert.equal(w.count.plans, 1)
    assert.ok(stops(w.all()).includes('same_plan'))
  })

  it('one that does not pass is repaired at most twice', () => {
    let asked = 0
    const w = world({
      agent: () => undefined,
      planner: () => {
        asked++
        return { logic: null, problems: ['not readable'] }
      },
    })
    w.drive('run', w.store(definitionWith(true)))
    assert.equal(asked, 3)
    assert.deepEqual(stops(w.all()), ['replans'])
  })

  it('a call of the planner that died with the program is charged in full, made again, and is no re-plan', () => {
    let asked = 0
    const w = world({
      agent: (_, level) => (level === 1 ? undefined : 'x'),
      planner: () => {
        asked++
        if (asked < 4) return { interrupted: true, usage: { input_tokens: null, output_tokens: null, calls: 1 } }
        return { parts: parts(2, 'it') }
      },
    })
    const { state } = w.drive('run', w.store(definitionWith(true, {}, { budget: { calls: 20 } })))
    assert.equal(state.status, 'completed')
    assert.equal(state.budget?.tree.accounts['run']?.spent.calls, 1 + 4 + 2)
  })

  it('without a planner the answer is a clear no', () => {
    const w = world({
      agent: () => undefined,
      planner: () => ({ failure: { kind: 'model_missing', message: 'no model is there' } }),
    })
    const { state } = w.drive('run', w.store(definitionWith(true)))
    assert.match(state.reason, /not divided into parts: no planner could divide it: no model is there/)
    assert.deepEqual(stops(w.all()), ['no_planner'])
  })
})

describe('effects', () => {
  const compensate = { capability: 'undo', instructions: 'Take it back' }
  const order = (events: readonly RunEvent[]) =>
    events.flatMap((event) =>
      event.type === 'task_started'
        ? [event.data.task]
        : event.type === 'decomposition_requested' || event.type === 'task_decomposed'
          ? [event.type]
          : [],
    )

  it('of the failed attempt are undone before anything is planned', () => {
    const w = world({
      agent: (_, level) => (level === 1 ? undefined : 'x'),
      planner: () => ({ parts: parts(2, 'it') }),
    })
    w.drive('run', w.store(definitionWith(true, { effect: 'reconcilable', compensate })))
    assert.deepEqual(order(w.logs.get('run') ?? []), [
      'only/it',
      'only/it~undo_attempt',
      'decomposition_requested',
      'task_decomposed',
    ])
  })

  it('of parts that fail are undone as well; pure work is not', () => {
    for (const effect of ['idempotent', 'pure'] as const) {
      const w = world({ agent: () => undefined, planner: () => ({ parts: parts(2, 'it') }) })
      const { state } = w.drive('run', w.store(definitionWith({ depth: 2 }, { effect, compensate })))
      assert.equal(state.status, 'failed')
      assert.equal(w.count.undone, effect === 'pure' ? 0 : 2)
    }
  })

  it('that cannot be undone are not built upon', () => {
    const course = newCourse('run')
    const definition = definitionWith(true, { effect: 'unsafe', compensate })
    const feed = (input: RunInput) => feedCourse(() => definition, course, input).events
    const failure = { kind: 'agent_failed', message: 'no' } as const
    const failed = (task: string, attempt: number, retryable: boolean): RunInput => ({
      at: attempt,
      type: 'task_failed',
      data: { task, attempt, agent: 'a', failure, retryable, usage, duration_ms: 1, queued_ms: 0, why: '' },
    })
    feed({ at: 0, type: 'run_started', data: { goal: 'g', definition: 'sha256:d', inputs: {}, by: 'test' } })
    feed(failed('only/it', 1, false))
    for (let attempt = 1; attempt <= 4; attempt++) feed(failed('only/it~undo_attempt', attempt, true))
    const last = feed(failed('only/it~undo_attempt', 5, true))
    assert.deepEqual(stops(last), ['not_undone'])
    assert.equal(course.state.status, 'failed')
  })

  it('that nobody knows of are asked about before anything is divided', () => {
    const course = newCourse('run')
    const definition = definitionWith(true, { effect: 'unsafe', compensate })
    const feed = (input: RunInput) => feedCourse(() => definition, course, input).events
    feed({ at: 0, type: 'run_started', data: { goal: 'g', definition: 'sha256:d', inputs: {}, by: 'test' } })
    const unknown = { kind: 'effect_unknown', message: 'did it happen?' } as const
    const data = {
      task: 'only/it',
      attempt: 1,
      agent: 'a',
      failure: unknown,
      retryable: false,
      usage,
      duration_ms: 1,
      queued_ms: 0,
      why: '',
    }
    const events = feed({ at: 1, type: 'task_failed', data })
    assert.ok(events.some(({ type }) => type === 'effect_question'))
    assert.ok(!events.some(({ type }) => type.startsWith('decomposition')))
  })

  it('under way when the run is cancelled are undone at its end', () => {
    const course = newCourse('run')
    const definition = definitionWith(true, { effect: 'unsafe', compensate, decompose: { too_large: true } })
    const feed = (input: RunInput) => feedCourse(() => definition, course, input)
    feed({ at: 0, type: 'run_started', data: { goal: 'g', definition: 'sha256:d', inputs: {}, by: 'test' } })
    const proposed = {
      task: 'only/it',
      attempt: 1,
      logic: 'and' as const,
      parts: parts(2, 'it'),
      definition: 'sha256:p',
      problems: [],
    }
    feed({
      at: 1,
      type: 'decomposition_proposed',
      data: { ...proposed, model: null, usage, analysis: null, raw: null, duration_ms: 1 },
    })
    const { commands, events } = feed({ at: 2, type: 'cancel_requested', data: { by: 'me', reason: '' } })
    assert.ok(commands.some((command) => command.do === 'cancel_child' && command.stage === 'only/it'))
    assert.ok(events.some((event) => event.type === 'compensation_started'))
  })
})

describe('a task that is too large', () => {
  it('is divided without being tried, and tried after all when it cannot be', () => {
    for (const can of [true, false]) {
      const w = world({
        agent: (_, level) => `level ${level}`,
        planner: () => (can ? { parts: parts(2, 'it') } : { failure: { kind: 'model_missing', message: 'no model' } }),
      })
      const { state } = w.drive('run', w.store(definitionWith({ too_large: true })))
      assert.equal(state.status, 'completed')
      assert.equal(state.output, can ? 'level 2' : 'level 1')
    }
  })
})
