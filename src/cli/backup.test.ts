import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { lockInstance } from '../instance-lock.ts'
import { openStore } from '../store/sqlite.ts'
import { aRun } from '../store/store.conformance.ts'
import { commandLine, file, folder } from './stand-ins.ts'

const data = join(folder, 'data')
const line = () => commandLine({ cwd: folder, now: () => Date.UTC(2026, 10, 22, 3) })

describe('backup and restore', () => {
  before(async () => {
    const store = await openStore({ data_dir: data, namespace: 'default', now: () => 1 })
    assert.ok(store.ok)
    await store.value.runs.create(aRun('run_1', { status: 'running' }), [])
    await store.value.close()
    mkdirSync(join(folder, 'backups'))
  })

  test('into a folder, while a server holds the data; and as JSON', async () => {
    const lock = await lockInstance(data)
    assert.ok(lock.ok)
    const one = line()
    assert.equal(await one.run('backup', 'backups', '--data', data), 0)
    const written = join(folder, 'backups', 'quorate-20261122-030000.db')
    assert.deepEqual(one.printed.out, [written])
    assert.match(one.printed.err.join(), /kB, 1 run \(1 under way\), 0 events; read back and sound/)
    const again = line()
    assert.equal(await again.run('backup', 'backups', '--data', data), 1)
    assert.match(again.printed.err.join('\n'), /is there already[\s\S]*--force/)
    const forced = line()
    assert.equal(await forced.run('backup', 'backups', '--data', data, '--force', '--json'), 0)
    assert.equal((JSON.parse(forced.printed.out.join('')) as { runs: number }).runs, 1)

    lock.value.announce('answers at http://127.0.0.1:8100')
    const held = line()
    assert.equal(await held.run('restore', written, '--data', data), 1)
    assert.match(held.printed.err.join('\n'), /runs already: it answers at http[\s\S]*stop it first/)
    await lock.value.release()
  })

  test('back into the same folder and into a new one', async () => {
    const backup = join('backups', 'quorate-20261122-030000.db')
    const same = line()
    assert.equal(await same.run('restore', backup, '--data', data), 0)
    assert.match(
      same.printed.out.join('\n'),
      /1 run, 1 of them go on at the next start\.\nWhat was there is in .*before-/,
    )
    assert.ok(readdirSync(data).includes('before-restore-20261122-030000'))
    const other = line()
    assert.equal(await other.run('restore', backup, '--data', 'new', '--json'), 0)
    assert.equal((JSON.parse(other.printed.out.join('')) as { kept: string | null }).kept, null)
    const store = await openStore({ data_dir: join(folder, 'new'), namespace: 'default', now: () => 1 })
    assert.ok(store.ok)
    assert.equal((await store.value.runs.get('run_1'))?.status, 'running')
    await store.value.close()
  })

  test('keys that were revoked since stay so, and those that nothing confirms are named', async () => {
    const made = ['--data', 'with-keys', '--permissions', 'read']
    for (const name of ['ann', 'ci']) assert.equal(await line().run('keys', 'create', name, ...made), 0)
    assert.equal(await line().run('backup', 'keys.db', '--data', 'with-keys'), 0)
    assert.equal(await line().run('keys', 'revoke', 'ci', '--data', 'with-keys'), 0)
    const same = line()
    assert.equal(await same.run('restore', 'keys.db', '--data', 'with-keys'), 0)
    assert.match(same.printed.out.join('\n'), /revoked after the backup, and are revoked again: ci\.$/)
    const other = line()
    assert.equal(await other.run('restore', 'keys.db', '--data', 'elsewhere'), 0)
    assert.match(
      other.printed.out.join('\n'),
      /may have been revoked since \(there was no database to replace\): ann, ci\.\n.*quorate keys revoke NAME --data .*elsewhere$/,
    )
  })

  test('of nothing, to nowhere, from something else', async () => {
    for (const [argv, expected] of [
      [['backup', 'b.db', '--data', 'empty'], /no database in .*empty/],
      [['backup', 'no/where.db', '--data', data], /its folder exists/],
      [['restore', 'nothing.db', '--data', 'empty'], /cannot be read/],
      [['restore', file('poem.db', 'a poem'), '--data', 'empty'], /damaged/],
    ] as const) {
      const one = line()
      assert.equal(await one.run(...argv), 1)
      assert.match(one.printed.err.join('\n'), expected)
    }
    assert.ok(!existsSync(join(folder, 'empty', 'quorate.db')))
  })
})
