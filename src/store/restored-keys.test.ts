import assert from 'node:assert/strict'
import { mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type TestContext, test } from 'node:test'
import { backupStore, restoreStore } from './backup.ts'
import { DATABASE_FILE, openStore, RESTORING_FILE } from './sqlite.ts'
import { aKey, damage } from './stand-ins.ts'
import type { Store } from './store.ts'
import { verifyRows } from './verify-rows.ts'

const NOW = 1_000

/** A data directory, and what is done with it by a program that is started for it. */
async function ground(t: TestContext) {
  const dir = await mkdtemp(join(tmpdir(), 'quorate-restored-keys-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const data_dir = join(dir, 'data')
  const database = join(data_dir, DATABASE_FILE)
  return {
    data_dir,
    database,
    async work<T>(does: (keys: Store['api_keys']) => Promise<T>): Promise<T> {
      const store = await openStore({ data_dir, namespace: 'default', now: () => NOW })
      assert.ok(store.ok, store.ok ? '' : store.failure.message)
      try {
        return await does(store.value.api_keys)
      } finally {
        await store.value.close()
      }
    },
    async backUp(name: string): Promise<string> {
      const made = await backupStore({ data_dir, file: join(dir, name) })
      assert.ok(made.ok, made.ok ? '' : made.failure.message)
      return made.value.file
    },
    async restore(file: string) {
      const restored = await restoreStore({ data_dir, file, now: NOW })
      assert.ok(restored.ok, restored.ok ? '' : restored.failure.message)
      const db = new DatabaseSync(database, { readOnly: true })
      assert.equal(verifyRows(db), null)
      db.close()
      const { revoked, unconfirmed, unread } = restored.value.api_keys
      const ids = (keys: { id: string }[]) => keys.map(({ id }) => id)
      return { revoked: ids(revoked), unconfirmed: ids(unconfirmed), unread, kept: restored.value.kept as string }
    },
  }
}

test('a key that was revoked after the backup stays revoked, and nobody stays signed in', async (t) => {
  const { work, backUp, restore, data_dir } = await ground(t)
  await work(async ({ put, open_session }) => {
    for (const id of ['alive', 'leaked']) await put(aKey(id))
    await put(aKey('expired', { expires_at: NOW }))
    await open_session({ hash: 'signed out since', key: 'alive', created_at: 1, expires_at: 9_000 })
  })
  const file = await backUp('b.db')
  await work(async ({ revoke, close_session, used }) => {
    await revoke('leaked', 500, 'ann')
    await close_session('signed out since')
    await used('alive', 600)
  })
  const { kept, ...told } = await restore(file)
  assert.deepEqual(told, { revoked: ['leaked'], unconfirmed: [], unread: null })
  await work(async ({ of_prefix, session }) => {
    assert.deepEqual(await of_prefix('qk_leaked'), [aKey('leaked', { revoked_at: 500, revoked_by: 'ann' })])
    assert.equal((await of_prefix('qk_alive'))[0]?.revoked_at, null)
    assert.equal(await session('signed out since'), null)
  })
  // What was replaced is as it was, without an empty log beside it.
  assert.deepEqual(await readdir(kept), [DATABASE_FILE])
  assert.ok((await readdir(data_dir)).includes(DATABASE_FILE))
})

test('revocations are read from the log of a program that was killed', async (t) => {
  const { work, backUp, restore, database } = await ground(t)
  await work(({ put }) => put(aKey('leaked')))
  const file = await backUp('b.db')
  const store = await openStore({ data_dir: join(database, '..'), namespace: 'default', now: () => NOW })
  assert.ok(store.ok)
  await store.value.api_keys.revoke('leaked', 500, 'ann')
  // It stays open, so its log is not written back: as a kill leaves it.
  const { revoked } = await restore(file)
  await store.value.close()
  assert.deepEqual(revoked, ['leaked'])
})

test('it stays revoked when a later backup is restored over an earlier one', async (t) => {
  const { work, backUp, restore } = await ground(t)
  await work(({ put }) => put(aKey('first')))
  const early = await backUp('early.db')
  await work(async ({ put }) => {
    await put(aKey('leaked'))
    await put(aKey('second'))
  })
  const late = await backUp('late.db')
  await work(({ revoke }) => revoke('leaked', 500, 'ann'))
  assert.deepEqual((await restore(early)).revoked, [])
  const told = await restore(late)
  // The earlier backup, which is replaced now, has never seen the second key.
  assert.deepEqual([told.revoked, told.unconfirmed, told.unread], [['leaked'], ['second'], null])
  assert.equal(await work(({ find }) => find('leaked')), null)
})

test('keys that nothing confirms are named: no database, one that cannot be read, a damaged key', async (t) => {
  const { work, backUp, restore, data_dir, database } = await ground(t)
  await work(async ({ put }) => {
    for (const id of ['a', 'b', 'leaked']) await put(aKey(id))
    await put(aKey('expired', { expires_at: NOW }))
  })
  const file = await backUp('b.db')
  const all = ['a', 'b', 'leaked']

  await work(({ revoke }) => revoke('leaked', 500, 'ann'))
  damage(data_dir, "update api_keys set permissions = 'runs:write' where id = 'b'")
  const one = await restore(file)
  assert.deepEqual([one.revoked, one.unconfirmed], [['leaked'], ['b']])
  assert.match(one.unread ?? '', /API key b is not what was written/)

  await writeFile(database, 'x'.repeat(5_000))
  const garbage = await restore(file)
  assert.deepEqual([garbage.revoked, garbage.unconfirmed], [[], all])
  assert.match(garbage.unread ?? '', /not a database/)

  await rm(database)
  const none = await restore(file)
  assert.deepEqual([none.unconfirmed, none.unread], [all, 'there was no database to replace'])
})

test('a database of before there were keys, or sums of keys, says what it knows', async (t) => {
  const { work, backUp, restore, data_dir } = await ground(t)
  await work(({ put }) => put(aKey('leaked')))
  const file = await backUp('b.db')
  await work(({ revoke }) => revoke('leaked', 500, 'ann'))
  damage(data_dir, 'alter table api_keys drop column sum')
  assert.deepEqual((await restore(file)).revoked, ['leaked'])
  damage(data_dir, 'drop table api_keys')
  const told = await restore(file)
  assert.deepEqual([told.unconfirmed, told.unread], [['leaked'], null])
})

test('a restore that was interrupted has not lost what was revoked', async (t) => {
  const { work, backUp, restore, data_dir, database } = await ground(t)
  await work(async ({ put }) => {
    for (const id of ['a', 'leaked']) await put(aKey(id))
  })
  const file = await backUp('b.db')
  await work(({ revoke }) => revoke('leaked', 500, 'ann'))
  await restore(file)
  // As a kill leaves it after the old database was moved aside.
  await rename(database, join(data_dir, RESTORING_FILE))
  const told = await restore(file)
  assert.deepEqual([told.revoked, told.unconfirmed], [['leaked'], ['a']])
  assert.match(told.unread ?? '', /interrupted/)
})
