import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition, Stage } from './definition.ts'
import { diffDefinitions } from './definition-diff.ts'

const task = (id: string, instructions = 'Do it.', more = {}) => ({ id, agent: 'writer', instructions, ...more })
const definition = (stages: Stage[], more: Partial<Definition> = {}): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'one',
  stages,
  ...more,
})
const told = (old: Definition, now: Definition) =>
  diffDefinitions(old, now).map(({ change, path, stage, task: id, field }) => [change, path, stage, id, field])

const base = definition(
  [
    { id: 'gather', kind: 'tasks', tasks: [task('a', 'Do it.', { input: { x: '=inputs.x' } }), task('b')] },
    {
      id: 'improve',
      kind: 'loop',
      max: 3,
      until: 'iteration > 1',
      stages: [{ id: 'write', kind: 'tasks', tasks: [task('draft')] }],
    },
    { id: 'pause', kind: 'timer', for: '1s' },
  ],
  { inputs: { x: { type: 'text' } }, success: [{ id: 'met', when: 'true' }] },
)

test('a definition does not differ from itself, however its keys are ordered', () => {
  assert.deepEqual(diffDefinitions(base, JSON.parse(JSON.stringify(base)) as Definition), [])
  const turned = Object.fromEntries(Object.entries(base).reverse()) as Definition
  assert.deepEqual(diffDefinitions(base, turned), [])
})

test('changes are told by stage, task and field, in bodies too', () => {
  const now = structuredClone(base) as Definition
  const [gather, improve] = now.stages as [Extract<Stage, { kind: 'tasks' }>, Extract<Stage, { kind: 'loop' }>]
  gather.tasks = [task('a', 'Do it well.', { input: { x: '=inputs.y', z: 1 } }), task('c')]
  improve.max = 5
  ;(improve.stages[0] as Extract<Stage, { kind: 'tasks' }>).tasks[0] = task('draft', 'Write.')
  now.inputs = { y: { type: 'text' } }
  now.success = [{ id: 'met', when: 'false' }]
  assert.deepEqual(told(base, now), [
    ['removed', 'inputs.x', null, null, 'inputs.x'],
    ['added', 'inputs.y', null, null, 'inputs.y'],
    ['changed', 'stages.gather.tasks.a.input.x', 'gather', 'a', 'input.x'],
    ['added', 'stages.gather.tasks.a.input.z', 'gather', 'a', 'input.z'],
    ['changed', 'stages.gather.tasks.a.instructions', 'gather', 'a', 'instructions'],
    ['added', 'stages.gather.tasks.c', 'gather', 'c', null],
    ['removed', 'stages.gather.tasks.b', 'gather', 'b', null],
    ['changed', 'stages.improve.max', 'improve', null, 'max'],
    ['changed', 'stages.improve.stages.write.tasks.draft.instructions', 'improve.write', 'draft', 'instructions'],
    ['changed', 'success.met.when', null, null, 'success.met.when'],
  ])
  const change = diffDefinitions(base, now).find((each) => each.field === 'max')
  assert.deepEqual([change?.old, change?.new], [3, 5])
})

test('another order of stages is a change: it decides who waits for whom', () => {
  const now = { ...base, stages: [base.stages[2], base.stages[0], base.stages[1]] as Stage[] }
  assert.deepEqual(diffDefinitions(base, now), [
    {
      change: 'moved',
      path: 'stages',
      stage: null,
      task: null,
      field: null,
      old: ['gather', 'improve', 'pause'],
      new: ['pause', 'gather', 'improve'],
    },
  ])
})

test('turned round, what was added is removed', () => {
  const now = definition([...base.stages.slice(1), { id: 'more', kind: 'timer', for: '2s' }])
  const turned = { added: 'removed', removed: 'added', changed: 'changed', moved: 'moved' } as const
  const there = diffDefinitions(base, now)
    .map((each) => `${each.change} ${each.path}`)
    .sort()
  const back = diffDefinitions(now, base)
    .map((each) => `${turned[each.change]} ${each.path}`)
    .sort()
  assert.deepEqual(back, there)
})

test('ten thousand stages are compared at once', () => {
  const many = (last: string): Definition =>
    definition(
      Array.from({ length: 10_000 }, (_, i) => ({
        id: `s${i}`,
        kind: 'timer' as const,
        for: i === 9_999 ? last : '1s',
      })),
    )
  const began = performance.now()
  assert.deepEqual(told(many('1s'), many('2s')), [['changed', 'stages.s9999.for', 's9999', null, 'for']])
  assert.ok(performance.now() - began < 5_000)
})
