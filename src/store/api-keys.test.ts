import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { DATABASE_FILE, openStore } from './sqlite.ts'
import { aKey, damage } from './stand-ins.ts'
import type { ApiKey, Store } from './store.ts'
import { verifyRows } from './verify-rows.ts'

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

const key = (id: string, name: string, more: Partial<ApiKey> = {}) => aKey(id, { name, ...more })

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
  db.exec("delete from kysely_migration where name = '0007_key_sums'")
  const other = await beside()
  assert.match(other.ok ? '' : other.failure.message, /of another version/)
  const done = db.prepare("select count(*) as n from kysely_migration where name = '0007_key_sums'").get()
  assert.equal(done?.['n'], 0)
  db.close()
})

test('a damaged key is refused by name wherever it is read; the others are found and revoked', async (t) => {
  const { store, dir } = await opened(t)
  const { put, find, list, of_prefix, revoke, used, open_session, session } = store.api_keys
  const db = new DatabaseSync(join(dir, DATABASE_FILE))
  t.after(() => db.close())
  const untouched = { ...key('b', 'bob'), last_used_at: 900 }
  await put(key('b', 'bob'))
  await used('b', 900)
  for (const [n, change] of [
    "permissions = 'runs:read keys:wrote'",
    "hash = 'hash of b'",
    "name = 'anne'",
    'created_at = 101',
    "created_by = 'bob'",
    'expires_at = 1',
    'revoked_at = 250',
    "revoked_by = 'bob'",
    'sum = sum + 1',
  ].entries()) {
    const id = `a${n}`
    await put(key(id, `ann${n}`, { expires_at: 200 }))
    await open_session({ hash: `session of ${id}`, key: id, created_at: n, expires_at: 5_000 })
    assert.equal(verifyRows(db), null)
    damage(dir, `update api_keys set ${change} where id = '${id}'`)
    const refused = { message: new RegExp(`API key ${id} is not what was written`) }
    await assert.rejects(of_prefix(`qk_${id}`), refused, change)
    await assert.rejects(session(`session of ${id}`), refused, change)
    await assert.rejects(list({ revoked: true }), refused, change)
    assert.match(verifyRows(db)?.message ?? '', refused.message, change)
    if (change.startsWith('permissions')) {
      await assert.rejects(find(id), refused)
      await assert.rejects(revoke(id, 300, 'local'), refused)
      await assert.rejects(put(key('c', 'ann0', { created_at: 400 })), refused)
      assert.equal((await store.health()).ok, false)
    }
    assert.deepEqual(await find('bob'), untouched)
    damage(dir, `delete from api_keys where id = '${id}'`)
  }
  assert.equal(await revoke('b', 300, 'local'), true)
  assert.equal(verifyRows(db), null)
  assert.equal(await find('b'), null)
})

test('one whose name is the id of another is not taken for it', async (t) => {
  const { store } = await opened(t)
  await store.api_keys.put(key('a', 'ann'))
  await store.api_keys.put(key('b', 'a'))
  assert.equal((await store.api_keys.find('a'))?.id, 'a')
  await store.api_keys.revoke('a', 200, 'local')
  assert.equal((await store.api_keys.find('a'))?.id, 'b')
})

test('keys of a database of before there were checksums get one', async (t) => {
  const { store, dir } = await opened(t)
  await store.api_keys.put(key('a', 'ann', { expires_at: 50 }))
  await store.api_keys.put(key('b', 'ann'))
  await store.close()
  const db = new DatabaseSync(join(dir, DATABASE_FILE))
  t.after(() => db.close())
  db.exec(`alter table api_keys drop column sum; delete from kysely_migration where name = '0007_key_sums';
    pragma user_version = 0`)
  assert.equal(verifyRows(db), null)
  const again = await opened(t, 'default', dir)
  assert.deepEqual(await again.store.api_keys.list({ revoked: false }), [key('b', 'ann')])
  assert.equal((await again.store.api_keys.list({ revoked: true })).length, 2)
  assert.equal(verifyRows(db), null)
})
