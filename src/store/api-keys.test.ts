import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { DATABASE_FILE, openStore } from './sqlite.ts'
import type { ApiKey, Store } from './store.ts'

async function opened(t: TestContext, namespace = 'default', given?: string): Promise<{ store: Store; dir: string }> {
  const dir = given ?? (await mkdtemp(join(tmpdir(), 'quorate-keys-')))
  const store = await openStore({ data_dir: dir, namespace, now: () => 0 })
  if (!store.ok) throw new Error(store.failure.message)
  t.after(async () => {
    await store.value.close()
    await rm(dir, { recursive: true, force: true })
  })
  return { store: store.value, dir }
}

const key = (id: string, name: string, more: Partial<ApiKey> = {}): ApiKey => ({
  id,
  name,
  prefix: `qk_${id}`,
  hash: `hash of ${id}`,
  permissions: ['runs:read', 'keys:write'],
  created_at: 100,
  created_by: 'local',
  expires_at: null,
  last_used_at: null,
  revoked_at: null,
  revoked_by: null,
  ...more,
})

test('a key is found by its prefix, as it was put, in its own namespace only', async (t) => {
  const { store, dir } = await opened(t)
  const other = await opened(t, 'other', dir)
  assert.equal(await store.api_keys.put(key('a', 'ci')), true)
  assert.deepEqual(await store.api_keys.of_prefix('qk_a'), [key('a', 'ci')])
  assert.deepEqual(await store.api_keys.of_prefix('qk_b'), [])
  assert.deepEqual(await other.store.api_keys.of_prefix('qk_a'), [])
  assert.equal(await other.store.api_keys.revoke('a', 1, 'x'), false)
  assert.equal(await other.store.api_keys.put(key('a', 'ci')), true)
})

test('of keys in force each has its own name; revoked and expired ones give theirs free', async (t) => {
  const { store } = await opened(t)
  const { put, revoke, list, of_prefix } = store.api_keys
  assert.equal(await put(key('a', 'ci')), true)
  assert.equal(await put(key('b', 'ci')), false)
  assert.equal(await revoke('a', 200, 'ann'), true)
  assert.equal(await revoke('a', 300, 'bob'), false)
  assert.equal(await put(key('b', 'ci', { expires_at: 400 })), true)
  assert.equal(await put(key('c', 'ci', { created_at: 399 })), false)
  assert.equal(await put(key('c', 'ci', { created_at: 400 })), true)
  assert.deepEqual(
    (await list({ revoked: false })).map(({ id }) => id),
    ['c'],
  )
  assert.deepEqual(
    (await list({ revoked: true })).map(({ id, revoked_by }) => [id, revoked_by]),
    [
      ['c', null],
      ['b', 'expiry'],
      ['a', 'ann'],
    ],
  )
  assert.equal((await of_prefix('qk_a'))[0]?.revoked_at, 200)
})

test('two at once with one name: one of them is made', async (t) => {
  const { store } = await opened(t)
  const made = await Promise.all(Array.from({ length: 8 }, (_, i) => store.api_keys.put(key(`k${i}`, 'same'))))
  assert.equal(made.filter((one) => one).length, 1)
})

test('sessions end with their key, by themselves, and by their number', async (t) => {
  const { store } = await opened(t)
  const { put, open_session, session, close_session, revoke, used } = store.api_keys
  await put(key('a', 'ann'))
  await put(key('b', 'bob'))
  const at = (hash: string, created_at: number, of = 'a', expires_at = 10_000) =>
    open_session({ hash, key: of, created_at, expires_at })
  await at('first', 1, 'a', 50)
  await at('of_bob', 2, 'b')
  assert.deepEqual(await session('first'), { key: key('a', 'ann'), expires_at: 50 })
  await used('a', 777)
  assert.equal((await session('first'))?.key.last_used_at, 777)
  await at('second', 50)
  assert.equal(await session('first'), null, 'expired ones go when another one comes')
  for (let i = 0; i < 100; i++) await at(`more ${i}`, 100 + i)
  assert.equal(await session('second'), null, 'a hundred of one key are kept')
  assert.notEqual(await session('of_bob'), null)
  await close_session('more 99')
  assert.equal(await session('more 99'), null)
  await revoke('a', 500, 'ann')
  assert.equal(await session('more 50'), null)
  assert.notEqual(await session('of_bob'), null)
})

test('what a program of another version works on is not changed under it', async (t) => {
  const { store, dir } = await opened(t)
  await store.close()
  const beside = () => openStore({ data_dir: dir, namespace: 'default', now: () => 0, as_it_is: true })
  const same = await beside()
  assert.ok(same.ok)
  await same.value.close()
  const db = new DatabaseSync(join(dir, DATABASE_FILE))
  db.exec("delete from kysely_migration where name = '0006_api_keys'")
  const other = await beside()
  assert.match(other.ok ? '' : other.failure.message, /of another version/)
  const done = db.prepare("select count(*) as n from kysely_migration where name = '0006_api_keys'").get()
  assert.equal(done?.['n'], 0)
  db.close()
})
