import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { lockInstance } from '../instance-lock.ts'
import { damage } from '../store/stand-ins.ts'
import { commandLine, file, folder, nobodyAt, standInServer } from './stand-ins.ts'

const line = (more: Parameters<typeof commandLine>[0] = {}) =>
  commandLine({ cwd: folder, now: () => Date.UTC(2026, 10, 22, 3), ...more })
const run = async (...argv: string[]) => {
  const one = line()
  const exit = await one.run(...argv)
  return { exit, out: one.printed.out.join('\n'), err: one.printed.err.join('\n') }
}

describe('on the data of this machine', () => {
  const data = ['--data', 'kept']
  test('the first key is made before there is anything else, alone on standard output', async () => {
    const made = await run('keys', 'create', 'ann', '--permissions', 'all', ...data)
    assert.equal(made.exit, 0)
    assert.match(made.out, /^qk_[\w-]{43}$/)
    assert.match(made.err, /until it is revoked. It is not shown again/)
    const again = await run('keys', 'create', 'ann', '--permissions', 'all', ...data)
    assert.equal(again.exit, 1)
    assert.match(again.err, /a key named ann is in force[\s\S]*revoke that one/)
  })

  test('also while a server works on them, and seen by it', async () => {
    const lock = await lockInstance(join(folder, 'kept'))
    assert.ok(lock.ok)
    try {
      const made = await run('keys', 'create', 'ci', '--permissions', 'read,runs:write', '--expires', '90d', ...data)
      assert.equal(made.exit, 0, made.err)
      assert.match(made.err, /until 2027-02-20T03:00:00/)
      const listed = await run('keys', 'list', ...data)
      assert.match(listed.out, /^ci +qk_\w.*never +2027-02-20 /m)
      assert.match(listed.out, /^ann +qk_.* never +never +all$/m)
      assert.ok(!listed.out.includes(made.out))
      assert.equal((await run('keys', 'revoke', 'ci', ...data)).out, 'the key ci is revoked')
      assert.doesNotMatch((await run('keys', ...data)).out, /^ci/m)
      const json = await run('keys', 'list', '--revoked', '--json', ...data)
      const { items } = JSON.parse(json.out) as { items: { name: string; state: string; created_by: string }[] }
      assert.deepEqual(
        items.map(({ name, state, created_by }) => [name, state, created_by]),
        [
          ['ann', 'in_force', 'local'],
          ['ci', 'revoked', 'local'],
        ],
      )
    } finally {
      await lock.value.release()
    }
  })

  test('a damaged key is a failure of the data, said by name', async () => {
    const at = ['--data', 'damaged']
    assert.equal((await run('keys', 'create', 'ann', '--permissions', 'all', ...at)).exit, 0)
    damage(join(folder, 'damaged'), "update api_keys set name = 'eve'")
    for (const argv of [['list'], ['revoke', 'eve']]) {
      const { exit, err } = await run('keys', ...argv, ...at)
      assert.equal(exit, 1)
      assert.match(err, /API key key_\S+ is not what was written[\s\S]*restore a backup/)
    }
  })

  test('what is wrong is said with what would be right', async () => {
    const wrong: [argv: string[], exit: number, said: RegExp][] = [
      [['create', 'x', '--permissions', 'runs:raed'], 64, /no permission runs:raed[\s\S]*runs:read/],
      [['create', 'x', '--permissions', ','], 64, /may do nothing/],
      [['create', 'x'], 64, /--permissions/],
      [['create', 'local', '--permissions', 'all'], 64, /means something else/],
      [['create', 'two words', '--permissions', 'all'], 64, /letters, digits/],
      [['create', 'x', '--permissions', 'all', '--expires', 'soon'], 64, /90d|duration/],
      [['revoke', 'nobody', '--data', 'kept2'], 1, /no database in/],
      [['list', '--server', 'http://127.0.0.1:1', '--data', 'x'], 64, /leave one out/],
    ]
    for (const [argv, exit, said] of wrong) {
      const { err, ...one } = await run('keys', ...argv, ...(argv.includes('--data') ? [] : ['--data', 'kept3']))
      assert.equal(one.exit, exit, `${argv.join(' ')}: ${err}`)
      assert.match(err, said)
    }
  })
})

describe('through a server', () => {
  const key = `qk_${'a'.repeat(43)}`
  test('every command shows the key that it is given, by flag, variable, file or another variable', async () => {
    const server = await standInServer({ 'GET /runs': { body: { items: [], next: null, total: 0 } } })
    file('key', `${key}\n`)
    const shown = async (environment: { [name: string]: string }, ...argv: string[]) => {
      assert.equal(await line({ environment }).run('list', '--server', server.url, ...argv), 0)
      return server.asked.at(-1)?.headers.authorization
    }
    assert.equal(await shown({}), undefined)
    assert.equal(await shown({}, '--key', key), `Bearer ${key}`)
    assert.equal(await shown({}, '--key', 'file:key'), `Bearer ${key}`)
    assert.equal(await shown({ MINE: key }, '--key', 'env:MINE'), `Bearer ${key}`)
    assert.equal(await shown({ QUORATE_KEY: 'file:key' }), `Bearer ${key}`)
    assert.equal(await shown({ QUORATE_KEY: 'qk_other' }, '--key', key), `Bearer ${key}`)
    for (const wrong of ['secret', 'file:nowhere', 'env:NONE', `${key}\r\nx: y`]) {
      const one = line()
      assert.equal(await one.run('list', '--server', server.url, '--key', wrong), 64)
      assert.match(one.printed.err.join('\n'), /--key/)
      assert.ok(!one.printed.err.join('\n').includes('secret\n'))
    }
    await server.close()
  })

  test('keys are made, listed and revoked there', async () => {
    const view = { name: 'ci', expires_at: null }
    const server = await standInServer({
      'POST /keys': { status: 201, body: { ...view, key } },
      'DELETE /keys/ci': { body: view },
    })
    const environment = { QUORATE_URL: server.url, QUORATE_KEY: key }
    const made = line({ environment })
    assert.equal(await made.run('keys', 'create', 'ci', '--permissions', 'runs:read,runs:read'), 0)
    assert.deepEqual(made.printed.out, [key])
    assert.deepEqual(server.asked[0]?.body, { name: 'ci', permissions: ['runs:read'] })
    assert.equal(await line({ environment }).run('keys', 'revoke', 'ci'), 0)
    await server.close()
  })

  test('a server that is named and does not answer is not replaced by the data here', async () => {
    assert.equal(await line().run('keys', 'list', '--server', await nobodyAt()), 4)
  })
})
