import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DatabaseSync } from 'node:sqlite'
import { describe, it } from 'node:test'
import { sql } from 'kysely'
import { migrations } from './migrations/all.ts'
import { DATABASE_FILE, migrate, openStore, storeOn } from './sqlite.ts'
import { anEvent, aRun, conforms } from './store.conformance.ts'
import type { Store } from './store.ts'
import { StoreFailure } from './store-failure.ts'

const temporary = () => mkdtemp(join(tmpdir(), 'quorate-store-'))

async function opened(
  data_dir: string,
  namespace = 'default',
  now: () => number = () => 1,
  event_thread = false,
): Promise<Store> {
  const store = await openStore({ data_dir, namespace, now, event_thread })
  if (!store.ok) throw new Error(store.failure.message)
  return store.value
}

for (const event_thread of [false, true])
  conforms(event_thread ? 'node:sqlite with a thread for events' : 'node:sqlite', async () => {
    const data_dir = await temporary()
    return {
      open: ({ namespace = 'default', now = () => 1 } = {}) => opened(data_dir, namespace, now, event_thread),
      remove: () => rm(data_dir, { recursive: true, force: true }),
    }
  })

const inDirectory = (body: (data_dir: string) => Promise<void>) => async () => {
  const data_dir = await temporary()
  try {
    await body(data_dir)
  } finally {
    await rm(data_dir, { recursive: true, force: true })
  }
}

async function refusal(data_dir: string) {
  const store = await openStore({ data_dir, namespace: 'default', now: () => 1 })
  if (store.ok) {
    await store.value.close()
    return assert.fail('the store was opened')
  }
  return store.failure
}

describe('opening', () => {
  it(
    'makes directory and file for their owner only',
    inDirectory(async (parent) => {
      const data_dir = join(parent, 'a', 'b')
      const store = await opened(data_dir)
      await store.meta.set('a', 'b')
      assert.equal((await stat(data_dir)).mode & 0o777, 0o700)
      for (const name of await readdir(data_dir)) assert.equal((await stat(join(data_dir, name))).mode & 0o077, 0, name)
      await store.close()
      assert.deepEqual(await readdir(data_dir), [DATABASE_FILE])
    }),
  )

  it(
    'refuses a directory that is a file, and one below a file',
    inDirectory(async (dir) => {
      const file = join(dir, 'file')
      await writeFile(file, '')
      for (const data_dir of [file, join(file, 'below')]) {
        const failure = await refusal(data_dir)
        assert.equal(failure.kind, 'unavailable')
        assert.equal(failure.field, 'data_dir')
        assert.match(failure.message, /data directory/)
      }
    }),
  )

  it(
    'refuses a directory that may not be written',
    { skip: process.getuid?.() === 0 ? 'root may write anywhere' : false },
    inDirectory(async (dir) => {
      await chmod(dir, 0o500)
      assert.match((await refusal(dir)).message, /data directory/)
      await chmod(dir, 0o700)
    }),
  )

  it(
    'refuses what is not a database, and leaves it as it is',
    inDirectory(async (dir) => {
      const path = join(dir, DATABASE_FILE)
      await writeFile(path, 'my only copy of a poem')
      const failure = await refusal(dir)
      assert.match(failure.message, /damaged/)
      assert.equal(failure.value, path)
      assert.equal(await readFile(path, 'utf8'), 'my only copy of a poem')
    }),
  )

  it(
    'refuses a database with damaged pages or a cut end',
    inDirectory(async (dir) => {
      const path = join(dir, DATABASE_FILE)
      const store = await opened(dir)
      await store.runs.create(
        aRun('run_1'),
        Array.from({ length: 200 }, (_, i) => anEvent('run_1', i + 1, 'x'.repeat(500))),
      )
      await store.close()
      const sound = await readFile(path)
      const pages = sound.length / 4096
      assert.ok(pages > 20)

      for (const page of [1, Math.floor(pages / 2), pages - 3]) {
        await writeFile(path, sound)
        const file = await open(path, 'r+')
        await file.write(Buffer.alloc(4096, 0x5a), 0, 4096, page * 4096)
        await file.close()
        assert.match((await refusal(dir)).message, /damaged/, `page ${page}`)
      }
      await writeFile(path, sound.subarray(0, sound.length - 3 * 4096 - 17))
      assert.match((await refusal(dir)).message, /damaged/)
    }),
  )

  it(
    'refuses a database that a newer program wrote',
    inDirectory(async (dir) => {
      await (await opened(dir)).close()
      const db = new DatabaseSync(join(dir, DATABASE_FILE))
      db.exec("insert into kysely_migration values ('9999_future', '2030-01-01T00:00:00Z')")
      db.close()
      const failure = await refusal(dir)
      assert.equal(failure.kind, 'unsupported')
      assert.match(failure.message, /newer version.*9999_future/)
    }),
  )

  it(
    'lets several open a new database at once',
    inDirectory(async (dir) => {
      const stores = await Promise.all(Array.from({ length: 5 }, () => opened(dir)))
      for (const [i, store] of stores.entries())
        assert.equal(
          await store.inbox.put('run_1', `e${i}`, { at: 1, type: 'timer_fired', data: { timer: 't' } }),
          i + 1,
        )
      for (const store of stores) await store.close()
    }),
  )
})

describe('migrations', () => {
  it('leave nothing behind when one fails', async () => {
    const db = new DatabaseSync(':memory:')
    assert.equal(await migrate(db, migrations), null)
    const tables = () => db.prepare("select name from sqlite_schema where type = 'table' order by name").all()
    const before = tables()
    const failure = await migrate(db, {
      ...migrations,
      '9999_half': {
        up: async (kysely) => {
          await kysely.schema.createTable('half').addColumn('a', 'text').execute()
          await sql`insert into nowhere values (1)`.execute(kysely)
        },
      },
    })
    assert.match(failure?.message ?? '', /9999_half.*nowhere/)
    assert.deepEqual(tables(), before)
    assert.equal(await migrate(db, migrations), null)
    db.close()
  })
})

describe('a damaged schema', () => {
  it('is seen by its checksum: SQLite would take the wrong name for a right one', async () => {
    const db = new DatabaseSync(':memory:')
    assert.equal(await migrate(db, migrations), null)
    assert.equal(await migrate(db, migrations), null)
    // SQLite refuses such a change unless it is told not to; the method is newer than its types.
    ;(db as unknown as { enableDefensive: (on: boolean) => void }).enableDefensive(false)
    db.exec(
      "pragma writable_schema = on; update sqlite_schema set sql = replace(sql, 'cause', 'causf') where name = 'events'",
    )
    const failure = await migrate(db, migrations)
    assert.equal(failure?.kind, 'data_damaged')
    assert.match(failure?.message ?? '', /schema/)
    db.close()
  })
})

describe('a full disk', () => {
  it(
    'fails the write by name, stores nothing of it, and goes on when there is room again',
    inDirectory(async (dir) => {
      const first = await opened(dir)
      await first.runs.create(aRun('run_1'), [])
      await first.close()
      // Stands in for the disk: SQLite gives the same error when a file may not grow.
      const db = new DatabaseSync(join(dir, DATABASE_FILE))
      db.exec('pragma max_page_count = 200')
      const store = storeOn(db, 'default', () => 1)
      const big = 'x'.repeat(100_000)
      let stored = 0
      const failure = await (async () => {
        for (;;) {
          try {
            await store.events.append([
              { run: 'run_1', epoch: 0, events: [anEvent('run_1', stored + 1, big)], row: { calls: stored + 1 } },
            ])
            stored++
          } catch (error) {
            return error
          }
        }
      })()
      assert.ok(failure instanceof StoreFailure)
      assert.match(failure.failure.message, /full/)
      assert.ok(stored > 0)
      assert.equal(await store.events.last_seq('run_1'), stored)
      assert.equal((await store.runs.get('run_1'))?.calls, stored)
      await assert.rejects(store.blobs.put(new Uint8Array(1_000_000)), StoreFailure)
      assert.match((await store.health()).detail, /full/)
      db.exec('pragma max_page_count = 100000')
      await store.events.append([
        { run: 'run_1', epoch: 0, events: [anEvent('run_1', stored + 1, big)], row: { calls: stored + 1 } },
      ])
      assert.equal(await store.events.last_seq('run_1'), stored + 1)
      assert.equal((await store.health()).ok, true)
      await store.close()
    }),
  )
})

/** Appends batches of three events, mail and a blob, and says after each commit how far it is, until it is killed. */
const writer = (data_dir: string) => `
  import { openStore } from ${JSON.stringify(new URL('sqlite.ts', import.meta.url).href)}
  const { value: store } = await openStore({ data_dir: ${JSON.stringify(data_dir)}, namespace: 'default', now: () => 1 })
  const event = (seq) => ({ run: 'run_1', seq, at: seq, type: 'timer_fired', v: 1, cause: null, data: { timer: 'x'.repeat(700) } })
  for (let seq = await store.events.last_seq('run_1'); ; seq += 3) {
    await store.events.append([{ run: 'run_1', epoch: 0, events: [event(seq + 1), event(seq + 2), event(seq + 3)], row: { calls: seq + 3 } }])
    const n = await store.inbox.put('run_1', 'e' + seq, { at: seq, type: 'timer_fired', data: { timer: 't' } })
    console.log(seq + 3, n)
  }`

describe('kill -9', () => {
  it(
    'loses nothing that was committed and keeps nothing half',
    inDirectory(async (dir) => {
      const first = await opened(dir)
      await first.runs.create(aRun('run_1'), [])
      await first.close()
      let [said, mailed] = [0, 0]
      for (let round = 0; round < 6; round++) {
        const child: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', writer(dir)], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        assert.ok(child.stdout)
        const ended = once(child, 'exit')
        // Another number of commits each time, so that the kill falls on another moment.
        let lines = 20 + 13 * round
        for await (const line of createInterface({ input: child.stdout })) {
          ;[said = 0, mailed = 0] = line.split(' ').map(Number)
          if (--lines === 0) child.kill('SIGKILL')
        }
        await ended

        const store = await opened(dir)
        const seqs = (await store.events.read('run_1', 0, 1e6)).map((event) => event.seq)
        assert.ok(seqs.length >= said, `said ${said}, found ${seqs.length}`)
        assert.equal(seqs.length % 3, 0)
        assert.deepEqual(
          seqs,
          Array.from(seqs, (_, i) => i + 1),
        )
        const row = await store.runs.get('run_1')
        assert.deepEqual([row?.seq, row?.calls], [seqs.length, seqs.length])
        const mail = (await store.inbox.read('run_1', 0, 1e6)).map((input) => input.mail)
        assert.ok(mail.length >= mailed)
        assert.deepEqual(
          mail,
          Array.from(mail, (_, i) => i + 1),
        )
        await store.close()
      }
      assert.ok(said > 300)
    }),
  )
})
