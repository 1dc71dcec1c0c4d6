import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import type { EventData, RunEvent } from '../workflow/event.ts'
import { DATABASE_FILE, openStore } from './sqlite.ts'
import { aTry } from './stand-ins.ts'
import { aRun } from './store.conformance.ts'
import type { Store } from './store.ts'
import { DAY_MS, FINEST_KEPT_MS } from './usage-grains.ts'

const START = 1_700_000_000_000
const HOUR = 3_600_000

async function place(t: TestContext): Promise<{ data_dir: string; open: () => Promise<Store> }> {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-store-'))
  t.after(() => rm(data_dir, { recursive: true, force: true }))
  return {
    data_dir,
    open: async () => {
      const store = await openStore({ data_dir, namespace: 'default', now: () => START })
      if (!store.ok) throw new Error(store.failure.message)
      return store.value
    },
  }
}

const event = <T extends 'task_finished' | 'task_failed' | 'run_finished'>(
  run: string,
  seq: number,
  at: number,
  type: T,
  data: EventData[T],
) => ({ run, seq, at, type, v: 1, cause: null, data }) as RunEvent
const base = { task: 'a/b', attempt: 1, duration_ms: 100, queued_ms: 0, why: '', effect_key: 'k' }
const finished = (run: string, seq: number, at: number, more: Partial<EventData['task_finished']> = {}) =>
  event(run, seq, at, 'task_finished', {
    ...base,
    agent: 'ann',
    model: 'm',
    output: 'x',
    usage: { input_tokens: 7, output_tokens: 3, calls: 1 },
    ...more,
  })
const failed = (run: string, seq: number, at: number, kind: 'timeout' | 'cancelled', agent: string | null = 'ann') =>
  event(run, seq, at, 'task_failed', {
    ...base,
    agent,
    failure: { kind, message: 'no' },
    retryable: false,
    usage: { input_tokens: null, output_tokens: 2, calls: 1 },
  })
const ended = (run: string, seq: number, at: number) =>
  event(run, seq, at, 'run_finished', { status: 'completed', reason: '', output: null, success: [] })

const day = (kind: 'run' | 'task') => ({
  kind,
  grain: HOUR,
  bucket: DAY_MS,
  from: Math.floor(START / DAY_MS) * DAY_MS,
  to: (Math.floor(START / DAY_MS) + 2) * DAY_MS,
})

/** One run with all that is counted, stored twice, and a fork of it. */
async function fill(store: Store): Promise<void> {
  const run = 'run_1'
  await store.runs.create(aRun(run, { status: 'running', created_at: START, started_at: START }), [])
  const events = [
    finished(run, 1, START + 10),
    failed(run, 2, START + 20, 'timeout'),
    failed(run, 3, START + 30, 'cancelled'),
    failed(run, 4, START + 40, 'timeout', null),
    finished(run, 5, START + 50, { agent: 'bob', model: null }),
    ended(run, 6, START + 2_000),
  ]
  for (let twice = 0; twice < 2; twice++)
    await store.events.append([{ run, epoch: 0, events, row: { status: 'completed', ended_at: START + 2_000 } }])
  const fork = 'run_2'
  const shared = events.slice(0, 2).map((each) => ({ ...each, run: fork }) as RunEvent)
  await store.runs.create(aRun(fork, { status: 'running', created_at: START + 5_000, started_at: START }), shared)
  await store.events.append([{ run: fork, epoch: 0, events: [finished(fork, 3, START + 6_000)], row: {} }])
}

test('what ends is summed once, by whom and with what outcome; what a fork shares is not summed again', async (t) => {
  const { open } = await place(t)
  const store = await open()
  t.after(() => store.close())
  await fill(store)
  const sums = await store.usage.sums({ ...day('task'), by: 'agent' })
  const of = (name: string, outcome: string) => sums.find((row) => row.name === name && row.outcome === outcome)
  assert.deepEqual(
    [
      of('ann', 'completed')?.n,
      of('ann', 'failed')?.n,
      of('ann', 'other')?.n,
      of('bob', 'completed')?.n,
      of('', 'other')?.n,
    ],
    [2, 1, 1, 1, 1],
  )
  assert.deepEqual(
    [of('ann', 'completed')?.input_tokens, of('ann', 'failed')?.unknown_usage, of('ann', 'failed')?.output_tokens],
    [14, 1, 2],
  )
  assert.deepEqual(
    (await store.usage.sums(day('run'))).map(({ outcome, n }) => [outcome, n]),
    [['completed', 1]],
  )
  assert.deepEqual(
    (await store.usage.durations(day('run'))).map(({ bin, n }) => [bin, n]),
    [[34, 1]],
  )
  assert.deepEqual(
    (await store.usage.sums({ ...day('task'), agent: 'bob' })).map(({ n }) => n),
    [1],
  )
  assert.deepEqual(await store.usage.sums({ ...day('task'), agent: "'; drop table events; --" }), [])
})

test('a database of before gets the sums of its log: the same as if they had been kept all along', async (t) => {
  const { data_dir, open } = await place(t)
  const first = await open()
  await fill(first)
  await first.close()
  const path = join(data_dir, DATABASE_FILE)
  const rows = () => {
    const db = new DatabaseSync(path)
    const all = db.prepare('select * from usage_sums order by grain, kind, slot, agent, model, outcome, bin').all()
    db.close()
    return all.map((row) => ({ ...row }))
  }
  const kept = rows()
  const db = new DatabaseSync(path)
  // As the program before left it: later migrations stay, they do not build on this one.
  db.exec('delete from usage_sums')
  const { overTimeSums } = await import('./migrations/0002-over-time.ts')
  const { Kysely } = await import('kysely')
  const { NodeSqliteDialect } = await import('./sqlite-dialect.ts')
  await overTimeSums(new Kysely({ dialect: new NodeSqliteDialect(db) }))
  db.close()
  assert.ok(kept.length > 5)
  assert.deepEqual(rows(), kept)
})

test('the finest slots go after their days, the others stay', async (t) => {
  const { open } = await place(t)
  const store = await open()
  t.after(() => store.close())
  await store.runs.create(aRun('run_1', { status: 'running', created_at: START }), [])
  const late = START + FINEST_KEPT_MS + 2 * DAY_MS
  await store.events.append([
    { run: 'run_1', epoch: 0, events: [finished('run_1', 1, START), finished('run_1', 2, late)], row: {} },
  ])
  const count = async (grain: number) =>
    (await store.usage.sums({ kind: 'task', grain, bucket: grain, from: 0, to: late + DAY_MS })).length
  assert.deepEqual([await count(300_000), await count(HOUR), await count(DAY_MS)], [1, 2, 2])
})

test('calls of an agent come in pages, the latest first, without what forks share', async (t) => {
  const { open } = await place(t)
  const store = await open()
  t.after(() => store.close())
  await fill(store)
  const seen: [string, number, boolean][] = []
  let cursor: string | undefined
  do {
    const page = await store.agent_history.calls({ agent: 'ann', limit: 2, ...(cursor !== undefined && { cursor }) })
    seen.push(...page.items.map((call): [string, number, boolean] => [call.run, call.seq, call.ok]))
    cursor = page.next ?? undefined
  } while (cursor !== undefined)
  assert.deepEqual(seen, [
    ['run_2', 3, true],
    ['run_1', 3, false],
    ['run_1', 2, false],
    ['run_1', 1, true],
  ])
  const [call] = (await store.agent_history.calls({ agent: 'ann', limit: 10 })).items.slice(-2)
  assert.deepEqual([call?.failure?.kind, call?.model, call?.input_tokens], ['timeout', null, null])
})

test('of the states of an agent the latest thousand are kept', async (t) => {
  const { open } = await place(t)
  const store = await open()
  t.after(() => store.close())
  const change = (at: number) => ({ agent: 'agt_1', at, state: 'ready', breaker: 'closed', reason: '' })
  await store.agent_history.note(Array.from({ length: 1_200 }, (_, at) => change(at)))
  await store.agent_history.note([{ ...change(5), agent: 'agt_2' }])
  const states = await store.agent_history.states('agt_1', 1_000)
  assert.deepEqual([states.length, states[0]?.at, states.at(-1)?.at], [1_000, 1_199, 200])
  assert.equal((await store.agent_history.states('agt_2', 10)).length, 1)
})

test('tries are kept as they are, the latest two hundred of an agent', async (t) => {
  const { open } = await place(t)
  const store = await open()
  t.after(() => store.close())
  const one = (i: number) => aTry(`try_${i}`, { prompt: `${i} 🧪`, created_at: i })
  for (let i = 0; i < 205; i++) await store.tries.put(one(i))
  await store.tries.put({ ...one(204), state: 'completed', output: { text: 'done' } })
  assert.equal(await store.tries.get('try_0'), null)
  assert.deepEqual((await store.tries.get('try_204'))?.output, { text: 'done' })
  assert.deepEqual(
    (await store.tries.list('agt_1', 2)).map(({ id }) => id),
    ['try_204', 'try_203'],
  )
  assert.equal((await store.tries.list('agt_1', 500)).length, 200)
})
