// over 400 lines because every way a budget can act on a run is played here with the same few helpers
/** Budgets of a run through its state machine: reserved, settled, told, used up, closed out, raised. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { nothing } from '../budget/amounts.ts'
import { budgetReport } from './budget-view.ts'
import type { CallAgent, PinnedBudget, Step } from './command.ts'
import { type Definition, definitionSchema } from './definition.ts'
import type { EventData, EventType, RunEvent, RunInput, Usage } from './event.ts'
import { type Course, feedCourse, newCourse } from './fold.ts'
import { replay } from './replay.ts'
import { runView } from './run-view.ts'

const definitionWith = (stages: unknown[], more: object = {}): Definition =>
  definitionSchema.parse({ apiVersion: 'quorate/v1', name: 'test', stages, ...more })
const task = (id: string, more: object = {}) => ({ id, capability: 'any', instructions: 'work', attempts: 1, ...more })
const work = (id: string, more: object = {}) => ({ id, kind: 'tasks', tasks: [task('t')], on_failure: 'fail', ...more })

type Game = {
  course: Course
  events: RunEvent[]
  give: (input: Omit<RunInput, 'at'> & { at?: number }) => void
  /** Answers a step; `usage` null = it broke and nobody knows. */
  reply: (call: CallAgent, usage?: Usage | null, output?: string) => void
  calls: () => CallAgent[]
  /** Answers all that is asked, until nothing is. */
  go: (usage?: Usage) => void
}

const usual: Usage = { input_tokens: 10, output_tokens: 10, calls: 1 }

function start(definition: Definition, budget?: PinnedBudget): Game {
  const course = newCourse('run_test')
  const events: RunEvent[] = []
  let at = 1_000
  const give: Game['give'] = (input) => {
    at = input.at ?? at + 10
    events.push(...feedCourse(() => definition, course, { ...input, at } as RunInput).events)
  }
  const calls = () => [...course.owed.values()].filter((step): step is CallAgent => step.do === 'call_agent')
  const reply: Game['reply'] = (call, usage = usual, output = `output of ${call.task}`) => {
    const base = { task: call.task, attempt: call.attempt, duration_ms: 1, queued_ms: 0, why: '' }
    if (usage === null) {
      const failure = { kind: 'agent_failed', message: 'the connection broke' } as const
      const unknown = { input_tokens: null, output_tokens: null, calls: 1 }
      give({ type: 'task_failed', data: { ...base, agent: 'a', failure, retryable: true, usage: unknown } })
    } else
      give({ type: 'task_finished', data: { ...base, agent: 'a', model: null, output, usage, effect_key: call.task } })
  }
  const go: Game['go'] = (usage = usual) => {
    for (;;) {
      const step: Step | undefined = [...course.owed.values()].find(({ do: what }) => what !== 'start_run')
      if (step === undefined) return
      if (step.do === 'call_agent') reply(step, usage)
      else if (step.do === 'collect')
        give({
          type: 'collected',
          data: {
            stage: step.stage,
            output: Object.fromEntries(step.outputs.map(({ task: id, output }) => [id, output])) as never,
            metrics: {
              n: step.n,
              succeeded: step.succeeded,
              failed: step.failed,
              agreement: null,
              tokens: null,
              duration_ms: 1,
            },
          },
        })
      else throw new Error('nothing is planned here')
    }
  }
  give({
    type: 'run_started',
    data: { goal: null, definition: 'sha256:d', inputs: {}, by: 'test', ...(budget === undefined ? {} : { budget }) },
  })
  return { course, events, give, reply, calls, go }
}

const of = <T extends EventType>(events: RunEvent[], type: T): EventData[T][] =>
  events.flatMap((event) => (event.type === type ? [event.data as EventData[T]] : []))
const ended = (events: RunEvent[]) => of(events, 'run_finished')[0]
const account = (game: Game, id = 'run') => game.course.state.budget?.tree.accounts[id]

describe('the budget of a run', () => {
  test('a run without one is as it was: no account, no event, nothing in its calls', () => {
    const game = start(definitionWith([work('a')]))
    assert.equal(game.course.state.budget, undefined)
    assert.deepEqual(
      Object.keys(game.calls()[0] ?? {}).filter((key) => key === 'budget' || key === 'notice'),
      [],
    )
    game.go()
    assert.ok(game.events.every(({ type }) => !type.startsWith('budget')))
  })

  test('is reserved before a call and settled after it; a call that broke is charged in full, and marked', () => {
    const game = start(
      definitionWith([work('a', { tasks: [task('t', { attempts: 2 })] })], { budget: { tokens: 20_000, calls: 9 } }),
    )
    const [call] = game.calls()
    assert.ok(call?.budget !== undefined && call.max_output_tokens !== null)
    assert.deepEqual(account(game)?.reserved, call.budget.amounts)
    game.reply(call, null)
    assert.deepEqual(account(game)?.spent, call.budget.amounts)
    assert.equal(account(game)?.estimated.tokens, call.budget.amounts.tokens)
    game.go()
    assert.equal(account(game)?.spent.tokens, call.budget.amounts.tokens + 20)
    assert.equal(ended(game.events)?.status, 'completed')
    const report = budgetReport(runView(game.events).budget)
    assert.deepEqual(report?.accounts[0]?.spent, { calls: 2, tokens: call.budget.amounts.tokens + 20, money: 0 })
    assert.ok((report?.accounts[0]?.estimated_share ?? 0) > 0.9)
  })

  test('used up: the run says who denied what, lets what is in hand end, and ends as partial with what there is', () => {
    const stages = [
      { id: 'wide', kind: 'tasks', tasks: ['a', 'b', 'c', 'd'].map((id) => task(id)), on_failure: 'fail' },
    ]
    const game = start(definitionWith(stages, { budget: { calls: 2 } }))
    assert.equal(game.calls().length, 2)
    assert.deepEqual(of(game.events, 'budget_denied'), [
      { account: 'run', unit: 'calls', wanted: 1, left: 0, limit: 2, by: 'wide/c' },
    ])
    assert.equal(of(game.events, 'close_out_started')[0]?.in_hand, 2)
    game.go()
    assert.equal(ended(game.events)?.status, 'partial')
    assert.match(ended(game.events)?.reason ?? '', /the budget of 2 calls is used up/)
    assert.deepEqual(ended(game.events)?.output, { wide: { a: 'output of wide/a', b: 'output of wide/b' } })
  })

  test('the close-out is paid from what was kept for it, is given what there is, and its answer is the result', () => {
    const budget = { calls: 3, close_out: { capability: 'synthesis', instructions: 'Write what we know.' } }
    const game = start(definitionWith([work('a'), work('b'), work('c')], { budget }))
    game.go()
    const closing = of(game.events, 'task_finished').at(-1)
    assert.equal(closing?.task, '~close_out/write')
    assert.equal(ended(game.events)?.output, 'output of ~close_out/write')
    assert.equal(account(game)?.spent.calls, 3)
    const asked = of(game.events, 'task_started').at(-1)
    assert.equal(asked?.capability, 'synthesis')
    assert.ok(replay(game.events, () => definitionWith([work('a'), work('b'), work('c')], { budget })).identical)
  })

  test('a close-out that fails still leaves a result; a declared output is not replaced by what others said', () => {
    const budget = { calls: 3, close_out: { agent: 'writer', instructions: 'Write.' } }
    const failing = start(definitionWith([work('a'), work('b'), work('c')], { budget }))
    for (const id of ['a', 'b']) failing.reply(failing.calls().find((call) => call.task === `${id}/t`) as CallAgent)
    failing.reply(failing.calls()[0] as CallAgent, null)
    assert.equal(ended(failing.events)?.output, 'output of b/t')
    const declared = start(definitionWith([work('a'), work('b')], { budget: { calls: 1 }, output: '=b.output.text' }))
    declared.go()
    assert.deepEqual(ended(declared.events)?.output, {
      why_it_ends: 'the budget of 1 call is used up: 0 calls left, 1 call wanted',
      completed_stages: ['a'],
    })
  })

  test('with nothing done there is still something to read', () => {
    const game = start(definitionWith([work('a')], { budget: { tokens: 10 } }))
    assert.equal(game.calls().length, 0)
    assert.equal(ended(game.events)?.status, 'partial')
    assert.deepEqual(Object.keys(ended(game.events)?.output as object), ['why_it_ends', 'completed_stages'])
  })

  test('at two thirds there is a notice, and what follows is told the figures', () => {
    const game = start(definitionWith([work('a'), work('b'), work('c')], { budget: { calls: 3, wall_clock: '1m' } }))
    game.reply(game.calls()[0] as CallAgent)
    assert.equal(game.calls()[0]?.notice, undefined)
    game.reply(game.calls()[0] as CallAgent)
    assert.deepEqual(of(game.events, 'budget_notice'), [{ account: 'run', unit: 'calls', limit: 3, spent: 2, left: 1 }])
    assert.equal(
      game.calls()[0]?.notice,
      '2 calls of 3 calls of the budget of this run are used; besides this call, 0 calls are left.',
    )
    // A notice is no part of what the effect is known by.
    assert.deepEqual(game.calls()[0]?.input, {})
  })

  test('time: two thirds are told, the close-out begins early enough, the end is kept', () => {
    const close_out = { agent: 'writer', instructions: 'Write.', share: 0.25 }
    const loop = { id: 'l', kind: 'loop', max: 99, until: 'false', stages: [work('s')], on_failure: 'fail' }
    const game = start(definitionWith([loop], { budget: { wall_clock: '100s', close_out } }))
    game.give({ at: 68_000, type: 'signal_received', data: { name: 'x', data: null, by: 'me' } })
    game.reply(game.calls()[0] as CallAgent)
    assert.equal(of(game.events, 'budget_notice')[0]?.unit, 'wall_clock')
    game.give({ at: 76_000, type: 'timer_fired', data: { timer: 'budget/close_out' } })
    assert.equal(of(game.events, 'close_out_started').length, 1)
    game.reply(game.calls()[0] as CallAgent)
    assert.equal(game.calls()[0]?.task, '~close_out/write')
    game.give({ at: 101_000, type: 'timer_fired', data: { timer: 'budget/wall_clock' } })
    assert.equal(ended(game.events)?.status, 'partial')
    assert.match(ended(game.events)?.reason ?? '', /wall-clock budget of 1m40s/)
    assert.notEqual(ended(game.events)?.output, null)
  })

  test('a call that is called off while the run goes on is charged in full, as an estimate', () => {
    const both = { id: 'both', kind: 'tasks', tasks: [task('t'), task('u')], min_success: 2, on_failure: 'continue' }
    const game = start(definitionWith([both, work('after')], { budget: { calls: 10, tokens: 100_000 } }))
    const [first, second] = game.calls()
    const reserved = second?.budget?.amounts.tokens ?? 0
    assert.ok(first !== undefined && reserved > 0)
    game.give({
      type: 'task_failed',
      data: {
        task: first.task,
        attempt: 1,
        agent: 'a',
        failure: { kind: 'refused', message: 'no' },
        retryable: false,
        usage: usual,
        duration_ms: 1,
        queued_ms: 0,
        why: '',
      },
    })
    // Nothing waits for the other one any more.
    assert.deepEqual(
      game.calls().map((call) => call.task),
      ['after/t'],
    )
    assert.deepEqual(account(game)?.spent, { calls: 2, tokens: 20 + reserved, money: 0 })
    assert.deepEqual(account(game)?.estimated, { calls: 1, tokens: reserved, money: 0 })
  })

  test('parked, it waits for a person, and goes on where it stood when the budget is raised', () => {
    const game = start(definitionWith([work('a'), work('b')], { budget: { calls: 1, when_used_up: 'park' } }))
    game.go()
    assert.equal(game.course.state.status, 'waiting')
    assert.match(game.course.state.reason, /has to be raised/)
    game.give({ type: 'budget_raised', data: { unit: 'calls', to: 1, by: 'me', reason: 'no more' } })
    assert.equal(game.course.state.status, 'waiting')
    game.give({ type: 'budget_raised', data: { unit: 'calls', to: 2, by: 'me', reason: 'worth it' } })
    game.go()
    assert.equal(ended(game.events)?.status, 'completed')
    assert.deepEqual(budgetReport(runView(game.events).budget)?.raised[1]?.by, 'me')
  })

  test('a raised wall clock runs anew; the old timer that still comes means nothing', () => {
    const game = start(
      definitionWith([{ id: 'w', kind: 'wait', signal: 'go', timeout: '1h' }], { budget: { wall_clock: '1m' } }),
    )
    game.give({ at: 5_000, type: 'budget_raised', data: { unit: 'wall_clock', to: 120_000, by: 'me', reason: 'slow' } })
    game.give({ at: 61_000, type: 'timer_fired', data: { timer: 'budget/wall_clock' } })
    assert.equal(ended(game.events), undefined)
    game.give({ at: 121_000, type: 'timer_fired', data: { timer: 'budget/wall_clock/1' } })
    assert.equal(ended(game.events)?.status, 'partial')
  })

  test('a call that the program left in hand is charged and made again, and counts as no attempt', () => {
    const game = start(definitionWith([work('a')], { budget: { calls: 3 } }))
    const interrupt = (attempt: number) =>
      game.give({
        type: 'task_failed',
        data: {
          task: 'a/t',
          attempt,
          agent: null,
          failure: { kind: 'agent_failed', message: 'Quorate ended' },
          retryable: true,
          interrupted: true,
          usage: { input_tokens: null, output_tokens: null, calls: 1 },
          duration_ms: 0,
          queued_ms: 0,
          why: '',
        },
      })
    interrupt(1)
    interrupt(2)
    assert.equal(account(game)?.spent.calls, 2)
    game.go()
    assert.equal(ended(game.events)?.status, 'completed')
  })

  test('conditions see what is left', () => {
    const decide = {
      id: 'd',
      kind: 'decide',
      cases: [{ when: 'run.calls_left >= 1 && run.money_left > 0.5', then: 'b' }],
      otherwise: 'end',
    }
    const game = start(definitionWith([work('a'), decide, work('b')], { budget: { calls: 2, money: 1 } }))
    game.go()
    assert.deepEqual(of(game.events, 'decision_made')[0]?.then, ['b'])
    assert.equal(ended(game.events)?.status, 'completed')
  })
})

describe('parts and wholes', () => {
  test('a stage has its own budget and draws on that of the run; a loop ends with what it has', () => {
    const loop = {
      id: 'improve',
      kind: 'loop',
      max: 10,
      until: 'false',
      stages: [work('s')],
      budget: { calls: 2 },
      on_failure: 'fail',
    }
    const game = start(definitionWith([loop, work('after')], { budget: { calls: 10 } }))
    game.go()
    assert.equal(ended(game.events)?.status, 'completed')
    assert.equal(account(game, 'improve')?.spent.calls, 2)
    assert.equal(account(game)?.spent.calls, 3)
    assert.match(of(game.events, 'stage_finished').find(({ stage }) => stage === 'improve')?.reason ?? '', /used up/)
  })

  test('accounts of stages within a loop go when their stage has settled: the state does not grow', () => {
    const loop = { id: 'l', kind: 'loop', max: 300, until: 'false', stages: [work('s', { budget: { calls: 1 } })] }
    const game = start(definitionWith([loop], { budget: { calls: 1_000 } }))
    game.go()
    assert.deepEqual(Object.keys(game.course.state.budget?.tree.accounts ?? {}), ['run'])
    assert.equal(account(game)?.spent.calls, 300)
    assert.ok(Object.keys(runView(game.events).budget?.tree.accounts ?? {}).length <= 101)
    assert.ok(replay(game.events, () => definitionWith([loop], { budget: { calls: 1_000 } })).identical)
  })

  test('a stage without a budget of the run around it is limited all the same', () => {
    const stage = { id: 's', kind: 'tasks', tasks: [task('a'), task('b')], budget: { calls: 1 }, on_failure: 'fail' }
    const game = start(definitionWith([stage]))
    game.go()
    assert.equal(ended(game.events)?.status, 'completed')
    assert.equal(of(game.events, 'budget_denied')[0]?.account, 's')
  })

  test('fan-out and depth are kept, and handed down to child runs, one level less', () => {
    const child = { id: 'sub', kind: 'run', definition: 'child' }
    const game = start(definitionWith([child], { budget: { depth: 1, fan_out: 3, tokens: 1_000 } }))
    const [step] = [...game.course.owed.values()]
    assert.ok(step?.do === 'start_run')
    assert.equal(step.budget?.depth, 0)
    assert.equal(step.budget?.fan_out, 3)
    assert.deepEqual(
      step.budget?.outside?.map(({ id, limits }) => [id, limits]),
      [['run:run_test', { tokens: 1_000 }]],
    )
    const deep = start(definitionWith([child]), { depth: 0 })
    assert.equal(of(deep.events, 'budget_denied')[0]?.unit, 'depth')
    assert.equal(ended(deep.events)?.status, 'failed')
    const list = { id: 'each', kind: 'for_each', items: '=[1, 2, 3, 4]', max: 9, stages: [work('s')] }
    const wide = start(definitionWith([list], { budget: { fan_out: 3 } }))
    assert.deepEqual(of(wide.events, 'budget_denied')[0], {
      account: 'run',
      unit: 'fan_out',
      wanted: 4,
      left: 3,
      limit: 3,
      by: 'each',
    })
  })

  test('what a child used is charged to its parent; what the runs above deny ends the child as partial', () => {
    const game = start(
      definitionWith([{ id: 'sub', kind: 'run', definition: 'child' }, work('b')], { budget: { calls: 10 } }),
    )
    game.give({
      type: 'child_finished',
      data: {
        stage: 'sub',
        run: 'run_child',
        status: 'partial',
        output: 'half',
        used: { spent: { ...nothing(), calls: 9 }, estimated: nothing() },
      },
    })
    assert.equal(account(game)?.spent.calls, 9)
    assert.equal(of(game.events, 'budget_notice').length, 1)
    const outside = [{ id: 'run:above', limits: { calls: 1 }, keep: nothing() }]
    const child = start(definitionWith([work('a'), work('b')]), { outside })
    assert.deepEqual(child.calls()[0]?.budget?.accounts, outside)
    child.reply(child.calls()[0] as CallAgent)
    const denied = { account: 'run:above', unit: 'calls' as const, wanted: 1, left: 0, limit: 1 }
    child.give({
      type: 'task_failed',
      data: {
        task: 'b/t',
        attempt: 1,
        agent: 'a',
        denied,
        retryable: false,
        usage: { input_tokens: 0, output_tokens: 0, calls: 0 },
        failure: { kind: 'budget_exhausted', message: 'no' },
        duration_ms: 0,
        queued_ms: 0,
        why: '',
      },
    })
    assert.equal(ended(child.events)?.status, 'partial')
    assert.equal(ended(child.events)?.output, 'output of a/t')
  })

  test('the limits of a request and of the definition: the lower counts', () => {
    const game = start(definitionWith([work('a')], { budget: { calls: 5, tokens: 9_000 } }), {
      limits: { calls: 2, money: 7 },
    })
    assert.deepEqual(account(game)?.limits, { calls: 2, tokens: 9_000, money: 7 })
  })

  test('money is reserved by the dearest price, and settled by what it cost', () => {
    const game = start(definitionWith([work('a')], { budget: { money: 1 } }), { price: { input: 1, output: 10 } })
    const [call] = game.calls()
    assert.ok((call?.budget?.amounts.money ?? 0) > 10 * 4_096)
    game.reply(call as CallAgent, { ...usual, money: 123 })
    assert.equal(account(game)?.spent.money, 123)
  })
})

describe('random runs', () => {
  const replies = fc.array(
    fc.record({ pick: fc.nat(), how: fc.constantFrom('done', 'broke', 'lost', 'died', 'raise') }),
    {
      minLength: 40,
      maxLength: 120,
    },
  )
  const stages = [
    {
      id: 'wide',
      kind: 'tasks',
      tasks: ['a', 'b', 'c', 'd'].map((id) => task(id, { attempts: 3 })),
      on_failure: 'continue',
    },
    {
      id: 'each',
      kind: 'for_each',
      items: '=[1, 2, 3, 4, 5]',
      max: 9,
      stages: [work('s', { budget: { calls: 2 } })],
      on_failure: 'continue',
    },
    { id: 'vote', kind: 'vote', question: 'Which?', options: ['x', 'y'], voters: 3, on_failure: 'continue' },
    {
      id: 'again',
      kind: 'loop',
      max: 4,
      until: 'false',
      stages: [work('s')],
      budget: { calls: 3 },
      on_failure: 'continue',
    },
  ]

  test('whatever is lost, broken, interrupted or raised: never beyond a limit, always a result, and replay gives the same', () => {
    fc.assert(
      fc.property(
        replies,
        fc.integer({ min: 1, max: 25 }),
        fc.integer({ min: 1, max: 60 }),
        fc.boolean(),
        (list, calls, thousands, close) => {
          const budget = {
            calls,
            tokens: thousands * 1_000,
            ...(close ? { close_out: { agent: 'writer', instructions: 'Write.' } } : {}),
          }
          const definition = definitionWith(stages, { budget })
          const game = start(definition)
          const within = (): void => {
            for (const { limits, spent, reserved } of Object.values(game.course.state.budget?.tree.accounts ?? {}))
              for (const unit of ['calls', 'tokens'] as const)
                assert.ok(spent[unit] + reserved[unit] <= (limits[unit] ?? Number.POSITIVE_INFINITY))
          }
          for (const { pick, how } of list) {
            const open = game.calls()
            const call = open[pick % Math.max(1, open.length)]
            if (how === 'raise' && pick % 5 === 0)
              game.give({ type: 'budget_raised', data: { unit: 'calls', to: calls + 1, by: 'me', reason: 'more' } })
            else if (call !== undefined && how === 'broke') game.reply(call, null)
            else if (call !== undefined && how === 'died')
              game.give({
                type: 'task_failed',
                data: {
                  task: call.task,
                  attempt: call.attempt,
                  agent: null,
                  retryable: true,
                  interrupted: true,
                  failure: { kind: 'agent_failed', message: 'ended' },
                  usage: { input_tokens: null, output_tokens: null, calls: 1 },
                  duration_ms: 0,
                  queued_ms: 0,
                  why: '',
                },
              })
            else if (call !== undefined && how === 'done') game.reply(call)
            within()
          }
          game.go()
          within()
          const end = ended(game.events)
          assert.ok(end !== undefined && end.output !== null, JSON.stringify(end))
          assert.deepEqual(game.course.state.budget?.tree.holds, {})
          assert.ok(replay(game.events, () => definition).identical)
          const view = runView(game.events).budget
          assert.deepEqual(view?.tree.accounts['run']?.spent, account(game)?.spent)
        },
      ),
      { numRuns: 150 },
    )
  })
})
