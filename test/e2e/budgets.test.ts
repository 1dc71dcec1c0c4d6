/** Budgets through the whole program: partial results, raising, children on their parent's account, limits over all runs, a crash. */
import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createFunctions } from '../../src/agent-systems/function/function.ts'
import { type Quorate, startQuorate } from '../../src/main.ts'
import type { RunEvent } from '../../src/workflow/event.ts'
import { quietLogger } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { testConfiguration } from '../test-configuration.ts'
import { removeFolder, until } from './running-product.ts'
import { storedRuns } from './stored-runs.ts'

const task = (id: string, more: object = {}) => ({
  id,
  agent: 'worker_a',
  instructions: `do ${id}`,
  attempts: 1,
  ...more,
})
const work = (id: string) => ({ id, kind: 'tasks', tasks: [task('t')], on_failure: 'fail' })

describe('budgets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-budget-'))
  let quorate: Quorate
  let made = 0
  /** Calls in hand of the agent that does not answer by itself, by run. */
  const hung = new Map<string, () => void>()
  const open = async (budgets: object = {}): Promise<void> => {
    const functions = createFunctions()
    functions.register('worker', ({ instructions }) => {
      made++
      return `${instructions} done`
    })
    functions.register('slow', ({ run, instructions }, { signal }) => {
      made++
      return new Promise((resolve, reject) => {
        hung.set(run, () => resolve(`${instructions} at last`))
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    })
    const configuration = testConfiguration(folder)
    const started = await startQuorate(
      {
        ...configuration,
        agents: configuration.agents.flatMap((agent) =>
          agent.name === 'worker_a' ? [agent, { ...agent, name: 'slow_a', settings: { function: 'slow' } }] : [agent],
        ),
        budgets: { ...configuration.budgets, ...budgets },
      },
      { logger: quietLogger, functions },
    )
    if (!started.ok) throw new Error(started.failure.message)
    quorate = started.value
  }
  before(() => open())
  after(async () => {
    assert.deepEqual((await replayAll(quorate.store)).differences, [])
    await quorate.close()
    removeFolder(folder)
  })

  const { put, start, rowWhen, ended } = storedRuns(() => quorate)
  const events = (run: string): Promise<RunEvent[]> => quorate.store.events.read(run, 0, 10_000)
  const call = async (path: string, body?: object) => {
    const answer = await fetch(`${quorate.url}${path}`, {
      ...(body === undefined
        ? {}
        : { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    return { status: answer.status, body: (await answer.json()) as { [name: string]: never } }
  }

  test('a run whose budget is used up ends as partial, with what its close-out made of it', async () => {
    const close_out = { agent: 'worker_a', instructions: 'close' }
    const run = await start(
      await put('closing', [work('a'), work('b'), work('c')], { budget: { calls: 3, close_out } }),
    )
    const row = await ended(run)
    assert.equal(row?.status, 'partial')
    assert.match(row?.reason ?? '', /the budget of 3 calls is used up/)
    const last = (await events(run)).at(-1)
    assert.equal(last?.type === 'run_finished' && last.data.output, 'close done')
    const { body } = await call(`/runs/${run}`)
    const budget = body['budget'] as unknown as { accounts: { spent: { calls: number }; limits: { calls: number } }[] }
    assert.deepEqual([budget.accounts[0]?.spent.calls, budget.accounts[0]?.limits.calls], [3, 3])
  })

  test('a parked run waits until a person raises its budget; a lower limit, and one that it has not, are refused', async () => {
    const run = await start(
      await put('parking', [work('a'), work('b')], { budget: { calls: 1, when_used_up: 'park' } }),
    )
    await rowWhen(run, ({ status, reason }) => status === 'waiting' && /has to be raised/.test(reason))
    assert.equal((await call(`/runs/${run}/budget`, { unit: 'calls', to: 1, reason: 'x' })).status, 409)
    assert.equal((await call(`/runs/${run}/budget`, { unit: 'tokens', to: 9, reason: 'x' })).status, 409)
    assert.equal((await call(`/runs/${run}/budget`, { unit: 'calls', to: 1.5, reason: 'x' })).status, 400)
    assert.equal((await call(`/runs/${run}/budget`, { unit: 'calls', to: 5, reason: 'worth it' })).status, 202)
    assert.equal((await ended(run))?.status, 'completed')
  })

  test('children draw on the last calls of their parent: exactly those pass, whatever runs side by side', async () => {
    await put('one_call', [work('a')])
    const each = {
      id: 'each',
      kind: 'for_each',
      items: '=inputs.items',
      max: 100,
      parallel: 20,
      stages: [{ id: 'sub', kind: 'run', definition: 'one_call' }],
      on_failure: 'continue',
    }
    const before = made
    const items = Array.from({ length: 40 }, (_, i) => i)
    const definition = await put('parent_of_many', [each], {
      budget: { calls: 10 },
      inputs: { items: { type: 'list', default: items } },
    })
    const run = await start(definition)
    await ended(run)
    assert.equal(made - before, 10)
    const children = (await quorate.store.runs.list({ parent: run, limit: 100 })).items
    assert.equal(children.filter(({ status }) => status === 'completed').length, 10)
    assert.ok(children.every(({ status }) => status === 'completed' || status === 'partial'))
    const account = (await quorate.store.budgets.list(`run:${run}`)).find(({ unit }) => unit === 'calls')
    assert.deepEqual([account?.spent, account?.reserved, account?.estimated], [10, 0, 0])
  })

  test('the limit of a request ends a run of any definition', async () => {
    const { body } = await call('/create_workflow', {
      definition: { apiVersion: 'quorate/v1', name: 'any', stages: [work('a'), work('b')] },
      budget: { calls: 1 },
    })
    assert.equal((await ended(body['run_id'] as unknown as string))?.status, 'partial')
  })

  test('a call in hand when the program ends is charged in full, and made again', async () => {
    const stages = [{ id: 's', kind: 'tasks', tasks: [task('t', { agent: 'slow_a' })], on_failure: 'fail' }]
    const run = await start(await put('slow', stages, { budget: { calls: 5, tokens: 50_000 } }))
    await until(
      async () => hung.has(run),
      (found) => found,
    )
    await quorate.close()
    hung.clear()
    await open()
    await until(
      async () => hung.has(run),
      (found) => found,
    )
    hung.get(run)?.()
    assert.equal((await ended(run))?.status, 'completed')
    const { body } = await call(`/runs/${run}`)
    const [account] = (
      body['budget'] as unknown as {
        accounts: { spent: { calls: number; tokens: number }; estimated: { calls: number; tokens: number } }[]
      }
    ).accounts
    assert.equal(account?.spent.calls, 2)
    assert.ok((account?.estimated.tokens ?? 0) > 4_096)
  })

  test('the limits of the day and of an agent count over all runs', async () => {
    await quorate.close()
    await open({ daily: { calls: 3 }, agents_daily: { worker_a: { calls: 2 } } })
    const before = made
    const definition = await put('plain', [work('a')])
    const both = await put('two_agents', [
      { id: 's', kind: 'tasks', tasks: [task('t', { fallback: ['worker_b'], attempts: 2 })], on_failure: 'fail' },
    ])
    for (const _ of [1, 2]) assert.equal((await ended(await start(definition)))?.status, 'completed')
    // The agent has nothing left for today: another one takes the task, and only then the day is over.
    assert.equal((await ended(await start(both)))?.status, 'completed')
    const last = await ended(await start(both))
    assert.equal(last?.status, 'partial')
    assert.match(last?.reason ?? '', /\(day:\d{4}-\d\d-\d\d\)/)
    assert.equal(made - before, 3)
  })
})
