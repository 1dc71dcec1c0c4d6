import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { it, type TestContext } from 'node:test'
import { commitsInThread } from './event-commits.ts'
import { DATABASE_FILE, openStore } from './sqlite.ts'
import { anEvent, aRun } from './store.conformance.ts'

async function place(t: TestContext) {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-thread-'))
  const store = await openStore({ data_dir, namespace: 'default', now: () => 1 })
  assert.ok(store.ok)
  const file = join(data_dir, DATABASE_FILE)
  const commits = commitsInThread(file, 'default')
  t.after(async () => {
    await commits.close()
    await store.value.close()
    await rm(data_dir, { recursive: true, force: true })
  })
  return { commits, store: store.value, file }
}

it('stores runs that are created at once together, and says of each whether it was new', async (t) => {
  const { commits, store } = await place(t)
  const ids = ['a', 'b', 'a', 'c']
  assert.deepEqual(await Promise.all(ids.map((id) => commits.create(aRun(id), [anEvent(id, 1)]))), [
    true,
    true,
    false,
    true,
  ])
  for (const id of ['a', 'b', 'c']) assert.equal((await store.events.read(id, 0, 9)).length, 1)
})

it('refuses one that cannot be stored without taking the others along', async (t) => {
  const { commits, store } = await place(t)
  const bad = { ...aRun('bad'), status: undefined as never }
  const [first, second, third] = await Promise.allSettled([
    commits.create(aRun('one'), []),
    commits.create(bad, []),
    commits.create(aRun('two'), []),
  ])
  assert.equal(first?.status, 'fulfilled')
  assert.ok(second?.status === 'rejected')
  assert.match(String(second.reason), /undefined/)
  assert.equal(third?.status, 'fulfilled')
  assert.equal(await store.runs.get('bad'), null)
  assert.equal((await store.runs.get('two'))?.id, 'two')
})

it('keeps the number of an SQLite error, by which the failure is known', async (t) => {
  const { commits, store, file } = await place(t)
  const broken = new DatabaseSync(file)
  t.after(() => broken.close())
  await commits.create(aRun('a'), [])
  broken.exec('drop table events')
  await assert.rejects(
    commits.append([{ run: 'a', epoch: 0, events: [anEvent('a', 1)], row: {} }]),
    (error: Error & { code?: string; errcode?: number }) =>
      error.code === 'ERR_SQLITE_ERROR' && typeof error.errcode === 'number' && /events/.test(error.message),
  )
  assert.equal((await store.runs.get('a'))?.seq, 0)
})

it('never writes while somebody else has the turn, and lets them write in the order of asking', async (t) => {
  const { commits, store } = await place(t)
  await commits.create(aRun('a'), [])
  const order: string[] = []
  const held = Promise.withResolvers<void>()
  const turns = [
    commits.turn(() => held.promise.then(() => void order.push('other'))),
    commits.append([{ run: 'a', epoch: 0, events: [anEvent('a', 1)], row: {} }]).then(() => void order.push('events')),
    commits.turn(async () => void order.push('last')),
  ]
  await new Promise(setImmediate)
  assert.deepEqual(await store.events.read('a', 0, 9), [])
  held.resolve()
  await Promise.all(turns)
  assert.deepEqual(order, ['other', 'events', 'last'])
  assert.equal((await store.events.read('a', 0, 9)).length, 1)
})

it('begins a thread that has ended anew', async (t) => {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-thread-'))
  const commits = commitsInThread(join(data_dir, DATABASE_FILE), 'default')
  t.after(async () => {
    await commits.close()
    await rm(data_dir, { recursive: true, force: true })
  })
  // A database without tables: the thread ends when it prepares its statements.
  await assert.rejects(commits.create(aRun('a'), []), /no such table|has ended/)
  const store = await openStore({ data_dir, namespace: 'default', now: () => 1 })
  assert.ok(store.ok)
  assert.equal(await commits.create(aRun('a'), []), true)
  await store.value.close()
})
