/**
 * Damaged letters and pages of the database file. Somewhere in a database with everything in it a byte is changed, some
 * bytes are, or a whole block is empty; then the program opens it and reads all there is. Each time it has to refuse by
 * name, at the start or at what is damaged, or to read exactly what was written: never something else.
 */
import { createHash } from 'node:crypto'
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { backupStore } from '../../src/store/backup.ts'
import { DATABASE_FILE, openStore } from '../../src/store/sqlite.ts'
import { aKey } from '../../src/store/stand-ins.ts'
import { anEvent, aRun } from '../../src/store/store.conformance.ts'
import type { Store } from '../../src/store/store.ts'
import { StoreFailure } from '../../src/store/store-failure.ts'
import { contentHash } from '../../src/workflow/content-hash.ts'
import { diceOf } from '../simulation/dice.ts'
import { BLOCK } from './disk-trace.ts'
import { victimDefinition } from './kill-victim.ts'
import { exactly, progress } from './report.ts'
import type { StorageFindings } from './storage-findings.ts'

const RUNS = 12
const EVENTS = 40
const KEYS = 40

async function open(data_dir: string): Promise<Store | string> {
  const opened = await openStore({ data_dir, namespace: 'default', now: () => 1 })
  return opened.ok ? opened.value : opened.failure.message
}

async function write(data_dir: string): Promise<void> {
  const store = await open(data_dir)
  if (typeof store === 'string') throw new Error(store)
  await store.definitions.put(victimDefinition(), 'test', 'a note')
  for (let k = 0; k < KEYS; k++) await store.api_keys.put(aKey(`key_${k}`))
  await store.api_keys.revoke('key_0', 200, 'local')
  for (let r = 0; r < RUNS; r++) {
    const run = `run_${r}`
    const status = r % 3 === 0 ? 'running' : 'completed'
    await store.runs.create(aRun(run, { status, ended_at: status === 'running' ? null : 9, goal: `goal ${r}` }), [])
    const events = Array.from({ length: EVENTS }, (_, i) => anEvent(run, i + 1, `text ${i} `.repeat(20 + r * 8)))
    await store.events.append([{ run, epoch: 0, events, row: { calls: EVENTS } }])
    await store.inbox.put(run, `e${r}`, { at: 1, type: 'timer_fired', data: { timer: `t${r}` } })
    await store.effects.begin(`k${r}`, run, 't', { agent: 'x', attempt: 1 })
    if (r % 2 === 0) await store.effects.done(`k${r}`, { sent: r })
    await store.blobs.put(Buffer.from(blobText(r)))
  }
  await store.close()
}

const blobText = (r: number): string => `a large text ${r} `.repeat(600)
const blobHash = (r: number): string => `sha256:${createHash('sha256').update(blobText(r)).digest('hex')}`

/** All that runs are made of, and what was refused on the way. */
async function read(store: Store): Promise<{ seen: Map<string, string>; refused: string[] }> {
  const seen = new Map<string, string>()
  const refused: string[] = []
  const look = async (name: string, what: () => Promise<unknown>): Promise<void> => {
    try {
      seen.set(name, contentHash((await what()) ?? null))
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error
      refused.push(error.message)
    }
  }
  for (let r = 0; r < RUNS; r++) {
    const run = `run_${r}`
    await look(`row of ${run}`, () => store.runs.get(run))
    await look(`events of ${run}`, () => store.events.read(run, 0, 1_000))
    await look(`mail of ${run}`, () => store.inbox.read(run, 0, 100))
    await look(`effect k${r}`, () => store.effects.get(`k${r}`))
    await look(`blob ${r}`, async () => Buffer.from((await store.blobs.get(blobHash(r))) ?? '').toString('base64'))
  }
  await look('runs that go on', () => store.runs.unfinished())
  await look('definition', () => store.definitions.get('thirty'))
  // When one was last used is only shown, and has no checksum.
  await look('API keys', async () =>
    (await store.api_keys.list({ revoked: true })).map(({ last_used_at: _, ...k }) => k),
  )
  return { seen, refused }
}

export async function damage(root: string, seed: number, points: number): Promise<StorageFindings> {
  const dice = diceOf(seed)
  const problems: string[] = []
  const sound = join(root, 'damage-sound')
  await write(sound)
  const store = await open(sound)
  if (typeof store === 'string') throw new Error(store)
  const before = await read(store)
  await store.close()
  const bytes = readFileSync(join(sound, DATABASE_FILE))
  const folder = join(root, 'damage')
  const tally = { start: 0, reading: 0, harmless: 0 }
  for (let point = 0; point < points; point++) {
    const broken = Buffer.from(bytes)
    // Every page has its turn.
    const page = (point * 7_919) % (bytes.length / BLOCK)
    const how = dice.one(['bit', 'byte', 'bytes', 'empty'] as const)
    const at = page * BLOCK + dice.between(0, BLOCK - 1)
    if (how === 'bit') broken[at] = (broken[at] ?? 0) ^ (1 << dice.between(0, 7))
    else if (how === 'byte') broken[at] = (broken[at] ?? 0) ^ dice.between(1, 255)
    else if (how === 'bytes')
      for (let i = at; i < Math.min(broken.length, at + 32); i++) broken[i] = dice.between(0, 255)
    else broken.fill(0, page * BLOCK, (page + 1) * BLOCK)
    const where = `${how} at ${at} (page ${page}), seed ${seed}`
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, DATABASE_FILE), broken)
    const opened = await open(folder)
    if (typeof opened === 'string') {
      tally.start++
      if (!/damaged|newer version|could not be|cannot/.test(opened)) problems.push(`${where}: refused with “${opened}”`)
      continue
    }
    try {
      const after = await read(opened)
      for (const [name, hash] of after.seen)
        if (hash !== before.seen.get(name)) problems.push(`${where}: ${name} was read as something else`)
      tally[after.refused.length > 0 ? 'reading' : 'harmless']++
    } catch (error) {
      problems.push(`${where}: ${error instanceof Error ? error.stack : String(error)}`)
    } finally {
      await opened.close()
    }
    if (point % 200 === 199) progress(`${point + 1} of ${points} damages`)
  }
  // No backup is made of a database that is not what was written.
  copyFileSync(join(sound, DATABASE_FILE), join(folder, DATABASE_FILE))
  const good = await backupStore({ data_dir: folder, file: join(root, 'damage-good.db') })
  const letter = Buffer.from(bytes)
  letter[letter.lastIndexOf('text 7 ')] = 0x54
  writeFileSync(join(folder, DATABASE_FILE), letter)
  const bad = await backupStore({ data_dir: folder, file: join(root, 'damage-bad.db') })
  if (!good.ok || bad.ok) problems.push(`backup of a sound database ${good.ok}, of a damaged one ${bad.ok}`)
  return {
    figures: [
      { what: `damage: places, over all ${bytes.length / BLOCK} pages (seed ${seed})`, value: points },
      { what: 'damage: refused at the start', value: tally.start },
      { what: 'damage: started, and what was damaged refused by name when it was read', value: tally.reading },
      {
        what: 'damage: in no row (free space, what is made from others), all was read as written',
        value: tally.harmless,
      },
      exactly('damage: read as something else, or not named', problems.length, 0),
    ],
    problems,
    not_run: [],
  }
}
