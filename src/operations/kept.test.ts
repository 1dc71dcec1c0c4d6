/** What is kept of runs: logs that replay, plans, templates, versions; on the real shell, engine and store. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Definition } from '../workflow/definition.ts'
import type { RunEvent } from '../workflow/event.ts'
import { type Desk, definition, looping, openDesk, tasks } from './stand-ins.ts'

let desk: Desk
before(async () => {
  desk = await openDesk()
})
after(() => desk.shell.close())

describe('replay', () => {
  test('says where a log was damaged', async () => {
    const run = await desk.start(looping)
    const events = await desk.shell.ended(run)
    const whole = await desk.done('replay_run', { id: run, state: true })
    assert.deepEqual([whole.identical, whole.events, whole.first_difference], [true, events.length, null])
    assert.equal((whole.state as { status: string }).status, 'completed')
    const victim = events.find((event) => event.type === 'decision_made')
    const copy = `run_00000000-0000-7000-8000-00000000beef`
    const row = await desk.shell.store.runs.get(run)
    assert.ok(row !== null && victim !== undefined)
    const forged = events.map(
      (event) =>
        ({
          ...event,
          run: copy,
          ...(event.seq === victim.seq && { data: { ...victim.data, reason: 'forged' } }),
        }) as RunEvent,
    )
    assert.ok((await desk.shell.store.runs.create({ ...row, id: copy }, forged)).ok)
    const replayed = await desk.done('replay_run', { id: copy })
    assert.deepEqual([replayed.identical, (replayed.first_difference as { seq: number }).seq], [false, victim.seq])
    const short = `run_00000000-0000-7000-8000-00000000dead`
    assert.ok(
      (
        await desk.shell.store.runs.create(
          { ...row, id: short, calls: row.calls + 1 },
          events.map((event) => ({ ...event, run: short })),
        )
      ).ok,
    )
    assert.deepEqual((await desk.done('replay_run', { id: short })).row_differences, [
      { field: 'calls', stored: row.calls + 1, derived: row.calls },
    ])
  })
})

describe('plans and definitions', () => {
  test('a plan is made without a run: tries with their problems, then a template; stored only when asked', async () => {
    const good = definition([tasks('one', ['a'])], { name: 'repaired_plan' })
    desk.propose = ({ attempt }) => (attempt < 3 ? { problems: [`problem ${attempt}`] } : { definition: good })
    const before = (await desk.shell.store.runs.list({ limit: 1 })).total
    const made = await desk.done('plan', { goal: 'Do something' })
    assert.deepEqual([made.source, made.stored, made.definition], ['repaired', null, good])
    assert.deepEqual(
      (made.attempts as { problems: string[] }[]).map(({ problems }) => problems),
      [['problem 1'], ['problem 2'], []],
    )
    assert.match(String(made.yaml), /^apiVersion: quorate\/v1\nname: repaired_plan\n/)
    assert.ok((made.warnings as unknown[]).length > 0, 'a stage without an answer to failure is worth a warning')
    assert.equal(await desk.shell.store.definitions.get('repaired_plan'), null)
    assert.equal(
      ((await desk.done('plan', { goal: 'Do something', save: true })).stored as { version: number }).version,
      1,
    )
    assert.equal((await desk.shell.store.runs.list({ limit: 1 })).total, before)

    desk.propose = ({ template, problems }) => (template ? { definition: good } : { problems: [...problems, 'no'] })
    const fallen = await desk.done('plan', { goal: 'Do something' })
    assert.deepEqual([fallen.source, (fallen.attempts as unknown[]).length], ['template', 4])
    desk.propose = () => ({ failure: { kind: 'model_missing', message: 'no model' } })
    const failure = await desk.refused('plan', { goal: 'Do something' })
    assert.equal(failure.kind, 'unavailable')
    assert.deepEqual(
      failure.problems?.map(({ message }) => message),
      ['attempt 1: no model', 'attempt 2: no model'],
    )
  })

  test('a run saved as a template runs again on another goal', async () => {
    desk.propose = () => ({
      definition: definition([tasks('one', ['a'])], { name: 'planned_once', goal: 'first goal' }),
    })
    const run = String(
      (await desk.done('create_workflow', { goal: 'first goal', inputs: { size: 3, text: 'x'.repeat(9_000) } })).run_id,
    )
    await desk.shell.ended(run)
    const saved = await desk.done('save_as_template', { id: run, name: 'my_template' })
    assert.deepEqual([saved.name, saved.version, saved.by], ['my_template', 1, 'ann'])
    const { definition: stored } = (await desk.done('get_definition', { reference: 'my_template' })) as unknown as {
      definition: Definition
    }
    assert.deepEqual(stored.inputs, {
      goal: { type: 'text', default: 'first goal' },
      size: { type: 'number', default: 3 },
      text: { type: 'any', required: true },
    })
    assert.deepEqual(
      await desk.done('save_as_template', { id: run, name: 'my_template' }),
      saved,
      'once more is the same',
    )
    assert.equal(
      (await desk.refused('create_workflow', { definition: 'my_template', goal: 'second' })).field,
      'inputs.text',
    )
    const again = String(
      (await desk.done('create_workflow', { definition: 'my_template', goal: 'second', inputs: { text: 'short' } }))
        .run_id,
    )
    const log = await desk.shell.ended(again)
    assert.deepEqual(
      log[0]?.type === 'run_started' && [log[0].data.goal, log[0].data.inputs['goal'], log[0].data.inputs['size']],
      ['second', 'second', 3],
    )
    assert.equal(
      (await desk.refused('save_as_template', { id: await desk.start(looping), name: 'my_template' })).kind,
      'conflict',
    )
  })

  test('versions, their differences, and an old one restored with who and why', async () => {
    const version = (max: number) =>
      definition([{ id: 'improve', kind: 'loop', max, until: 'iteration >= 2', stages: [tasks('write', ['d'])] }], {
        name: 'versioned',
      })
    for (const max of [3, 4]) await desk.done('put_definition', { definition: version(max), note: `max ${max}` })
    const diff = await desk.done('diff_definitions', { reference: 'versioned@1', other: 'versioned' })
    assert.deepEqual(diff.changes, [
      { change: 'changed', path: 'stages.improve.max', stage: 'improve', task: null, field: 'max', old: 3, new: 4 },
    ])
    const restored = await desk.done('restore_definition', { reference: 'versioned@1', note: 'four was too much' })
    assert.deepEqual(
      [restored.version, restored.by, restored.note],
      [3, 'ann', 'restores version 1: four was too much'],
    )
    assert.equal((await desk.done('diff_definitions', { reference: 'versioned@1', other: 'versioned' })).same, true)
    assert.deepEqual(
      ((await desk.done('list_versions', { name: 'versioned' })).items as { version: number }[]).map(
        (each) => each.version,
      ),
      [3, 2, 1],
    )
    assert.equal((await desk.refused('restore_definition', { reference: 'versioned@3' })).kind, 'conflict')
    const back = await desk.done('put_definition', { definition: version(4) })
    assert.deepEqual([back.version, back.note], [4, 'version 2 stored again'], 'what is stored is the latest')
    assert.equal((await desk.done('put_definition', { definition: version(4) })).version, 4, 'once')
    assert.equal((await desk.refused('restore_definition', { reference: 'nothing' })).kind, 'not_found')
    assert.equal((await desk.refused('list_versions', { name: 'nothing' })).kind, 'not_found')
    assert.equal((await desk.refused('diff_definitions', { reference: 'versioned', other: 'nothing' })).field, 'other')
  })
})
