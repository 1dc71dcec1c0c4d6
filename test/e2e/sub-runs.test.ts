/** A run that starts other runs: a stored definition by name, a template by name, one that is not there; cancel reaches the child. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { type Quorate, startQuorate } from '../../src/main.ts'
import { quietLogger } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { testConfiguration } from '../test-configuration.ts'
import { removeFolder, until } from './running-product.ts'
import { storedRuns } from './stored-runs.ts'

describe('a run that starts runs', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-sub-'))
  let quorate: Quorate
  before(async () => {
    const functions = createFunctions()
    functions.register('worker', (task) => `${task.instructions} ${JSON.stringify(task.input)}`)
    const started = await startQuorate(testConfiguration(folder), { logger: quietLogger, functions })
    if (!started.ok) throw new Error(started.failure.message)
    quorate = started.value
  })
  after(async () => {
    assert.deepEqual((await replayAll(quorate.store)).differences, [])
    await quorate.close()
    removeFolder(folder)
  })

  const { put, start, ended } = storedRuns(() => quorate)

  test('takes the result of its child, and waits for it without holding a place', async () => {
    await put(
      'child',
      [
        {
          id: 's',
          kind: 'tasks',
          tasks: [{ id: 't', agent: 'worker_a', instructions: 'child', input: { x: '=inputs.x' } }],
        },
      ],
      { inputs: { x: { type: 'number' } } },
    )
    const run = await start(
      await put('parent', [{ id: 'sub', kind: 'run', definition: 'child', input: { x: '=40 + 2' } }]),
    )
    const row = await ended(run)
    assert.equal(row?.status, 'completed', row?.reason)
    const last = (await quorate.store.events.read(run, 0, 100)).at(-1)
    assert.equal(last?.type === 'run_finished' && last.data.output, 'child {"x":42}')
    const children = await quorate.store.runs.list({ parent: run, limit: 10 })
    assert.equal(children.items.length, 1)
  })

  test('a template can be named; a name that is neither is said', async () => {
    const missing = await ended(
      await start(await put('missing', [{ id: 'sub', kind: 'run', definition: 'no_such_thing' }])),
    )
    assert.equal(missing?.status, 'failed')
    const run = await start(await put('by_template', [{ id: 'sub', kind: 'run', definition: 'draft_review_revise' }]))
    const row = await ended(run)
    // There is no agent that writes here, so the child fails; that it was started is what counts.
    const child = (await quorate.store.runs.list({ parent: run, limit: 10 })).items[0]
    assert.equal(child?.definition_name, 'draft_review_revise')
    assert.equal(child?.goal, 'the goal')
    assert.equal(row?.status, 'failed')
  })

  test('when the parent is cancelled, the child is', async () => {
    await put('waits', [{ id: 'w', kind: 'wait', signal: 'never', timeout: '1h' }])
    const run = await start(await put('waiting_parent', [{ id: 'sub', kind: 'run', definition: 'waits' }]))
    const child = await until(
      async () => (await quorate.store.runs.list({ parent: run, limit: 1 })).items[0],
      (row) => row?.status === 'waiting',
    )
    const sent = await quorate.runs.send(run, 'test-cancel', {
      type: 'cancel_requested',
      data: { by: 'test', reason: '' },
    })
    assert.ok(sent.ok)
    assert.equal((await ended(child?.id ?? ''))?.status, 'cancelled')
  })
})
