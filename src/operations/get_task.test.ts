import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Desk, definition, openDesk, task } from './stand-ins.ts'

let desk: Desk
before(async () => {
  desk = await openDesk()
})
after(() => desk.shell.close())

test('what a task was asked is told with the values that it saw, each time', async () => {
  const run = await desk.start(
    definition(
      [
        {
          id: 'improve',
          kind: 'loop',
          max: 3,
          until: 'iteration >= 2',
          stages: [
            { id: 'write', kind: 'tasks', tasks: [task('draft', { input: { n: '=iteration', t: '=inputs.topic' } })] },
          ],
        },
      ],
      { inputs: { topic: { type: 'text', required: true } } },
    ),
    { topic: 'caches' },
  )
  await desk.shell.ended(run)
  const inputOf = async (more: object) => (await desk.done('get_task', { id: run, ...more })).input
  assert.deepEqual(await inputOf({ task: 'improve[1].write/draft' }), { n: 1, t: 'caches' })
  assert.deepEqual(await inputOf({ task: 'improve[2].write/draft', attempt: 1 }), { n: 2, t: 'caches' })
  assert.equal((await desk.refused('get_task', { id: run, task: 'improve[3].write/draft' })).kind, 'not_found')
  assert.equal(
    (await desk.refused('get_task', { id: run, task: 'improve[1].write/draft', attempt: 2 })).kind,
    'not_found',
  )
})
