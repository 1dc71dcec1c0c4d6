import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Definition, Stage } from '../workflow/definition.ts'
import type { Quorate } from './connect.ts'
import { defineAgent } from './define-agent.ts'
import { defineWorkflow } from './define-workflow.ts'
import { QuorateError } from './quorate-error.ts'
import { approval, decide, for_each, loop, run, tasks, timer, vote, wait } from './stages.ts'

const work = { id: 'a', agent: 'worker', instructions: 'Work' } as const

test('every kind of stage gives the data that YAML would', () => {
  const made = defineWorkflow({
    name: 'all_kinds',
    inputs: { text: { type: 'text', required: true }, parts: { type: 'list', default: [] }, n: { type: 'number' } },
    stages: [
      tasks({ id: 'read', tasks: [{ ...work, input: { text: '=inputs.text', fixed: 5, list: ['=inputs.n', null] } }] }),
      decide({ id: 'enough', cases: [{ when: 'read.failed > 0', then: ['again'] }], otherwise: 'choose' }),
      loop({
        id: 'again',
        needs: ['enough'],
        max: 3,
        until: 'write.failed == 0',
        stages: [tasks({ id: 'write', tasks: [work] })],
      }),
      vote({
        id: 'choose',
        needs: ['enough'],
        question: 'Which?',
        options: ['x', 'y'],
        voters: 3,
        quorum: 0.6,
        threshold: 0.5,
        input: { seen: '=read.output' },
      }),
      for_each({
        id: 'each',
        needs: ['choose', 'again'],
        items: '=inputs.parts',
        max: 10,
        stages: [tasks({ id: 'part', tasks: [{ ...work, input: { it: '=item' } }] })],
      }),
      timer({ id: 'rest', for: '1s' }),
      wait({ id: 'word', signal: 'go', timeout: '1m', default: { said: '=inputs.text' } }),
      approval({
        id: 'gate',
        question: 'Go on?',
        show: { it: '=each.output' },
        timeout: '1h',
        default: 'refuse',
        on_failure: { then: 'mourn' },
      }),
      tasks({ id: 'mourn', tasks: [work] }),
      run({ id: 'other', needs: ['gate'], definition: 'other_work', input: { goal: '=inputs.goal' } }),
    ],
    output: { chosen: '=choose.winner' },
  })
  const plain: Definition = JSON.parse(JSON.stringify(made))
  assert.deepEqual(plain, made)
  assert.equal(plain.apiVersion, 'quorate/v1')
  assert.deepEqual(
    plain.stages.map(({ kind }) => kind),
    ['tasks', 'decide', 'loop', 'vote', 'for_each', 'timer', 'wait', 'approval', 'tasks', 'run'],
  )
})

test('what cannot run does not compile, and is refused by name all the same', () => {
  const refused = (make: () => unknown, message: RegExp) =>
    assert.throws(
      make,
      (error) => error instanceof QuorateError && error.failure.kind === 'invalid_input' && message.test(error.message),
    )

  const read = tasks({ id: 'read', tasks: [work] })
  const inputs = { text: { type: 'text' } } as const

  refused(() => {
    // @ts-expect-error: there is no stage `raed`
    defineWorkflow({ name: 'w', stages: [read, timer({ id: 't', needs: ['raed'], for: '1s' })] })
  }, /raed/)
  refused(() => {
    const enough = decide({ id: 'd', cases: [{ when: 'read.failed > 0', then: 'mend' }], otherwise: 'end' })
    // @ts-expect-error: there is no stage `mend`
    defineWorkflow({ name: 'w', stages: [read, enough] })
  }, /mend/)
  refused(() => {
    const broken = tasks({ id: 'broken', tasks: [work], on_failure: { then: 'later' } })
    // @ts-expect-error: there is no stage `later`
    defineWorkflow({ name: 'w', stages: [broken] })
  }, /later/)
  refused(() => {
    const inner = timer({ id: 't', needs: ['read'], for: '1s' })
    // @ts-expect-error: there is no stage `read` within the loop
    defineWorkflow({ name: 'w', stages: [read, loop({ id: 'l', max: 2, until: 'true', stages: [inner] })] })
  }, /read/)
  refused(() => {
    const reads = tasks({ id: 'r', tasks: [{ ...work, input: { a: '=inputs.txet.size()' } }] })
    // @ts-expect-error: there is no input `txet`
    defineWorkflow({ name: 'w', inputs, stages: [reads] })
  }, /txet/)
  refused(() => {
    const inner = for_each({ id: 'f', items: '=inputs.parts', max: 5, stages: [read] })
    // @ts-expect-error: there is no input `parts`, however deep it is read
    defineWorkflow({ name: 'w', inputs, stages: [loop({ id: 'l', max: 2, until: 'true', stages: [inner] })] })
  }, /parts/)
  refused(() => {
    const long = decide({ id: 'd', cases: [{ when: 'inputs.size > 3', then: 'end' }], otherwise: 'end' })
    // @ts-expect-error: there is no input `size`
    defineWorkflow({ name: 'w', inputs, stages: [long] })
  }, /size/)
  refused(() => {
    // @ts-expect-error: a timer has no question
    defineWorkflow({ name: 'w', stages: [timer({ id: 't', for: '1s', question: 'Why?' })] })
  }, /question/)
  refused(() => {
    // @ts-expect-error: a task has no field `capabilty`
    const wrong = tasks({ id: 't', tasks: [{ id: 'a', capabilty: 'work', instructions: 'x' }] })
    defineWorkflow({ name: 'w', stages: [wrong] })
  }, /capabilty/)
  refused(() => {
    // @ts-expect-error: a decision has an `otherwise`
    const wrong = decide({ id: 'd', cases: [{ when: 'true', then: 'end' }] })
    const stages: Stage[] = [wrong]
    defineWorkflow({ name: 'w', stages })
  }, /otherwise/)
  refused(() => {
    // @ts-expect-error: an input has a type
    defineWorkflow({ name: 'w', inputs: { a: { type: 'string' } }, stages: [read] })
  }, /type cannot be "string"/)
})

test('what only the check at run time can know names the field', () => {
  assert.throws(
    () =>
      defineWorkflow({
        name: 'w',
        stages: [tasks({ id: 'a', needs: ['b'], tasks: [work] }), tasks({ id: 'b', needs: ['a'], tasks: [work] })],
      }),
    (error) =>
      error instanceof QuorateError && (error.failure.problems?.length ?? 0) > 0 && error.failure.field !== undefined,
  )
})

test('a literal that only looks like an expression is none', () => {
  const made = defineWorkflow({
    name: 'w',
    stages: [tasks({ id: 'r', tasks: [{ ...work, instructions: '=inputs.no', input: { a: 'inputs.no' } }] })],
  })
  assert.equal(made.stages.length, 1)
})

/** Never called: what TypeScript says of `run` is the test. */
export function typesOfRun(quorate: Quorate, plain: Definition) {
  const needs = defineWorkflow({
    name: 'w',
    inputs: { text: { type: 'text', required: true }, n: { type: 'number' } },
    stages: [timer({ id: 't', for: '1s' })],
  })
  const takesNone = defineWorkflow({ name: 'w', stages: [timer({ id: 't', for: '1s' })] })
  return [
    quorate.run(needs, { text: 'x' }),
    quorate.run(needs, { text: 'x', n: 1 }),
    quorate.run(takesNone),
    quorate.run(plain, { anything: [1] }),
    quorate.run('name@2'),
    // @ts-expect-error: `text` is required
    quorate.run(needs),
    // @ts-expect-error: there is no input `txet`
    quorate.run(needs, { text: 'x', txet: 'x' }),
    // @ts-expect-error: `n` is a number
    quorate.run(needs, { text: 'x', n: '1' }),
    // @ts-expect-error: it takes no inputs
    quorate.run(takesNone, { text: 'x' }),
  ]
}

test('an agent that cannot be is refused by field', () => {
  assert.throws(
    () => defineAgent({ name: 'a b', timeout: 'soon', perform: () => null }),
    (error) => error instanceof QuorateError && error.failure.problems?.length === 2 && /timeout/.test(error.message),
  )
  const made = defineAgent({ name: 'local', system: 'local_model', capabilities: ['thinking'], instructions: 'Think.' })
  assert.deepEqual([made.agent.system, made.agent.instructions, made.perform], ['local_model', 'Think.', null])
})

test('a function gets what it declares, or is not called', async () => {
  const agent = defineAgent({
    name: 'count',
    input: { text: { type: 'text', required: true }, most: { type: 'number', default: 5 } },
    perform: ({ input }) => {
      const text: string = input.text
      // @ts-expect-error: `no` is not declared
      return [text.length, input.most + 0, input.no ?? null]
    },
  })
  const call = (input: { [name: string]: string | number }) => {
    const task = {
      run: 'r',
      task: 't',
      attempt: 1,
      goal: null,
      role: '',
      agent_instructions: '',
      instructions: '',
      input,
      output_schema: null,
      max_output_tokens: null,
      effect_key: 'k',
    }
    const fail = (kind: string, message: string): never => {
      throw new Error(`${kind}: ${message}`)
    }
    return agent.perform?.(task, { signal: new AbortController().signal, progress: () => undefined, fail })
  }
  assert.deepEqual(await call({ text: 'four' }), [4, 5, null])
  assert.throws(() => call({}), /invalid_input: the task gives no text/)
  assert.throws(() => call({ text: 4 }), /invalid_input: text is not of type text/)
})
