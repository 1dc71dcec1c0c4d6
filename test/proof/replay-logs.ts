/**
 * Part `replay` of the proof: every run in the data folders that other parts left is folded again from its log; what
 * follows from its inputs has to be what is stored, event for event.
 * Usage: replay-logs.ts --root=DIR
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openStore } from '../../src/store/sqlite.ts'
import type { Store } from '../../src/store/store.ts'
import type { Definition } from '../../src/workflow/definition.ts'
import type { RunEvent } from '../../src/workflow/event.ts'
import { openReplay } from '../../src/workflow/replay.ts'
import { exactly, option, printReport, progress } from './report.ts'

const root = option('root', '.')
const PAGE = 5_000
const RUNS_AT_ONCE = 500

/** Data folders below a folder: those with a database. */
const dataFolders = (): string[] =>
  readdirSync(root, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('quorate.db'))
    .map((path) => join(root, path, '..'))

const differences: string[] = []
let runs = 0
let events = 0

async function replayRun(store: Store, run: string, where: string): Promise<void> {
  const definitions = new Map<string, Definition>()
  const definitionOf = (hash: string): Definition => {
    const definition = definitions.get(hash)
    if (definition === undefined) throw new Error(`${where}: ${run} names the definition ${hash}, which is not stored`)
    return definition
  }
  const learn = async (event: RunEvent): Promise<void> => {
    const { definition: hash } = event.data as { definition?: string | null }
    if (typeof hash !== 'string' || definitions.has(hash)) return
    const stored = await store.definitions.get(hash)
    if (stored !== null) definitions.set(hash, stored.definition)
  }
  const replay = openReplay(definitionOf)
  for (let after = 0; ; ) {
    const page = await store.events.read(run, after, PAGE)
    if (page.length === 0) break
    for (const event of page) await learn(event)
    replay.add(page)
    after = page.at(-1)?.seq ?? after
  }
  const { identical, first_difference, events: same } = replay.result()
  runs++
  events += same
  if (!identical) differences.push(`${where}: ${run} differs at event ${first_difference?.seq}`)
}

if (!existsSync(root)) throw new Error(`${root} is not there: run another part first`)
for (const data_dir of dataFolders()) {
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) {
    differences.push(`${data_dir}: ${opened.failure.message}`)
    continue
  }
  const store = opened.value
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.runs.list({ limit: RUNS_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) })
    for (const { id } of page.items) await replayRun(store, id, data_dir.slice(root.length + 1))
    cursor = page.next
  }
  await store.close()
}
for (const difference of differences.slice(0, 20)) progress(`BROKEN ${difference}`)
printReport({
  part: 'replay',
  figures: [
    { what: 'runs replayed from their logs', value: runs },
    { what: 'events compared', value: events },
    exactly('runs whose log does not follow from its inputs', differences.length, 0),
  ],
  not_run: runs === 0 ? ['no part before this one left a data folder'] : [],
  seed: null,
})
