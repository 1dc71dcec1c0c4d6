import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { backupStore, restoreStore, stamp } from './backup.ts'
import { DATABASE_FILE, openStore, RESTORING_FILE } from './sqlite.ts'
import { anEvent, aRun } from './store.conformance.ts'
import type { Store } from './store.ts'

async function opened(data_dir: string): Promise<Store> {
  const store = await openStore({ data_dir, namespace: 'default', now: () => 1 })
  if (!store.ok) return assert.fail(store.failure.message)
  return store.value
}

const inDirectory = (body: (dir: string) => Promise<void>) => async () => {
  const dir = await mkdtemp(join(tmpdir(), 'quorate-backup-'))
  try {
    await body(dir)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const append = (store: Store, seq: number) =>
  store.events.append([
    { run: 'run_1', epoch: 0, events: [anEvent('run_1', seq, 'x'.repeat(900))], row: { calls: seq } },
  ])

/** A data directory with a run of `events` events that has not ended. */
async function filled(data_dir: string, events = 20): Promise<void> {
  const store = await opened(data_dir)
  await store.runs.create(aRun('run_1', { status: 'running' }), [])
  for (let seq = 1; seq <= events; seq++) await append(store, seq)
  await store.close()
}

describe('backup', () => {
  it(
    'gives one file with what was committed, also while the store is written',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      const store = await opened(data_dir)
      await store.runs.create(aRun('run_1'), [])
      for (let seq = 1; seq <= 100; seq++) await append(store, seq)
      const file = join(dir, 'copy.db')
      const copying = backupStore({ data_dir, file })
      for (let seq = 101; seq <= 150; seq++) await append(store, seq)
      const copied = await copying
      assert.ok(copied.ok)
      assert.equal((await stat(file)).mode & 0o777, 0o600)
      assert.deepEqual([copied.value.runs, copied.value.bytes], [1, (await stat(file)).size])
      assert.ok(copied.value.events >= 100 && copied.value.events <= 150)
      assert.deepEqual((await readdir(dir)).sort(), ['copy.db', 'data'])
      await store.close()
    }),
  )

  it(
    'replaces nothing unless told to, and refuses where there is nothing or no room for it',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      await filled(data_dir)
      const file = join(dir, 'b.db')
      await writeFile(file, 'mine')
      const refused = await backupStore({ data_dir, file })
      assert.equal(refused.ok ? '' : refused.failure.kind, 'conflict')
      assert.equal(await readFile(file, 'utf8'), 'mine')
      assert.ok((await backupStore({ data_dir, file, force: true })).ok)
      for (const [wrong, kind] of [
        [{ data_dir: join(dir, 'none'), file: join(dir, 'c') }, 'not_found'],
        [{ data_dir, file: join(dir, 'no', 'c') }, 'unavailable'],
        [{ data_dir, file: join(data_dir, DATABASE_FILE), force: true }, 'invalid_input'],
      ] as const) {
        const failed = await backupStore(wrong)
        assert.equal(failed.ok ? '' : failed.failure.kind, kind)
      }
      assert.deepEqual((await readdir(dir)).sort(), ['b.db', 'data'])
    }),
  )

  it(
    'is refused for a database with a damaged letter, naming the file and the event',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      await filled(data_dir)
      const db = new DatabaseSync(join(data_dir, DATABASE_FILE))
      db.exec("update events set data = replace(data, 'xxx', 'xyx') where seq = 7")
      db.close()
      const refused = await backupStore({ data_dir, file: join(dir, 'b.db') })
      assert.ok(!refused.ok)
      assert.equal(refused.failure.kind, 'data_damaged')
      assert.match(refused.failure.message, /event 7 of run_1/)
      assert.equal(refused.failure.value, join(data_dir, DATABASE_FILE))
      assert.deepEqual(await readdir(dir), ['data'])
    }),
  )
})

describe('restore', () => {
  it(
    'puts the backup in place, keeps what was there, and leaves the engine’s folder out',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      await filled(data_dir, 20)
      const file = join(dir, 'b.db')
      assert.ok((await backupStore({ data_dir, file })).ok)
      const store = await opened(data_dir)
      for (let seq = 21; seq <= 30; seq++) await append(store, seq)
      await store.close()
      await mkdir(join(data_dir, 'engine'))
      await mkdir(join(data_dir, 'work'))

      const restored = await restoreStore({ data_dir, file, now: Date.UTC(2026, 10, 22, 9, 30) })
      assert.ok(restored.ok)
      const kept = join(data_dir, 'before-restore-20261122-093000')
      assert.deepEqual(
        [restored.value.kept, restored.value.runs, restored.value.unfinished, restored.value.events],
        [kept, 1, 1, 20],
      )
      assert.deepEqual((await readdir(data_dir)).sort(), ['before-restore-20261122-093000', DATABASE_FILE, 'work'])
      assert.deepEqual((await readdir(kept)).sort(), ['engine', DATABASE_FILE])
      const after = await opened(data_dir)
      assert.equal(await after.events.last_seq('run_1'), 20)
      assert.equal((await after.events.read('run_1', 0, 100)).length, 20)
      await after.close()
      const before = await opened(kept)
      assert.equal(await before.events.last_seq('run_1'), 30)
      await before.close()
    }),
  )

  it(
    'asks first about effects of runs that were under way at the backup, and of no other',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      await filled(data_dir)
      const first = await opened(data_dir)
      await first.effects.begin('known', 'run_1', 'a', { agent: 'x', attempt: 1 })
      await first.effects.done('known', { sent: true })
      await first.close()
      const file = join(dir, 'b.db')
      assert.ok((await backupStore({ data_dir, file })).ok)
      assert.ok((await restoreStore({ data_dir, file, now: 1 })).ok)
      const store = await opened(data_dir)
      const by = { agent: 'x', attempt: 1 }
      assert.deepEqual(await store.effects.begin('known', 'run_1', 'a', by), { state: 'done', result: { sent: true } })
      await store.runs.create(aRun('run_child', { parent: 'run_1' }), [])
      for (const run of ['run_1', 'run_child']) {
        assert.deepEqual(await store.effects.begin(`${run}/b`, run, 'b', by), { state: 'pending', by })
        // Somebody looked: it did not happen. It is begun like any other, and not asked about again.
        await store.effects.forget(`${run}/b`)
        assert.equal(await store.effects.get(`${run}/b`), null)
        assert.deepEqual(await store.effects.begin(`${run}/b`, run, 'b', { ...by, attempt: 2 }), { state: 'new' })
      }
      await store.runs.create(aRun('run_2'), [])
      assert.deepEqual(await store.effects.begin('new', 'run_2', 'b', by), { state: 'new' })
      await store.close()
    }),
  )

  it(
    'refuses what is no backup, is damaged, is half of one or is from a newer program, and changes nothing',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      await filled(data_dir)
      const good = join(dir, 'good.db')
      assert.ok((await backupStore({ data_dir, file: good })).ok)
      const bytes = await readFile(good)
      const named = async (name: string, content: string | Uint8Array): Promise<string> => {
        await writeFile(join(dir, name), content)
        return join(dir, name)
      }
      const flipped = Buffer.from(bytes)
      const at = flipped.lastIndexOf('xxxx')
      flipped[at] = 0x79
      const other = join(dir, 'other.db')
      const db = new DatabaseSync(other)
      db.exec('create table poems (line text)')
      db.close()
      const newer = await named('newer.db', bytes)
      const future = new DatabaseSync(newer)
      future.exec("insert into kysely_migration values ('9999_future', '2030-01-01T00:00:00Z')")
      future.close()
      const half = await named('half.db', bytes)
      await named('half.db-wal', 'commits')
      const before = await readFile(join(data_dir, DATABASE_FILE))
      for (const [file, kind, message] of [
        [join(dir, 'nowhere.db'), 'not_found', /cannot be read/],
        [await named('poem.db', 'my only copy of a poem'), 'data_damaged', /damaged/],
        [await named('cut.db', bytes.subarray(0, bytes.length - 5_000)), 'data_damaged', /damaged/],
        [await named('flipped.db', flipped), 'data_damaged', /event \d+ of run_1 is not what was written/],
        [other, 'invalid_input', /not a database of Quorate/],
        [newer, 'unsupported', /newer version.*9999_future/],
        [half, 'refused', /half\.db-wal/],
      ] as const) {
        const refused = await restoreStore({ data_dir, file, now: 1 })
        assert.ok(!refused.ok, file)
        assert.equal(refused.failure.kind, kind, `${file}: ${refused.failure.message}`)
        assert.match(refused.failure.message, message)
        // Reading a database that nobody has open leaves an empty log behind.
        const others = (await readdir(data_dir)).filter((name) => !/^quorate\.db(-wal|-shm)?$/.test(name))
        assert.deepEqual(others, [])
        assert.deepEqual(await readFile(join(data_dir, DATABASE_FILE)), before)
      }
    }),
  )

  it(
    'that was interrupted keeps the program from starting on half of it, and can be done again',
    inDirectory(async (dir) => {
      const data_dir = join(dir, 'data')
      await filled(data_dir)
      const file = join(dir, 'b.db')
      assert.ok((await backupStore({ data_dir, file })).ok)
      // As a kill leaves it after the old database was moved aside.
      await rm(join(data_dir, DATABASE_FILE))
      await writeFile(join(data_dir, RESTORING_FILE), await readFile(file))
      const refused = await openStore({ data_dir, namespace: 'default', now: () => 1 })
      assert.match(refused.ok ? '' : refused.failure.message, /restore into .* was interrupted/)
      assert.ok((await restoreStore({ data_dir, file, now: 1 })).ok)
      const store = await opened(data_dir)
      assert.equal(await store.events.last_seq('run_1'), 20)
      await store.close()
    }),
  )
})

describe('damage that SQLite does not see', () => {
  it(
    'is refused by name when the row is read, told once, and stays in the health',
    inDirectory(async (dir) => {
      await filled(dir)
      const path = join(dir, DATABASE_FILE)
      const bytes = await readFile(path)
      // One letter of one event, and the number of another: pages and indexes stay sound.
      const file = await open(path, 'r+')
      await file.write(Buffer.from('y'), 0, 1, bytes.lastIndexOf('xxxx'))
      await file.close()
      const told: string[] = []
      const store = await openStore({
        data_dir: dir,
        namespace: 'default',
        now: () => 1,
        on_damage: (failure) => told.push(`${failure.message} ${failure.value}`),
      })
      assert.ok(store.ok)
      const { events, meta, health, close } = store.value
      for (let n = 0; n < 2; n++)
        await assert.rejects(events.read('run_1', 0, 100), /event \d+ of run_1 is not what was written/)
      assert.equal(told.length, 1)
      assert.ok(told[0]?.endsWith(path))
      await meta.set('a', 'b')
      const { ok, detail } = await health()
      assert.ok(!ok && detail.includes(path))
      await close()
    }),
  )

  it(
    'of mail, effects, blobs, definitions, rows of runs and lost events is refused too',
    inDirectory(async (dir) => {
      await filled(dir)
      const first = await opened(dir)
      await first.inbox.put('run_1', 'e', { at: 1, type: 'timer_fired', data: { timer: 't' } })
      await first.effects.begin('k', 'run_1', 't', { agent: 'x', attempt: 1 })
      await first.effects.done('k', { sent: 100 })
      const blob = await first.blobs.put(Buffer.from('a text that matters'))
      const { hash } = await first.definitions.put(
        { apiVersion: 'quorate/v1', name: 'plan', stages: [], output: null } as never,
        'test',
        '',
      )
      await first.runs.create(aRun('run_2', { status: 'completed', ended_at: 5 }), [])
      await first.close()
      const db = new DatabaseSync(join(dir, DATABASE_FILE))
      db.exec(`update inbox set data = '{"timer":"u"}'; update effects set result = '{"sent":900}';
        update blobs set bytes = cast('a text that mutters' as blob); update definitions set definition = replace(definition, 'plan', 'plane');
        update runs set mail = 1 where id = 'run_2'; delete from events where seq in (5, 20)`)
      db.close()
      const store = await opened(dir)
      const damagedRead = (read: () => Promise<unknown>, what: RegExp) =>
        assert.rejects(read, (error) => error instanceof Error && what.test(error.message))
      await damagedRead(() => store.inbox.read('run_1', 0, 9), /mail 1 of run_1/)
      await damagedRead(() => store.effects.get('k'), /effect k/)
      await damagedRead(() => store.effects.begin('k', 'run_1', 't', { agent: 'x', attempt: 1 }), /effect k/)
      await damagedRead(() => store.blobs.get(blob), /is not what was written/)
      await damagedRead(() => store.definitions.get(hash), /definition plan@1/)
      await damagedRead(() => store.runs.get('run_2'), /the row of run_2/)
      await damagedRead(() => store.events.read('run_1', 0, 9), /event 5 of run_1 is missing/)
      await damagedRead(() => store.events.read('run_1', 5, 99), /event 20 of run_1 is missing/)
      // A damaged row stores nothing, and keeps nobody else from storing.
      await store.runs.create(aRun('run_3'), [])
      const { fenced } = await store.events.append([
        { run: 'run_2', epoch: 0, events: [anEvent('run_2', 1)], row: {} },
        { run: 'run_3', epoch: 0, events: [anEvent('run_3', 1)], row: {} },
      ])
      assert.deepEqual(fenced, ['run_2'])
      assert.equal(await store.events.last_seq('run_3'), 1)
      await store.close()
    }),
  )

  it(
    'of a run that has not ended is refused at the start',
    inDirectory(async (dir) => {
      await filled(dir)
      const db = new DatabaseSync(join(dir, DATABASE_FILE))
      db.exec("update runs set epoch = 40 where id = 'run_1'")
      db.close()
      const refused = await openStore({ data_dir: dir, namespace: 'default', now: () => 1 })
      assert.match(refused.ok ? '' : refused.failure.message, /the row of run_1 is not what was written/)
    }),
  )
})

it('names a folder by its time', () => assert.equal(stamp(Date.UTC(2026, 0, 2, 3, 4, 5)), '20260102-030405'))
