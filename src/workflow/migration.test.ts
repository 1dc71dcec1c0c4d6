/** Which changes of a definition a run in flight can follow, and that a migrated run is the run of the newer version. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { canonicalJson } from './content-hash.ts'
import type { Definition, Stage, Task } from './definition.ts'
import type { RunEvent, RunInput } from './event.ts'
import { feedCourse, newCourse } from './fold.ts'
import { openMigration } from './migration.ts'
import { replay } from './replay.ts'
import type { RunState } from './run-state.ts'

const RUN = 'run_simulated'
const task = (id: string, more: Partial<Task> = {}): Task => ({
  id,
  agent: 'a',
  instructions: `Work of ${id}`,
  ...more,
})
const tasks = (id: string, ids: string[], more: object = {}): Stage => ({
  id,
  kind: 'tasks',
  tasks: ids.map((each) => task(each)),
  ...more,
})
const gate: Stage = { id: 'gate', kind: 'approval', question: 'Go on?', timeout: '1h', default: 'refuse' }
const definition = (stages: Stage[], more: Partial<Definition> = {}): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'changing',
  stages,
  ...more,
})

/** Feeds inputs to a course under definitions by their names here. */
function fold(inputs: readonly RunInput[], of: (hash: string) => Definition) {
  const course = newCourse(RUN)
  const events: RunEvent[] = []
  for (const input of inputs) events.push(...feedCourse(of, course, structuredClone(input)).events)
  return { course, events }
}

const started = (inputs: { [name: string]: string } = {}): RunInput => ({
  at: 1_000,
  type: 'run_started',
  data: { goal: null, definition: 'old', inputs, by: 'test' },
})
const finished = (address: string, output = 'done'): RunInput => ({
  at: 2_000,
  type: 'task_finished',
  data: {
    task: address,
    attempt: 1,
    agent: 'a',
    model: null,
    output,
    usage: { input_tokens: 1, output_tokens: 1, calls: 1 },
    duration_ms: 1,
    queued_ms: 0,
    why: '',
    effect_key: 'k',
  },
})

/** A run of write and check that has been parked at gate. */
const base = definition([tasks('write', ['draft']), tasks('check', ['a', 'b']), gate, tasks('act', ['send'])])
const parked = (old: Definition): RunInput[] =>
  [
    started(),
    finished('write/draft'),
    finished('check/a'),
    finished('check/b'),
    {
      at: 2_500,
      type: 'collected',
      data: {
        stage: 'check',
        output: { a: 'done', b: 'done' },
        metrics: { n: 2, succeeded: 2, failed: 0, agreement: 1, tokens: 4, duration_ms: 1 },
      },
    },
  ].map((input) => (old === base ? input : structuredClone(input))) as RunInput[]

function look(now: Definition, old = base, inputs = parked(old)) {
  const of = (hash: string): Definition => (hash === 'old' ? old : now)
  const { events, course } = fold(inputs, of)
  const migration = openMigration(RUN, 'new', of)
  migration.add(events)
  return { ...migration.result(), events, course, of, inputs }
}

/** What a run that goes over does from there on is what a run of the newer version does. */
function goesOver(now: Definition, old = base, inputs = parked(old), rest: RunInput[] = []): RunState {
  const { misfit, unread_from, of } = look(now, old, inputs)
  assert.deepEqual([misfit, unread_from], [null, null])
  const change: RunInput = {
    at: 3_000,
    type: 'definition_changed',
    data: { definition: 'new', from: 'old', by: 'test' },
  }
  const migrated = fold([...inputs, change, ...rest], of)
  const fresh = fold(
    [
      ...inputs.map((input) =>
        input.type === 'run_started' ? started(input.data.inputs as { [name: string]: string }) : input,
      ),
      ...rest,
    ],
    () => now,
  )
  assert.equal(migrated.course.state.definition, 'new')
  assert.equal(
    canonicalJson({ ...migrated.course.state, seq: 0, definition: '' }),
    canonicalJson({ ...fresh.course.state, seq: 0, definition: '' }),
  )
  assert.equal(canonicalJson([...migrated.course.owed]), canonicalJson([...fresh.course.owed]))
  assert.ok(replay(migrated.events, of).identical)
  return migrated.course.state
}

const stagesOf = (change: (stages: Stage[]) => void): Definition => {
  const copy = structuredClone(base)
  change(copy.stages)
  return copy
}
const firstTask = (stage: Stage | undefined): Task => (stage as Extract<Stage, { kind: 'tasks' }>).tasks[0] as Task

describe('what has not begun may change', () => {
  const approve: RunInput = {
    at: 4_000,
    type: 'approval_given',
    data: { approval: 'gate', decision: 'approve', comment: '', by: 'p' },
  }
  const changes: { [what: string]: Definition } = {
    'a stage added at the end': stagesOf((stages) => stages.push(tasks('tell', ['x']))),
    'a stage added after the parked one': stagesOf((stages) => stages.splice(3, 0, tasks('again', ['x', 'y']))),
    'a stage removed that has not begun': stagesOf((stages) => stages.pop()),
    'instructions of a task that has not begun': stagesOf((stages) => {
      firstTask(stages[3]).instructions = 'Send it twice'
    }),
    'how often a task that is done may be tried': stagesOf((stages) => {
      firstTask(stages[0]).attempts = 7
    }),
    'the description': { ...base, description: 'better' },
    'the output': { ...base, output: '=write.output' },
    'an input with a default': { ...base, inputs: { tone: { type: 'text', default: 'formal' } } },
  }
  for (const [what, now] of Object.entries(changes))
    test(what, () => {
      goesOver(now)
      goesOver(now, base, parked(base), [approve])
    })

  test('the stage that comes in is run, and a run whose rest was removed ends', () => {
    const state = goesOver(
      stagesOf((stages) => stages.splice(3, 0, tasks('again', ['x']))),
      base,
      parked(base),
      [approve],
    )
    assert.deepEqual(Object.keys(state.steps), ['again/x#1'])
    const shorter = goesOver(
      stagesOf((stages) => stages.pop()),
      base,
      parked(base),
      [approve],
    )
    assert.equal(shorter.status, 'completed')
  })

  test('a loop under way: more iterations, and another body behind where it stands', () => {
    const loop = (max: number, body: Stage[]): Definition =>
      definition([{ id: 'improve', kind: 'loop', max, until: 'false', stages: body }])
    const body = [tasks('w', ['t']), gate]
    const inputs = [started(), finished('improve[1].w/t')]
    const of = loop(9, [...body, tasks('then', ['u'])])
    const state = goesOver(of, loop(2, body), inputs)
    assert.equal(state.top.stages['improve']?.scope?.open, 2)
    goesOver(of, loop(2, body), inputs, [
      {
        at: 5_000,
        type: 'approval_given',
        data: { approval: 'improve-1--gate', decision: 'approve', comment: '', by: 'p' },
      },
    ])
  })
})

describe('what has begun must be the same, and the reason names what is not', () => {
  const cases: [string, Definition, { stage: string | null; task?: string | null; field?: string | null }, RegExp][] = [
    [
      'instructions of a task that was given',
      stagesOf((s) => (firstTask(s[0]).instructions = 'x')),
      { stage: 'write', task: 'draft', field: 'instructions' },
      /write\/draft has gone on.*stages\.write\.tasks\.draft\.instructions was changed/,
    ],
    [
      'a finished stage removed',
      stagesOf((s) => s.shift()),
      { stage: 'write' },
      /write has begun.*would not have.*stages\.write was removed/,
    ],
    [
      'a finished stage renamed',
      stagesOf((s) => ((s[0] as Stage).id = 'draft')),
      { stage: 'write' },
      /write has begun/,
    ],
    [
      'a stage before the parked one',
      stagesOf((s) => s.splice(2, 0, tasks('more', ['x']))),
      { stage: 'more' },
      /gate has begun with event \d+, and would not have under the newer version: stages.more was added/,
    ],
    [
      'a stage beside the first one',
      stagesOf((s) => s.push(tasks('beside', ['x'], { needs: [] }))),
      { stage: 'beside' },
      /beside would have begun/,
    ],
    [
      'the question of the open approval',
      stagesOf((s) => Object.assign(s[2] as Stage, { question: 'Sure?' })),
      { stage: 'gate', field: 'question' },
      /question was changed/,
    ],
    [
      'the time-out of the open approval',
      stagesOf((s) => Object.assign(s[2] as Stage, { timeout: '2h' })),
      { stage: 'gate', field: 'timeout' },
      /timeout was changed/,
    ],
    [
      'the agent of a finished task',
      stagesOf((s) => (firstTask(s[0]).agent = 'b')),
      { stage: 'write', task: 'draft', field: 'agent' },
      /agent was changed/,
    ],
    [
      'the schema of a finished task',
      stagesOf((s) => (firstTask(s[0]).output_schema = { type: 'string' })),
      { stage: 'write', task: 'draft', field: 'output_schema' },
      /output_schema was added/,
    ],
    [
      'parallel tasks in another order',
      stagesOf((s) => (s[1] as Extract<Stage, { kind: 'tasks' }>).tasks.reverse()),
      { stage: 'check' },
      /tasks was put in another order/,
    ],
    [
      'how to undo what is done',
      stagesOf((s) => (firstTask(s[0]).compensate = { agent: 'a', instructions: 'undo' })),
      { stage: 'write', task: 'draft' },
      /how to undo what was done differs.*compensate was added/,
    ],
    [
      'an input that is needed',
      { ...base, inputs: { tone: { type: 'text', required: true } } },
      { stage: null, field: 'inputs.tone' },
      /needs the input tone/,
    ],
    ['a wall-clock budget', { ...base, budget: { wall_clock: '1h' } }, { stage: null }, /budget/],
  ]
  for (const [what, now, decides, reason] of cases)
    test(what, () => {
      const { misfit } = look(now)
      assert.ok(misfit !== null)
      assert.match(misfit.reason, reason)
      assert.deepEqual(
        { stage: misfit.stage, task: decides.task ?? misfit.task, field: decides.field ?? misfit.field },
        { stage: decides.stage, task: misfit.task, field: misfit.field },
      )
    })

  test('the bound of a loop that has not been reached, but not the condition that was looked at', () => {
    const loop = (max: number, until: string): Definition =>
      definition([{ id: 'improve', kind: 'loop', max, until, stages: [tasks('w', ['t'])] }])
    const inputs = [started(), finished('improve[1].w/t')]
    goesOver(loop(9, 'false'), loop(3, 'false'), inputs)
    const { misfit } = look(loop(3, 'iteration > 7'), loop(3, 'false'), inputs)
    assert.equal(misfit?.stage, 'improve')
    assert.equal(misfit?.field, 'until')
    assert.equal(look(loop(1, 'false'), loop(3, 'false'), inputs).misfit?.field, 'max')
  })

  test('a run that undoes what it did, or has ended', () => {
    const undoing = definition([
      { id: 's', kind: 'tasks', tasks: [task('t', { compensate: { agent: 'a', instructions: 'undo' } })] },
      gate,
    ])
    const inputs: RunInput[] = [
      started(),
      finished('s/t'),
      { at: 3_000, type: 'cancel_requested', data: { by: 'p', reason: '' } },
    ]
    assert.match(look({ ...undoing, description: 'x' }, undoing, inputs).misfit?.reason ?? '', /undoing/)
    const plain = definition([tasks('s', ['t'])])
    assert.match(
      look({ ...plain, description: 'x' }, plain, [started(), finished('s/t')]).misfit?.reason ?? '',
      /has ended/,
    )
  })
})

test('twice over: from the first version to the third by way of the second', () => {
  const second = { ...base, description: 'two' }
  const third = stagesOf((stages) => stages.push(tasks('tell', ['x'])))
  const of = (hash: string): Definition => ({ old: base, second, third })[hash] as Definition
  const change = (definition: string, from: string): RunInput => ({
    at: 3_000,
    type: 'definition_changed',
    data: { definition, from, by: 'p' },
  })
  const { events } = fold([...parked(base), change('second', 'old')], of)
  const migration = openMigration(RUN, 'third', of)
  migration.add(events)
  assert.equal(migration.result().misfit, null)
  const end = fold([...parked(base), change('second', 'old'), change('third', 'second')], of)
  assert.equal(end.course.state.top.open, 3)
  assert.ok(replay(end.events, of).identical)
  // A change that was meant for a version that the run follows no more has no place.
  assert.deepEqual(
    fold([...parked(base), change('second', 'old'), change('third', 'old')], of).course.state.definition,
    'second',
  )
})

test('a log that this program reads otherwise is told from one that does not fit', () => {
  const { events, of } = look({ ...base, description: 'x' })
  const odd = structuredClone(events)
  const at = odd.findIndex((event) => event.type === 'stage_finished')
  ;(odd[at] as RunEvent<'stage_finished'>).data.reason = 'otherwise'
  const migration = openMigration(RUN, null, of)
  assert.equal(migration.add(odd), false)
  assert.equal(migration.result().unread_from, at + 1)
})
