/** What a process that is killed outright leaves behind: model calls that had begun, and what it held of budgets. */
import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { nothing } from '../budget/amounts.ts'
import { openStore } from './sqlite.ts'
import type { ModelCall, Store } from './store.ts'

const open = async (data_dir: string): Promise<Store> => {
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) throw new Error(opened.failure.message)
  return opened.value
}
const LIMIT = 60

/** At each word from its parent: one call of an account that all share, held before and settled after; says when it may use it. */
async function useBudget(data_dir: string, name: string): Promise<void> {
  const store = await open(data_dir)
  let i = 0
  process.on('message', async () => {
    const key = `${name}/${i++}`
    const { denied } = await store.budgets.reserve({
      key,
      owner: name,
      alive_until: Date.now() + 60_000,
      amounts: { ...nothing(), calls: 1, tokens: 10 },
      accounts: [{ id: 'day', limits: { calls: LIMIT }, keep: nothing() }],
      purpose: 'work',
    })
    if (denied === null) await store.budgets.settle(key, { calls: 1, tokens: 1, money: 0 })
    process.send?.(denied === null ? 'used' : 'denied')
  })
  process.send?.('ready')
}

/** Begins calls and never ends them, and says of each when it is in the store. */
async function beginCalls(data_dir: string): Promise<void> {
  const store = await open(data_dir)
  for (let position = 1; ; position++) {
    const call: ModelCall = {
      run: 'r',
      task: 't',
      attempt: 1,
      agent: 'a',
      access: 'x',
      position,
      endpoint: '/v1/chat/completions',
      content: 'c',
      at: 0,
      reserved_tokens: 100,
      outcome: 'running',
      model: null,
      input_tokens: null,
      output_tokens: null,
      estimated: false,
      first_token_ms: null,
      duration_ms: null,
      replayed: false,
      closed: false,
      request: null,
      answer: null,
    }
    await store.model_calls.begin(call)
    process.send?.(position)
  }
}

const [role, data, name = ''] = process.argv.slice(2)
if (role === 'use-budget' && data !== undefined) {
  process.on('disconnect', () => process.exit(0))
  await useBudget(data, name)
} else if (role === 'begin-calls' && data !== undefined) {
  process.on('disconnect', () => process.exit(0))
  await beginCalls(data)
} else
  describe('a process that is killed', () => {
    let data_dir = ''
    before(async () => {
      data_dir = await mkdtemp(join(tmpdir(), 'quorate-killed-'))
      await (await open(data_dir)).close()
    })
    after(() => rm(data_dir, { recursive: true, force: true }))
    const start = (...args: string[]): ChildProcess =>
      fork(import.meta.filename, args, { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    const kill = async (child: ChildProcess): Promise<void> => {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }

    test('leaves every model call that it said had begun, so that each is charged as it was reserved', async () => {
      const child = start('begin-calls', data_dir)
      let begun = 0
      await new Promise<void>((enough) => {
        child.on('message', (position: number) => {
          begun = position
          if (position >= 50) enough()
        })
      })
      await kill(child)
      const store = await open(data_dir)
      const calls = await store.model_calls.of_task('r', 't')
      assert.ok(calls.length >= begun, `${calls.length} of ${begun}`)
      assert.ok(calls.every(({ outcome, reserved_tokens }) => outcome === 'running' && reserved_tokens === 100))
      await store.close()
    })

    test('and three processes on one budget, one killed again and again in the middle of a call: exactly as many calls as it holds', async () => {
      const begin = async (name: string): Promise<ChildProcess> => {
        const child = start('use-budget', data_dir, name)
        await once(child, 'message')
        return child
      }
      const call = async (child: ChildProcess): Promise<string> => {
        const said = once(child, 'message')
        child.send('go')
        return String((await said)[0])
      }
      const survivors = await Promise.all(['one', 'two'].map(begin))
      let used = 0
      let kills = 0
      let over = false
      let victim = await begin('victim0')
      for (let round = 1; !over; round++) {
        const dies = round % 4 === 0 && kills < 3
        const working = survivors.map(call)
        if (dies) {
          victim.send('go')
          // Wherever it is by now: before the reservation, between it and the settlement, or after.
          for (let turns = 0; turns < round; turns++) await new Promise(setImmediate)
          await kill(victim)
          kills++
          victim = await begin(`victim${kills}`)
        } else working.push(call(victim))
        for (const said of await Promise.all(working)) {
          if (said === 'used') used++
          else over = true
        }
      }
      assert.equal(kills, 3)
      for (const child of [...survivors, victim]) await kill(child)
      const store = await open(data_dir)
      // What the dead held is charged once they do not show themselves: then the books have every call.
      await store.budgets.charge_left_behind(Date.now() + 120_000)
      const [day] = await store.budgets.list('day')
      assert.deepEqual([day?.spent, day?.reserved], [LIMIT, 0])
      assert.ok(used <= LIMIT && used >= LIMIT - kills, `${used} calls of ${LIMIT}`)
      await store.close()
    })
  })
