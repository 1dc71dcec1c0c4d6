/** Control of runs on the real shell, engine and store: what can be asked of a run while it goes on and after. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openTestShell, type TestShell } from '../durable/stand-ins.ts'
import type { Failure } from '../failure.ts'
import type { Attempt } from '../fleet/fleet.ts'
import type { PlanProposal, PlanRequest } from '../planning/planner.ts'
import type { Definition, Stage } from '../workflow/definition.ts'
import { isInput, type RunEvent } from '../workflow/event.ts'
import type { Json } from '../workflow/value.ts'
import { operations } from './all.ts'
import { checkInput } from './check-input.ts'
import type { OperationContext } from './operation.ts'

let shell: TestShell
/** What agents do; a test may set its own for its tasks. */
let work: (attempt: Attempt, signal: AbortSignal) => Json | Promise<Json> = ({ task }) => task
let propose: (request: PlanRequest) => Partial<PlanProposal> = () => ({})
/** Stands in for the planner: what the test says, on top of a proposal that proposes nothing. */
const planned = async (request: PlanRequest): Promise<PlanProposal> => ({
  source: request.template ? 'template' : 'model',
  definition: null,
  problems: [],
  analysis: null,
  model: 'm',
  usage: { input_tokens: 1, output_tokens: 1, calls: 1 },
  raw: null,
  duration_ms: 1,
  ...propose(request),
})

before(async () => {
  shell = await openTestShell({
    work: (attempt, signal) => work(attempt, signal),
    planner: { propose: planned },
  })
})
after(() => shell.close())

type Answer = { [field: string]: unknown }
type Asked = { ok: true; value: Answer } | { ok: false; failure: Failure }

async function ask(name: string, input: object, request_key?: string): Promise<Asked> {
  const operation = operations.find((each) => each.name === name)
  assert.ok(operation !== undefined, name)
  const checked = checkInput(operation, input)
  if (!checked.ok) return checked
  const context = {
    ...shell,
    version: '0',
    started_at: 0,
    now: Date.now,
    actor: 'ann',
    signal: new AbortController().signal,
    planner: { propose: planned },
    ...(request_key !== undefined && { request_key }),
  }
  const answer = await operation.run(context as unknown as OperationContext, checked.value)
  return answer.ok ? { ok: true, value: operation.output.parse(answer.value) as Answer } : answer
}
async function done(name: string, input: object): Promise<Answer> {
  const answer = await ask(name, input)
  assert.ok(answer.ok, `${name}: ${answer.ok ? '' : JSON.stringify(answer.failure)}`)
  return answer.value
}
async function refused(name: string, input: object): Promise<Failure> {
  const answer = await ask(name, input)
  assert.ok(!answer.ok, `${name} was not refused`)
  return answer.failure
}

const task = (id: string, more = {}) => ({ id, agent: 'quick', instructions: `Work of ${id}.`, ...more })
const definition = (stages: Stage[], more: Partial<Definition> = {}): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'controlled',
  stages,
  ...more,
})
const tasks = (id: string, ids: string[], more = {}): Stage => ({
  id,
  kind: 'tasks',
  tasks: ids.map((each) => task(each)),
  ...more,
})
const start = async (used: Definition, inputs = {}): Promise<string> =>
  String((await done('create_workflow', { definition: used, inputs })).run_id)
const endOf = (events: RunEvent[]) => {
  const last = events.at(-1)
  assert.ok(last?.type === 'run_finished')
  return last.data
}
const asksAt = (run: string, type: RunEvent['type']) => shell.until(run, (event) => event.type === type)

const asking = definition([
  tasks('gather', ['a', 'b']),
  { id: 'gate', kind: 'approval', question: 'Go on?', timeout: '1h', default: 'refuse' },
  tasks('act', ['c']),
])
const looping = definition(
  [
    tasks('gather', ['a', 'b', 'c']),
    tasks('beside', ['x'], { needs: [] }),
    {
      id: 'improve',
      kind: 'loop',
      needs: ['gather'],
      max: 3,
      until: 'iteration >= 2',
      stages: [tasks('write', ['d', 'e']), tasks('check', ['f'])],
    },
    { id: 'enough', kind: 'decide', cases: [{ when: 'gather.failed > 0', then: 'end' }], otherwise: 'finish' },
    tasks('finish', ['g'], { needs: ['improve', 'beside'] }),
  ],
  {
    output: { improve: '=improve.output', finish: '=finish.output' },
    inputs: { subject: { type: 'text', default: 'things' } },
  },
)

describe('while it goes on', () => {
  test('approved with a comment; refused with a comment', async () => {
    const run = await start(asking)
    await asksAt(run, 'approval_requested')
    const approval = ((await done('list_approvals', { id: run })).items as { approval: string }[])[0]?.approval
    assert.equal(
      (await refused('answer_approval', { id: run, approval: 'nothing', decision: 'approve' })).kind,
      'not_found',
    )
    await done('answer_approval', { id: run, approval, decision: 'approve', comment: 'looks good' })
    const events = await shell.ended(run)
    assert.equal(endOf(events).status, 'completed')
    assert.ok(
      events.some((event) => event.type === 'stage_finished' && event.data.reason === 'approved: looks good (ann)'),
    )
    assert.equal((await refused('answer_approval', { id: run, approval, decision: 'refuse' })).kind, 'not_found')

    const second = await start(asking)
    await asksAt(second, 'approval_requested')
    await done('answer_approval', { id: second, approval, decision: 'refuse', comment: 'too early' })
    const end = endOf(await shell.ended(second))
    assert.deepEqual([end.status, /too early \(ann\)/.test(end.reason)], ['failed', true])
    assert.ok(!shell.calls.has(`${second}/act/c#1`))
  })

  test('a signal reaches the stage that waits, and one that came too early is kept', async () => {
    const wait = (id: string): Stage => ({ id, kind: 'wait', signal: 'go', timeout: '1h' })
    const run = await start(
      definition([wait('first'), wait('second')], { output: ['=first.output', '=second.output'] }),
    )
    await asksAt(run, 'wait_started')
    for (const data of [{ n: 1 }, 'two']) await done('signal_run', { id: run, name: 'go', data })
    assert.deepEqual(endOf(await shell.ended(run)).output, [{ n: 1 }, 'two'])
    assert.equal((await refused('signal_run', { id: run, name: 'go' })).kind, 'conflict')
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
    work = async ({ task: address }) => {
      if (address !== 'slow/s') return address
      began()
      return held.then(() => address)
    }
    const run = await start(
      definition([{ id: 'slow', kind: 'tasks', tasks: [task('s', { agent: 'slow' })] }, tasks('after', ['t'])]),
    )
    await called
    await done('pause_run', { id: run, reason: 'lunch' })
    await asksAt(run, 'run_paused')
    release()
    await shell.until(run, (event) => event.type === 'stage_started' && event.data.stage === 'after')
    assert.equal((await shell.store.runs.get(run))?.status, 'paused')
    assert.ok(!shell.calls.has(`${run}/after/t#1`), 'what is asked for waits for the resume')
    await done('resume_run', { id: run })
    const events = await shell.ended(run)
    work = ({ task: address }) => address
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
    await done('put_definition', { definition: child })
    const run = await start(definition([{ id: 'inner', kind: 'run', definition: 'child' }]))
    assert.equal(endOf(await shell.ended(run)).status, 'completed')
  })
})

describe('fork', () => {
  test('at every event of a run with loops and parallel stages: the same result, no agent asked again', async () => {
    const source = await start(looping, { subject: 'forks' })
    const events = await shell.ended(source)
    const expected = endOf(events)
    const before = JSON.stringify(events)
    const cuts = events.filter((event) => isInput[event.type]).map((event) => event.seq)
    assert.ok(cuts.length > 12)
    await Promise.all(
      cuts.map(async (at) => {
        const { run_id, forked_from, left_out } = await done('fork_run', { id: source, at })
        const run = String(run_id)
        const log = await shell.ended(run)
        assert.deepEqual([endOf(log).status, endOf(log).output], [expected.status, expected.output], `forked at ${at}`)
        assert.deepEqual(left_out, { total: 0, items: [] })
        const shared = (forked_from as { seq: number }).seq
        for (const event of events)
          if (event.type === 'task_finished' && event.seq <= shared)
            assert.ok(
              !shell.calls.has(`${run}/${event.data.task}#${event.data.attempt}`),
              'what is shared is not done again',
            )
        for (const event of log)
          if (event.type === 'task_started')
            assert.ok((shell.calls.get(`${run}/${event.data.task}#${event.data.attempt}`) ?? 0) <= 1)
        assert.equal((await done('replay_run', { id: run })).identical, true)
        assert.equal((await done('compare_runs', { id: source, other: run })).same, true)
      }),
    )
    assert.equal(JSON.stringify(await shell.store.events.read(source, 0, 10_000)), before, 'the source is as it was')
  })

  test('of a run that waits, is paused, was cancelled or has ended; the source goes its own way', async () => {
    const source = await start(asking)
    await asksAt(source, 'approval_requested')
    const fork = async () => String((await done('fork_run', { id: source })).run_id)
    const approve = async (run: string) => {
      await asksAt(run, 'approval_requested')
      await done('answer_approval', { id: run, approval: 'gate', decision: 'approve' })
      assert.equal(endOf(await shell.ended(run)).status, 'completed')
    }
    const waiting = await fork()
    await done('pause_run', { id: source })
    await asksAt(source, 'run_paused')
    const paused = await fork()
    await done('cancel_run', { id: source, reason: 'enough' })
    assert.equal(endOf(await shell.ended(source)).status, 'cancelled')
    const cancelled = await done('fork_run', { id: source })
    assert.deepEqual(
      (cancelled.left_out as { items: { type: string }[] }).items.map((item) => item.type),
      ['pause_requested', 'cancel_requested'],
    )
    for (const run of [waiting, paused, String(cancelled.run_id)]) await approve(run)
    const ended = await done('fork_run', { id: waiting })
    assert.equal(ended.status, 'completed', 'a fork at the end has ended')
    assert.equal((await done('replay_run', { id: String(ended.run_id) })).identical, true)
  })

  test('with another definition and other inputs; what fits no more is listed', async () => {
    const source = await start(looping, { subject: 'old' })
    await shell.ended(source)
    const edited = structuredClone(looping) as Definition
    ;(edited.stages[0] as Extract<Stage, { kind: 'tasks' }>).tasks = [
      task('a'),
      task('z', { input: { about: '=inputs.subject' } }),
    ]
    const seen: Json[] = []
    work = ({ task: address, input }) => {
      if (address === 'gather/z') seen.push(input['about'] ?? null)
      return address
    }
    const { run_id, left_out } = await done('fork_run', { id: source, definition: edited, inputs: { subject: 'new' } })
    const log = await shell.ended(String(run_id))
    work = ({ task: address }) => address
    assert.equal(endOf(log).status, 'completed')
    assert.deepEqual(seen, ['new'])
    assert.ok((left_out as { total: number }).total > 0)
    const compared = await done('compare_runs', { id: source, other: String(run_id) })
    assert.equal(compared.same, false)
    assert.deepEqual(
      (compared.definition as { changes: { path: string }[] }).changes.map((change) => change.path),
      ['stages.gather.tasks.z', 'stages.gather.tasks.b', 'stages.gather.tasks.c'],
    )
    assert.equal((await refused('fork_run', { id: source, inputs: { nothing: 1 } })).field, 'inputs.nothing')
    assert.equal((await refused('fork_run', { id: source, inputs: { subject: 1 } })).field, 'inputs.subject')
    assert.equal((await refused('fork_run', { id: source, definition: 'name: x' })).kind, 'invalid_input')
    assert.equal((await refused('fork_run', { id: source, at: 100_000 })).field, 'at')
    assert.equal((await refused('fork_run', { id: source, at: 1, before_stage: 'gather' })).field, 'at')
    assert.equal((await refused('fork_run', { id: 'run_nothing' })).kind, 'not_found')
  })

  test('the edited definition of a planned run takes the place of the plan', async () => {
    propose = () => ({ definition: definition([tasks('one', ['a'])], { name: 'planned' }) })
    const source = String((await done('create_workflow', { goal: 'anything' })).run_id)
    await shell.ended(source)
    const { run_id } = await done('fork_run', {
      id: source,
      definition: definition([tasks('one', ['a']), tasks('two', ['b'])], { name: 'edited' }),
    })
    const log = await shell.ended(String(run_id))
    assert.ok(!log.some((event) => event.type === 'plan_requested'))
    assert.ok(!shell.calls.has(`${run_id}/one/a#1`) && shell.calls.get(`${run_id}/two/b#1`) === 1)
    const view = await done('get_run', { id: String(run_id) })
    assert.equal((view.definition as { name: string }).name, 'edited')
    assert.equal((view.forked_from as { run: string }).run, source)
  })

  test('retry does the stage and what follows again, and keeps what came before', async () => {
    let broken = true
    work = ({ task: address }) => {
      if (broken && address === 'second/b') throw new Error('the printer is on fire')
      return address
    }
    const source = await start(definition([tasks('first', ['a']), tasks('second', ['b']), tasks('third', ['c'])]))
    assert.equal(endOf(await shell.ended(source)).status, 'failed')
    broken = false
    const { run_id } = await done('retry_run', { id: source, stage: 'second' })
    assert.equal(endOf(await shell.ended(String(run_id))).status, 'completed')
    work = ({ task: address }) => address
    assert.deepEqual(
      [
        shell.calls.has(`${run_id}/first/a#1`),
        shell.calls.get(`${run_id}/second/b#1`),
        shell.calls.get(`${run_id}/third/c#1`),
      ],
      [false, 1, 1],
    )
    const failure = await refused('retry_run', { id: source, stage: 'secnd' })
    assert.deepEqual([failure.kind, failure.remedy], ['not_found', 'did you mean second?'])
    assert.equal((await refused('retry_run', { id: source, stage: 'third' })).kind, 'not_found', 'it was never reached')
  })

  test('a timer has as much left as it had; a request repeated under its key makes one fork', async () => {
    const source = await start(definition([{ id: 'pause', kind: 'timer', for: '300ms' }, tasks('after', ['a'])]))
    await shell.ended(source)
    const one = await ask('fork_run', { id: source, at: 1 }, 'same-key')
    const two = await ask('fork_run', { id: source, at: 1 }, 'same-key')
    assert.ok(one.ok && two.ok)
    assert.equal(one.value.run_id, two.value.run_id)
    const log = await shell.ended(String(one.value.run_id))
    const fired = log.find((event) => event.type === 'timer_fired')
    assert.ok((fired?.at ?? 0) - (log[0]?.at ?? 0) >= 300)
  })

  test('what the source has undone is done again', async () => {
    let broken = true
    work = ({ task: address }) => {
      if (broken && address === 'hotel/h') throw new Error('fully booked')
      return address
    }
    const book = (id: string, each: string): Stage => ({
      id,
      kind: 'tasks',
      tasks: [task(each, { compensate: { agent: 'quick', instructions: 'Cancel it.' } })],
    })
    const source = await start(definition([book('flight', 'f'), book('hotel', 'h')]))
    assert.equal(endOf(await shell.ended(source)).status, 'failed')
    assert.equal(shell.calls.get(`${source}/flight/f~undo#1`), 1)
    broken = false
    const { run_id, left_out } = await done('retry_run', { id: source, stage: 'hotel' })
    assert.equal(endOf(await shell.ended(String(run_id))).status, 'completed')
    work = ({ task: address }) => address
    assert.equal(shell.calls.get(`${run_id}/flight/f#1`), 1)
    assert.match(JSON.stringify(left_out), /flight\/f#1.*undone/)
  })
})

describe('replay', () => {
  test('says where a log was damaged', async () => {
    const run = await start(looping)
    const events = await shell.ended(run)
    const whole = await done('replay_run', { id: run, state: true })
    assert.deepEqual([whole.identical, whole.events, whole.first_difference], [true, events.length, null])
    assert.equal((whole.state as { status: string }).status, 'completed')
    const victim = events.find((event) => event.type === 'decision_made')
    const copy = `run_00000000-0000-7000-8000-00000000beef`
    const row = await shell.store.runs.get(run)
    assert.ok(row !== null && victim !== undefined)
    const forged = events.map(
      (event) =>
        ({
          ...event,
          run: copy,
          ...(event.seq === victim.seq && { data: { ...victim.data, reason: 'forged' } }),
        }) as RunEvent,
    )
    assert.ok((await shell.store.runs.create({ ...row, id: copy }, forged)).ok)
    const replayed = await done('replay_run', { id: copy })
    assert.deepEqual([replayed.identical, (replayed.first_difference as { seq: number }).seq], [false, victim.seq])
    const short = `run_00000000-0000-7000-8000-00000000dead`
    assert.ok(
      (
        await shell.store.runs.create(
          { ...row, id: short, calls: row.calls + 1 },
          events.map((event) => ({ ...event, run: short })),
        )
      ).ok,
    )
    assert.deepEqual((await done('replay_run', { id: short })).row_differences, [
      { field: 'calls', stored: row.calls + 1, derived: row.calls },
    ])
  })
})

describe('plans and definitions', () => {
  test('a plan is made without a run: tries with their problems, then a template; stored only when asked', async () => {
    const good = definition([tasks('one', ['a'])], { name: 'repaired_plan' })
    propose = ({ attempt }) => (attempt < 3 ? { problems: [`problem ${attempt}`] } : { definition: good })
    const before = (await shell.store.runs.list({ limit: 1 })).total
    const made = await done('plan', { goal: 'Do something' })
    assert.deepEqual([made.source, made.stored, made.definition], ['repaired', null, good])
    assert.deepEqual(
      (made.attempts as { problems: string[] }[]).map(({ problems }) => problems),
      [['problem 1'], ['problem 2'], []],
    )
    assert.match(String(made.yaml), /^apiVersion: quorate\/v1\nname: repaired_plan\n/)
    assert.ok((made.warnings as unknown[]).length > 0, 'a stage without an answer to failure is worth a warning')
    assert.equal(await shell.store.definitions.get('repaired_plan'), null)
    assert.equal(((await done('plan', { goal: 'Do something', save: true })).stored as { version: number }).version, 1)
    assert.equal((await shell.store.runs.list({ limit: 1 })).total, before)

    propose = ({ template, problems }) => (template ? { definition: good } : { problems: [...problems, 'no'] })
    const fallen = await done('plan', { goal: 'Do something' })
    assert.deepEqual([fallen.source, (fallen.attempts as unknown[]).length], ['template', 4])
    propose = () => ({ failure: { kind: 'model_missing', message: 'no model' } })
    const failure = await refused('plan', { goal: 'Do something' })
    assert.equal(failure.kind, 'unavailable')
    assert.deepEqual(
      failure.problems?.map(({ message }) => message),
      ['attempt 1: no model', 'attempt 2: no model'],
    )
  })

  test('a run saved as a template runs again on another goal', async () => {
    propose = () => ({ definition: definition([tasks('one', ['a'])], { name: 'planned_once', goal: 'first goal' }) })
    const run = String(
      (await done('create_workflow', { goal: 'first goal', inputs: { size: 3, text: 'x'.repeat(9_000) } })).run_id,
    )
    await shell.ended(run)
    const saved = await done('save_as_template', { id: run, name: 'my_template' })
    assert.deepEqual([saved.name, saved.version, saved.by], ['my_template', 1, 'ann'])
    const { definition: stored } = (await done('get_definition', { reference: 'my_template' })) as unknown as {
      definition: Definition
    }
    assert.deepEqual(stored.inputs, {
      goal: { type: 'text', default: 'first goal' },
      size: { type: 'number', default: 3 },
      text: { type: 'any', required: true },
    })
    assert.deepEqual(await done('save_as_template', { id: run, name: 'my_template' }), saved, 'once more is the same')
    assert.equal((await refused('create_workflow', { definition: 'my_template', goal: 'second' })).field, 'inputs.text')
    const again = String(
      (await done('create_workflow', { definition: 'my_template', goal: 'second', inputs: { text: 'short' } })).run_id,
    )
    const log = await shell.ended(again)
    assert.deepEqual(
      log[0]?.type === 'run_started' && [log[0].data.goal, log[0].data.inputs['goal'], log[0].data.inputs['size']],
      ['second', 'second', 3],
    )
    assert.equal(
      (await refused('save_as_template', { id: await start(looping), name: 'my_template' })).kind,
      'conflict',
    )
  })

  test('versions, their differences, and an old one restored with who and why', async () => {
    const version = (max: number) =>
      definition([{ id: 'improve', kind: 'loop', max, until: 'iteration >= 2', stages: [tasks('write', ['d'])] }], {
        name: 'versioned',
      })
    for (const max of [3, 4]) await done('put_definition', { definition: version(max), note: `max ${max}` })
    const diff = await done('diff_definitions', { reference: 'versioned@1', other: 'versioned' })
    assert.deepEqual(diff.changes, [
      { change: 'changed', path: 'stages.improve.max', stage: 'improve', task: null, field: 'max', old: 3, new: 4 },
    ])
    const restored = await done('restore_definition', { reference: 'versioned@1', note: 'four was too much' })
    assert.deepEqual(
      [restored.version, restored.by, restored.note],
      [3, 'ann', 'restores version 1: four was too much'],
    )
    assert.equal((await done('diff_definitions', { reference: 'versioned@1', other: 'versioned' })).same, true)
    assert.deepEqual(
      ((await done('list_versions', { name: 'versioned' })).items as { version: number }[]).map((each) => each.version),
      [3, 2, 1],
    )
    assert.equal((await refused('restore_definition', { reference: 'versioned@3' })).kind, 'conflict')
    assert.equal((await refused('restore_definition', { reference: 'nothing' })).kind, 'not_found')
    assert.equal((await refused('list_versions', { name: 'nothing' })).kind, 'not_found')
    assert.equal((await refused('diff_definitions', { reference: 'versioned', other: 'nothing' })).field, 'other')
  })
})
