import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareRuns, comparisonLimits } from './compare-runs.ts'
import type { Definition } from './definition.ts'
import type { RunEvent, RunInput } from './event.ts'
import { feedCourse, newCourse } from './fold.ts'
import { runView } from './run-view.ts'
import type { Json } from './value.ts'

const definition = (max: number): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'compared',
  inputs: { subject: { type: 'text' } },
  stages: [
    {
      id: 'gather',
      kind: 'tasks',
      tasks: ['a', 'b'].map((id) => ({ id, agent: `worker_${id}`, instructions: 'Do it.' })),
    },
    { id: 'gate', kind: 'decide', cases: [{ when: 'gather.failed > 0', then: 'mend' }], otherwise: 'improve' },
    { id: 'mend', kind: 'tasks', needs: ['gather'], tasks: [{ id: 'm', agent: 'worker_a', instructions: 'Mend.' }] },
    {
      id: 'improve',
      kind: 'loop',
      needs: ['gather'],
      max,
      until: 'false',
      stages: [{ id: 'write', kind: 'tasks', tasks: [{ id: 'd', agent: 'worker_b', instructions: 'Write.' }] }],
    },
  ],
})

/** A run to its end; `answer` says what comes of a task, null that it fails. */
function run(
  used: Definition,
  subject: string,
  answer: (task: string) => Json | null,
): { view: ReturnType<typeof runView>; definition: Definition } {
  const course = newCourse('run_x')
  const events: RunEvent[] = []
  let at = 1_000
  const give = (input: RunInput) => events.push(...feedCourse(() => used, course, input).events)
  give({
    at,
    type: 'run_started',
    data: {
      goal: 'g',
      definition: `sha256:${used.stages.length}${JSON.stringify(used).length}`,
      inputs: { subject },
      by: 'test',
    },
  })
  for (let [step] = course.owed.values(); step !== undefined; [step] = course.owed.values()) {
    at += 10
    const usage = { input_tokens: 2, output_tokens: 1, calls: 1 }
    if (step.do === 'collect') {
      const { stage, n, succeeded, failed } = step
      give({
        at,
        type: 'collected',
        data: {
          stage,
          output: step.outputs as Json,
          metrics: { n, succeeded, failed, agreement: null, tokens: 6, duration_ms: 10 },
        },
      })
    } else if (step.do === 'call_agent') {
      const { task, attempt } = step
      const output = answer(task)
      const base = { task, attempt, usage, duration_ms: 5, queued_ms: 0, why: '' }
      if (output === null)
        give({
          at,
          type: 'task_failed',
          data: { ...base, agent: step.agent, failure: { kind: 'agent_failed', message: 'no' }, retryable: false },
        })
      else
        give({
          at,
          type: 'task_finished',
          data: { ...base, agent: step.agent ?? '', model: null, output, effect_key: 'k' },
        })
    }
  }
  assert.equal(events.at(-1)?.type, 'run_finished')
  return { view: runView(events), definition: used }
}

test('a run compared with itself is the same and parts nowhere', () => {
  const one = run(definition(2), 's', (task) => task)
  const compared = compareRuns(
    one,
    run(definition(2), 's', (task) => task),
  )
  assert.equal(compared.same, true)
  assert.equal(compared.parts_at, null)
  assert.deepEqual([compared.decisions, compared.definition.changes], [[], []])
  assert.ok(compared.stages.length >= 4 && compared.stages.every((stage) => stage.same))
  assert.deepEqual(compared.stages[0]?.a?.agents, ['worker_a', 'worker_b'])
  assert.equal(compared.stages[0]?.a?.tokens, 6)
})

test('a failed task shows in its stage and in the decision taken on it, with the figure', () => {
  const compared = compareRuns(
    run(definition(2), 's', (task) => task),
    run(definition(2), 's', (task) => (task === 'gather/b' ? null : task)),
  )
  assert.equal(compared.same, false)
  assert.deepEqual([compared.parts_at?.what, compared.parts_at?.stage], ['stage', 'gather'])
  const gate = compared.decisions.find((decision) => decision.stage === 'gate')
  assert.deepEqual([gate?.a?.taken, gate?.b?.taken], ['otherwise', 'case 1'])
  assert.deepEqual([gate?.a?.then, gate?.b?.then], [['improve'], ['mend']])
  assert.deepEqual([Object.values(gate?.a?.inputs ?? {}), Object.values(gate?.b?.inputs ?? {})], [[0], [1]])
  assert.equal(compared.stages.find((stage) => stage.stage === 'improve[1].write')?.b, null)
})

test('inputs and definition are named where they differ; an input counts as the first parting', () => {
  const compared = compareRuns(
    run(definition(2), 'one', () => 'x'),
    run(definition(3), 'two', () => 'x'),
  )
  assert.deepEqual(compared.parts_at, { what: 'inputs', stage: null, detail: 'input subject: one and two' })
  assert.deepEqual(
    compared.definition.changes.map(({ path, old, new: now }) => [path, old, now]),
    [['stages.improve.max', 2, 3]],
  )
  assert.deepEqual(compared.inputs.find((input) => input.name === 'goal')?.same, true)
})

test('two runs of a thousand iterations give a bounded comparison, and what is out of sight is no difference', () => {
  const big = 'x'.repeat(3_000)
  const compared = compareRuns(
    run(definition(1_000), big, () => big),
    run(definition(1_000), big, () => big),
  )
  assert.equal(compared.same, true, JSON.stringify(compared.parts_at))
  const other = compareRuns(
    run(definition(1_000), big, () => big),
    run(definition(900), `${big}y`, (task) => task),
  )
  assert.ok(other.stages.length <= comparisonLimits.stages && other.left_out.stages > 0)
  assert.ok(JSON.stringify(other).length < 1_000_000)
})
