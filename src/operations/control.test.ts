/** Control of runs on the real shell, engine and store: what can be asked of a run while it goes on and after. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Definition, Stage } from '../workflow/definition.ts'
import { isInput, type RunEvent } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'
import { answerAddress, type Desk, definition, endOf, looping, openDesk, task, tasks } from './stand-ins.ts'

let desk: Desk
before(async () => {
  desk = await openDesk()
})
after(() => desk.shell.close())

const asksAt = (run: string, type: RunEvent['type']) => desk.shell.until(run, (event) => event.type === type)

const asking = definition([
  tasks('gather', ['a', 'b']),
  { id: 'gate', kind: 'approval', question: 'Go on?', timeout: '1h', default: 'refuse' },
  tasks('act', ['c']),
])
describe('while it goes on', () => {
  test('approved with a comment; refused with a comment', async () => {
    const run = await desk.start(asking)
    await asksAt(run, 'approval_requested')
    const approval = ((await desk.done('list_approvals', { id: run })).items as { approval: string }[])[0]?.approval
    assert.equal(
      (await desk.refused('answer_approval', { id: run, approval: 'nothing', decision: 'approve' })).kind,
      'not_found',
    )
    await desk.done('answer_approval', { id: run, approval, decision: 'approve', comment: 'looks good' })
    const events = await desk.shell.ended(run)
    assert.equal(endOf(events).status, 'completed')
    assert.ok(
      events.some((event) => event.type === 'stage_finished' && event.data.reason === 'approved: looks good (ann)'),
    )
    assert.equal((await desk.refused('answer_approval', { id: run, approval, decision: 'refuse' })).kind, 'not_found')

    const second = await desk.start(asking)
    await asksAt(second, 'approval_requested')
    await desk.done('answer_approval', { id: second, approval, decision: 'refuse', comment: 'too early' })
    const end = endOf(await desk.shell.ended(second))
    assert.deepEqual([end.status, /too early \(ann\)/.test(end.reason)], ['failed', true])
    assert.ok(!desk.shell.calls.has(`${second}/act/c#1`))
  })

  test('a signal reaches the stage that waits, and one that came too early is kept', async () => {
    const wait = (id: string): Stage => ({ id, kind: 'wait', signal: 'go', timeout: '1h' })
    const run = await desk.start(
      definition([wait('first'), wait('second')], { output: ['=first.output', '=second.output'] }),
    )
    await asksAt(run, 'wait_started')
    for (const data of [{ n: 1 }, 'two']) await desk.done('signal_run', { id: run, name: 'go', data })
    assert.deepEqual(endOf(await desk.shell.ended(run)).output, [{ n: 1 }, 'two'])
    assert.equal((await desk.refused('signal_run', { id: run, name: 'go' })).kind, 'conflict')
  })

  test('pause lets calls end and begins none; resume goes on', async () => {
    let release = (): void => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let began = (): void => undefined
    const called = new Promise<void>((resolve) => {
      began = resolve
    })
    desk.work = async ({ task: address }) => {
      if (address !== 'slow/s') return address
      began()
      return held.then(() => address)
    }
    const run = await desk.start(
      definition([{ id: 'slow', kind: 'tasks', tasks: [task('s', { agent: 'slow' })] }, tasks('after', ['t'])]),
    )
    await called
    await desk.done('pause_run', { id: run, reason: 'lunch' })
    await asksAt(run, 'run_paused')
    release()
    await desk.shell.until(run, (event) => event.type === 'stage_started' && event.data.stage === 'after')
    assert.equal((await desk.shell.store.runs.get(run))?.status, 'paused')
    assert.ok(!desk.shell.calls.has(`${run}/after/t#1`), 'what is asked for waits for the resume')
    await desk.done('resume_run', { id: run })
    const events = await desk.shell.ended(run)
    desk.work = answerAddress
    assert.equal(endOf(events).status, 'completed')
    const at = (type: string, about?: string) =>
      events.findIndex(
        (event) => event.type === type && (about === undefined || JSON.stringify(event.data).includes(about)),
      )
    assert.ok(
      at('run_paused') < at('task_finished', 'slow/s') &&
        at('task_finished', 'slow/s') < at('run_resumed') &&
        at('run_resumed') < at('task_finished', 'after/t'),
    )
  })

  test('a child that has nothing to do tells its parent all the same', async () => {
    const child = definition(
      [{ id: 'over', kind: 'decide', cases: [{ when: 'true', then: 'end' }], otherwise: 'end' }],
      { name: 'child' },
    )
    await desk.done('put_definition', { definition: child })
    const run = await desk.start(definition([{ id: 'inner', kind: 'run', definition: 'child' }]))
    assert.equal(endOf(await desk.shell.ended(run)).status, 'completed')
  })
})

describe('fork', () => {
  test('at every event of a run with loops and parallel stages: the same result, no agent asked again', async () => {
    const source = await desk.start(looping, { subject: 'forks' })
    const events = await desk.shell.ended(source)
    const expected = endOf(events)
    const before = JSON.stringify(events)
    const cuts = events.filter((event) => isInput[event.type]).map((event) => event.seq)
    assert.ok(cuts.length > 12)
    await Promise.all(
      cuts.map(async (at) => {
        const { run_id, forked_from, left_out } = await desk.done('fork_run', { id: source, at })
        const run = String(run_id)
        const log = await desk.shell.ended(run)
        assert.deepEqual([endOf(log).status, endOf(log).output], [expected.status, expected.output], `forked at ${at}`)
        assert.deepEqual(left_out, { total: 0, items: [] })
        const shared = (forked_from as { seq: number }).seq
        for (const event of events)
          if (event.type === 'task_finished' && event.seq <= shared)
            assert.ok(
              !desk.shell.calls.has(`${run}/${event.data.task}#${event.data.attempt}`),
              'what is shared is not done again',
            )
        for (const event of log)
          if (event.type === 'task_started')
            assert.ok((desk.shell.calls.get(`${run}/${event.data.task}#${event.data.attempt}`) ?? 0) <= 1)
        assert.equal((await desk.done('replay_run', { id: run })).identical, true)
        const { cost } = await desk.done('get_run', { id: run })
        const { calls, shared: before } = cost as { calls: number; shared: { calls: number } }
        const row = await desk.shell.store.runs.get(run)
        assert.equal(row?.calls, calls - before.calls, 'its row counts what it used itself')
        assert.equal(row?.calls, [...desk.shell.calls.keys()].filter((call) => call.startsWith(`${run}/`)).length)
        assert.equal((await desk.done('compare_runs', { id: source, other: run })).same, true)
      }),
    )
    assert.equal(
      JSON.stringify(await desk.shell.store.events.read(source, 0, 10_000)),
      before,
      'the source is as it was',
    )
  })

  test('of a run that waits, is paused, was cancelled or has ended; the source goes its own way', async () => {
    const source = await desk.start(asking)
    await asksAt(source, 'approval_requested')
    const fork = async () => String((await desk.done('fork_run', { id: source })).run_id)
    const approve = async (run: string) => {
      await asksAt(run, 'approval_requested')
      await desk.done('answer_approval', { id: run, approval: 'gate', decision: 'approve' })
      assert.equal(endOf(await desk.shell.ended(run)).status, 'completed')
    }
    const waiting = await fork()
    await desk.done('pause_run', { id: source })
    await asksAt(source, 'run_paused')
    const paused = await fork()
    await desk.done('cancel_run', { id: source, reason: 'enough' })
    assert.equal(endOf(await desk.shell.ended(source)).status, 'cancelled')
    const cancelled = await desk.done('fork_run', { id: source })
    assert.deepEqual(
      (cancelled.left_out as { items: { type: string }[] }).items.map((item) => item.type),
      ['pause_requested', 'cancel_requested'],
    )
    for (const run of [waiting, paused, String(cancelled.run_id)]) await approve(run)
    const ended = await desk.done('fork_run', { id: waiting })
    assert.equal(ended.status, 'completed', 'a fork at the end has ended')
    assert.equal((await desk.done('replay_run', { id: String(ended.run_id) })).identical, true)
  })

  test('with another definition and other inputs; what fits no more is listed', async () => {
    const source = await desk.start(looping, { subject: 'old' })
    await desk.shell.ended(source)
    const edited = structuredClone(looping) as Definition
    ;(edited.stages[0] as Extract<Stage, { kind: 'tasks' }>).tasks = [
      task('a'),
      task('z', { input: { about: '=inputs.subject' } }),
    ]
    const seen: Json[] = []
    desk.work = ({ task: address, input }) => {
      if (address === 'gather/z') seen.push(input['about'] ?? null)
      return address
    }
    const { run_id, left_out } = await desk.done('fork_run', {
      id: source,
      definition: edited,
      inputs: { subject: 'new' },
    })
    const log = await desk.shell.ended(String(run_id))
    desk.work = answerAddress
    assert.equal(endOf(log).status, 'completed')
    assert.deepEqual(seen, ['new'])
    assert.ok((left_out as { total: number }).total > 0)
    const compared = await desk.done('compare_runs', { id: source, other: String(run_id) })
    assert.equal(compared.same, false)
    assert.deepEqual(
      (compared.definition as { changes: { path: string }[] }).changes.map((change) => change.path),
      ['stages.gather.tasks.z', 'stages.gather.tasks.b', 'stages.gather.tasks.c'],
    )
    assert.equal((await desk.refused('fork_run', { id: source, inputs: { nothing: 1 } })).field, 'inputs.nothing')
    assert.equal((await desk.refused('fork_run', { id: source, inputs: { subject: 1 } })).field, 'inputs.subject')
    assert.equal((await desk.refused('fork_run', { id: source, definition: 'name: x' })).kind, 'invalid_input')
    assert.equal((await desk.refused('fork_run', { id: source, at: 100_000 })).field, 'at')
    assert.equal((await desk.refused('fork_run', { id: source, at: 1, before_stage: 'gather' })).field, 'at')
    assert.equal((await desk.refused('fork_run', { id: 'run_nothing' })).kind, 'not_found')
  })

  test('the edited definition of a planned run takes the place of the plan', async () => {
    desk.propose = () => ({ definition: definition([tasks('one', ['a'])], { name: 'planned' }) })
    const source = String((await desk.done('create_workflow', { goal: 'anything' })).run_id)
    await desk.shell.ended(source)
    const { run_id } = await desk.done('fork_run', {
      id: source,
      definition: definition([tasks('one', ['a']), tasks('two', ['b'])], { name: 'edited' }),
    })
    const log = await desk.shell.ended(String(run_id))
    assert.ok(!log.some((event) => event.type === 'plan_requested'))
    assert.ok(!desk.shell.calls.has(`${run_id}/one/a#1`) && desk.shell.calls.get(`${run_id}/two/b#1`) === 1)
    const view = await desk.done('get_run', { id: String(run_id) })
    assert.equal((view.definition as { name: string }).name, 'edited')
    assert.equal((view.forked_from as { run: string }).run, source)
  })

  test('retry does the stage and what follows again, and keeps what came before', async () => {
    let broken = true
    desk.work = ({ task: address }) => {
      if (broken && address === 'second/b') throw new Error('the printer is on fire')
      return address
    }
    const source = await desk.start(definition([tasks('first', ['a']), tasks('second', ['b']), tasks('third', ['c'])]))
    assert.equal(endOf(await desk.shell.ended(source)).status, 'failed')
    broken = false
    const { run_id } = await desk.done('retry_run', { id: source, stage: 'second' })
    assert.equal(endOf(await desk.shell.ended(String(run_id))).status, 'completed')
    desk.work = answerAddress
    assert.deepEqual(
      [
        desk.shell.calls.has(`${run_id}/first/a#1`),
        desk.shell.calls.get(`${run_id}/second/b#1`),
        desk.shell.calls.get(`${run_id}/third/c#1`),
      ],
      [false, 1, 1],
    )
    const failure = await desk.refused('retry_run', { id: source, stage: 'secnd' })
    assert.deepEqual([failure.kind, failure.remedy], ['not_found', 'did you mean second?'])
    assert.equal(
      (await desk.refused('retry_run', { id: source, stage: 'third' })).kind,
      'not_found',
      'it was never reached',
    )
  })

  test('a timer has as much left as it had; a request repeated under its key makes one fork', async () => {
    const source = await desk.start(definition([{ id: 'pause', kind: 'timer', for: '300ms' }, tasks('after', ['a'])]))
    await desk.shell.ended(source)
    const one = await desk.ask('fork_run', { id: source, at: 1 }, 'same-key')
    const two = await desk.ask('fork_run', { id: source, at: 1 }, 'same-key')
    assert.ok(one.ok && two.ok)
    assert.equal(one.value.run_id, two.value.run_id)
    const log = await desk.shell.ended(String(one.value.run_id))
    const fired = log.find((event) => event.type === 'timer_fired')
    assert.ok((fired?.at ?? 0) - (log[0]?.at ?? 0) >= 300)
  })

  test('what the source has undone is done again', async () => {
    let broken = true
    desk.work = ({ task: address }) => {
      if (broken && address === 'hotel/h') throw new Error('fully booked')
      return address
    }
    const book = (id: string, each: string): Stage => ({
      id,
      kind: 'tasks',
      tasks: [task(each, { compensate: { agent: 'quick', instructions: 'Cancel it.' } })],
    })
    const source = await desk.start(definition([book('flight', 'f'), book('hotel', 'h')]))
    assert.equal(endOf(await desk.shell.ended(source)).status, 'failed')
    assert.equal(desk.shell.calls.get(`${source}/flight/f~undo#1`), 1)
    broken = false
    const { run_id, left_out } = await desk.done('retry_run', { id: source, stage: 'hotel' })
    assert.equal(endOf(await desk.shell.ended(String(run_id))).status, 'completed')
    desk.work = answerAddress
    assert.equal(desk.shell.calls.get(`${run_id}/flight/f#1`), 1)
    assert.match(JSON.stringify(left_out), /flight\/f#1.*undone/)
  })
})
