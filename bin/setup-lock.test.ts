import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { tryLock } from './setup-lock.mjs'

const folder = mkdtempSync(join(tmpdir(), 'quorate-lock-'))
after(() => rmSync(folder, { recursive: true, force: true }))
const path = join(folder, 'lock')

test('one holds it, the other is told who, and gets it afterwards', () => {
  const first = tryLock('/clone', path)
  assert.ok(first.held)
  assert.deepEqual(tryLock('/clone', path), { held: false, by: process.pid })
  first.release()
  const second = tryLock('/clone', path)
  assert.ok(second.held)
  second.release()
  assert.deepEqual(readdirSync(folder), [])
})

test('what a dead process, a garbled file or a number used again left behind is taken over', () => {
  const dead = spawnSync(process.execPath, ['-e', '']).pid
  for (const [text, old] of [
    [String(dead), false],
    ['', false],
    ['0', false],
    ['-1', false],
    ['garbage', false],
    [String(process.pid), true],
  ] as const) {
    writeFileSync(path, text)
    if (old) utimesSync(path, 0, 0)
    const lock = tryLock('/clone', path)
    assert.ok(lock.held, text)
    lock.release()
  }
  assert.ok(!existsSync(path))
})

test('of several processes that meet a dead owner, one at a time has it', async () => {
  writeFileSync(path, String(spawnSync(process.execPath, ['-e', '']).pid))
  const witness = join(folder, 'witness')
  // Each takes the lock, makes a folder that must not be there yet, removes it, and releases.
  const program = `
    import { mkdirSync, rmdirSync } from 'node:fs'
    import { tryLock } from ${JSON.stringify(join(import.meta.dirname, 'setup-lock.mjs'))}
    for (let done = 0; done < 20; ) {
      const lock = tryLock('/clone', ${JSON.stringify(path)})
      if (!lock.held) { await new Promise(setImmediate); continue }
      mkdirSync(${JSON.stringify(witness)}); rmdirSync(${JSON.stringify(witness)})
      lock.release(); done++
    }`
  const children = Array.from({ length: 4 }, () =>
    spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'ignore', 'inherit'] }),
  )
  for (const [code] of await Promise.all(children.map((child) => once(child, 'exit')))) assert.equal(code, 0)
})
