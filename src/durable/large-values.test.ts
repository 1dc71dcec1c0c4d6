/** Values that are too large for an event, end to end: in conditions, from task to task, as a list, as a signal. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Definition, Stage } from '../workflow/definition.ts'
import type { RunEvent } from '../workflow/event.ts'
import { replay } from '../workflow/replay.ts'
import type { Json } from '../workflow/value.ts'
import { openTestShell, type TestShell } from './stand-ins.ts'
import { resolveValue } from './values.ts'

const LONG = 'x'.repeat(5_000)
const EVENT_LIMIT = 80_000

let shell: TestShell
/** What the agents were given, by task. */
const given = new Map<string, { [name: string]: Json }>()

before(async () => {
  shell = await openTestShell({
    work: ({ task, input }) => {
      given.set(task, input)
      const { answer } = input
      return answer === undefined ? `${task} done` : (answer as Json)
    },
  })
})
after(() => shell.close())

const ask = (id: string, input: { [name: string]: Json }): Stage => ({
  id,
  kind: 'tasks',
  tasks: [{ id: 't', agent: 'quick', instructions: 'Do it.', input }],
})

async function ran(stages: Stage[], inputs: { [name: string]: Json }, output?: Json): Promise<RunEvent[]> {
  const definition: Definition = {
    apiVersion: 'quorate/v1',
    name: 'large',
    stages,
    ...(output === undefined ? {} : { output }),
  }
  const { hash } = await shell.store.definitions.put(definition, 'test', '')
  const started = await shell.runs.start({ kind: 'workflow', goal: null, definition: hash, inputs, by: 'test' })
  assert.ok(started.ok)
  const { run } = started.value
  if (stages.some(({ kind }) => kind === 'wait')) {
    const data = { points: 7, text: LONG }
    assert.ok((await shell.runs.send(run, 's', { type: 'signal_received', data: { name: 'go', data, by: 'test' } })).ok)
  }
  const events = await shell.ended(run)
  assert.ok(replay(events, () => definition).identical)
  for (const event of events) assert.ok(JSON.stringify(event).length < EVENT_LIMIT, `${event.type} is small`)
  return events
}

test('a condition reads the small fields of a large answer, and a task is given the large one that it names', async () => {
  const answer = { points: 3, text: LONG, list: Array.from({ length: 3_000 }, (_, i) => i) }
  const events = await ran(
    [
      ask('write', { answer: '=inputs.answer' }),
      {
        id: 'enough',
        kind: 'decide',
        cases: [{ when: 'write.output.points > 2 && size(write.output.list) == 3000', then: 'use' }],
        otherwise: 'end',
      },
      ask('use', { text: '=write.output.text', all: '=write.output' }),
    ],
    { answer },
  )
  const end = events.at(-1)
  assert.ok(end?.type === 'run_finished' && end.data.output === 'use/t done', JSON.stringify(end))
  assert.deepEqual(given.get('use/t'), { text: LONG, all: answer })
})

test('a large signal is a value like any other', async () => {
  const events = await ran(
    [{ id: 'wait', kind: 'wait', signal: 'go', timeout: '1h' }, ask('signalled', { text: '=wait.output.text' })],
    {},
    '=wait.output.points',
  )
  const end = events.at(-1)
  assert.ok(end?.type === 'run_finished')
  assert.equal(end.data.output, 7)
  assert.deepEqual(given.get('signalled/t'), { text: LONG })
})

test('a for_each goes through a list that is far too large for an event, in order and whole', async () => {
  const texts = Array.from({ length: 700 }, (_, i) => ({ n: i, text: i % 100 === 0 ? LONG : `text ${i}` }))
  const events = await ran(
    [
      {
        id: 'each',
        kind: 'for_each',
        items: '=inputs.texts',
        max: 1_000,
        parallel: 5,
        stages: [ask('one', { answer: '=item.n', text: '=item.text' })],
      },
    ],
    { texts },
    '=each.output',
  )
  const read = events.flatMap((event) =>
    event.type === 'items_read' ? [[event.data.from, event.data.items.length]] : [],
  )
  assert.ok(read.length > 1, 'in parts')
  assert.equal(
    read.reduce((sum, [, n]) => sum + (n ?? 0), 0),
    texts.length,
    'each item read once',
  )
  for (const n of [0, 1, 100, 699]) assert.equal(given.get(`each[${n}].one/t`)?.['text'], texts[n]?.text, `item ${n}`)
  const end = events.at(-1)
  assert.ok(end?.type === 'run_finished' && end.data.status === 'completed')
  const output = await resolveValue(shell.store, end.data.output)
  assert.ok(output.ok)
  assert.deepEqual(output.value, Object.fromEntries(texts.map(({ n }) => [n, n])))
})

test('an answer in the form of a reference is handed on as it was written, not as the value that it names', async () => {
  const bytes = Buffer.from(JSON.stringify('of another run'))
  const form = { $blob: await shell.store.blobs.put(bytes), bytes: bytes.byteLength, preview: '', nested: true }
  const lost = { $blob: `sha256:${'0'.repeat(64)}`, bytes: 1, preview: '' }
  const answer = { small: form, text: LONG, large: [form, lost, LONG] }
  const events = await ran(
    [
      ask('first', { answer: '=inputs.answer' }),
      { id: 'each', kind: 'for_each', items: '=inputs.list', max: 10, stages: [ask('one', { answer: '=item' })] },
      {
        id: 'both',
        kind: 'tasks',
        tasks: ['a', 'b'].map((id) => ({
          id,
          agent: 'quick',
          instructions: 'Do it.',
          input: { answer: '=first.output.large' },
        })),
      },
      ask('last', {
        first: '=first.output',
        small: '=first.output.small',
        each: '=each.output',
        both: '=both.outputs',
      }),
    ],
    { answer, list: [form, lost, LONG] },
    '=first.output.small',
  )
  const end = events.at(-1)
  assert.ok(end?.type === 'run_finished' && end.data.status === 'completed', JSON.stringify(end))
  assert.deepEqual(given.get('each[0].one/t'), { answer: form })
  assert.deepEqual(given.get('last/t'), {
    first: answer,
    small: form,
    each: { 0: form, 1: lost, 2: LONG },
    both: { a: answer.large, b: answer.large },
  })
  assert.deepEqual(await resolveValue(shell.store, end.data.output), { ok: true, value: form })
})
