/**
 * Budgets that end, or let go on, what is under way: models of this process and agents outside, on a model host that
 * stands in and never stops by itself.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type Quorate, startQuorate } from '../../src/main.ts'
import type { RunEvent } from '../../src/workflow/event.ts'
import { type HostStandIn, modelHostStandIn } from '../gateway/model-host.stand-in.ts'
import { quietLogger } from '../quiet-logger.ts'
import { replayAll } from '../replay-all.ts'
import { testConfiguration } from '../test-configuration.ts'
import { removeFolder, until } from './running-product.ts'
import { storedRuns } from './stored-runs.ts'

/** An agent outside: three questions. Where one is refused it waits for a sign, asks again, and prints what it was told. */
const ASKER = `
import { existsSync } from 'node:fs'
const { stdin } = process
let text = ''
for await (const part of stdin.setEncoding('utf8')) text += part
const url = process.env.OPENAI_BASE_URL + '/chat/completions'
const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + process.env.OPENAI_API_KEY }
const ask = async (content) => (await fetch(url, { method: 'POST', headers, body: JSON.stringify({ model: 'standin/small', messages: [{ role: 'user', content }], max_tokens: 400 }) })).status
const said = []
for (let n = 0; n < 3; ) {
  const status = await ask('count 300')
  if (said.at(-1) !== status) said.push(status)
  if (status === 200) n++
  else if (process.env.SIGN === undefined) {
    console.error('refused with ' + status)
    process.exit(1)
  }
  else while (!existsSync(process.env.SIGN)) await new Promise((resolve) => setTimeout(resolve, 20))
}
console.log(said.join(' '))
`

describe('budgets in mid-stream', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quorate-mid-stream-'))
  const sign = join(folder, 'raised')
  let quorate: Quorate
  let host: HostStandIn
  const open = async (budgets: object = {}): Promise<void> => {
    const configuration = testConfiguration(folder)
    const agent = (name: string, system: string, settings: object) => ({
      name,
      type: 'model' as const,
      system,
      description: '',
      role: '',
      instructions: '',
      capabilities: ['work'],
      settings: settings as never,
      concurrency: 50,
      timeout: '1m',
    })
    const env = { OPENAI_BASE_URL: '{{gateway.openai_url}}', OPENAI_API_KEY: '{{gateway.key}}' }
    const asks = { command: [process.execPath, '--input-type=module', '-e', ASKER] }
    const started = await startQuorate(
      {
        ...configuration,
        models: {
          ...configuration.models,
          hosts: [{ name: 'standin', kind: 'openai_compatible', url: host.url, api_key: null, concurrency: 20 }],
          default: 'standin/small',
        },
        agents: [
          agent('own', 'openai_compatible', { model: 'standin/small' }),
          agent('asker', 'command', { ...asks, env: { ...env, SIGN: sign } }),
          agent('quitter', 'command', { ...asks, env }),
        ],
        budgets: { ...configuration.budgets, ...budgets },
      },
      { logger: quietLogger },
    )
    if (!started.ok) throw new Error(started.failure.message)
    quorate = started.value
  }
  before(async () => {
    host = await modelHostStandIn()
    await open()
  })
  after(async () => {
    assert.deepEqual((await replayAll(quorate.store)).differences, [])
    await quorate.close()
    await host.close()
    removeFolder(folder)
  })

  const stored = storedRuns(() => quorate)
  const start = async (agent: string, instructions: string, more: object = {}): Promise<string> => {
    const stages = [
      { id: 's', kind: 'tasks', tasks: [{ id: 't', agent, instructions, attempts: 2 }], on_failure: 'fail' },
    ]
    return stored.start(await stored.put('mid_stream', stages, more))
  }
  const ended = async (run: string) => {
    const row = await stored.ended(run)
    return { row, events: (await quorate.store.events.read(run, 0, 10_000)) as RunEvent[] }
  }
  const spentOf = async (prefix: string) =>
    (await quorate.store.budgets.list(prefix)).find(({ unit }) => unit === 'tokens')

  test('an agent outside goes on in the same attempt when a person raises what it was denied', async () => {
    const run = await start('asker', 'go', { budget: { tokens: 5_000, calls: 1 } })
    await until(
      () => quorate.store.model_calls.list(run, 0, 10),
      (calls) => calls.some(({ outcome }) => outcome === 'ok'),
    )
    const answer = await fetch(`${quorate.url}/runs/${run}/budget`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ unit: 'calls', to: 3, reason: 'worth it' }),
    })
    assert.equal(answer.status, 202)
    await until(
      () => quorate.store.events.read(run, 0, 100),
      (events) => events.some(({ type }) => type === 'budget_raised'),
    )
    writeFileSync(sign, '')
    const { row, events } = await ended(run)
    assert.equal(row?.status, 'completed', row?.reason)
    const last = events.at(-1)
    assert.equal(last?.type === 'run_finished' && String(last.data.output).trim(), '200 429 200')
    assert.equal(events.filter(({ type }) => type === 'task_started').length, 1)
    assert.equal(row?.calls, 3)
  })

  test('an agent outside that gives up because of its budget has not failed: nothing is tried again, and the run closes out', async () => {
    const run = await start('quitter', 'go', { budget: { tokens: 6_000, calls: 1 } })
    const { row, events } = await ended(run)
    assert.equal(row?.status, 'partial', row?.reason)
    assert.match(row?.reason ?? '', /the budget of 1 call is used up/)
    assert.equal(events.filter(({ type }) => type === 'task_started').length, 1)
    assert.equal(events.filter(({ type }) => type === 'budget_denied').length, 1)
    const failed = events.find((event) => event.type === 'task_failed')
    assert.match(failed?.type === 'task_failed' ? failed.data.failure.message : '', /and so: .*refused with 429/s)
    assert.equal(row?.calls, 1)
  })

  test('a model of this process is ended when the tokens of the day are used up, and pays what it streamed', async () => {
    await quorate.close()
    await open({ daily: { tokens: 5_500 } })
    const before = host.calls.length
    const run = await start('own', 'rapid')
    const { row, events } = await ended(run)
    assert.equal(row?.status, 'partial', row?.reason)
    assert.match(row?.reason ?? '', /the budget of 5,500 tokens \(day:\d{4}-\d\d-\d\d\) is used up/)
    assert.equal(host.calls.length - before, 1)
    await host.idle()
    assert.equal(host.calls.at(-1)?.ended, 'hung up')
    const failed = events.find((event) => event.type === 'task_failed')
    assert.ok(failed?.type === 'task_failed')
    const { usage, denied } = failed.data
    assert.equal(denied?.unit, 'tokens')
    // Settled with what came, not with what had been reserved.
    const streamed = usage.output_tokens ?? 0
    const sent = host.calls.at(-1)?.completion_tokens ?? 0
    assert.ok(usage.estimated === true && streamed > 4_500 && streamed <= sent, `${streamed} of ${sent}`)
    const day = await spentOf('day:')
    assert.equal(day?.spent, (usage.input_tokens ?? 0) + streamed)
    assert.ok((day?.spent ?? 0) <= 5_500 + 512 && day?.reserved === 0)
  })

  test('so is an agent outside, whose many calls are held to the calls of the day', async () => {
    rmSync(sign)
    await quorate.close()
    await open({ agents_daily: { asker: { calls: 2 } } })
    const before = host.calls.length
    const run = await start('asker', 'go', { budget: { wall_clock: '3s' } })
    await until(
      () => quorate.store.model_calls.list(run, 0, 10),
      (calls) => calls.filter(({ outcome }) => outcome === 'ok').length === 2,
    )
    await ended(run)
    assert.equal(host.calls.length - before, 2)
    // It is settled when the agent has stopped.
    const [account] = await until(
      () => quorate.store.budgets.list('agent:asker:'),
      ([one]) => one?.reserved === 0,
    )
    assert.deepEqual([account?.unit, account?.spent], ['calls', 2])
  })
})
