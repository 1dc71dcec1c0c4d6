/**
 * Every run of a store is folded again from its log, without an agent: what follows from its inputs has to be what is
 * stored, event for event. Tests that make runs call it before they throw them away.
 */
import { openStore } from '../src/store/sqlite.ts'
import type { Store } from '../src/store/store.ts'
import type { Definition } from '../src/workflow/definition.ts'
import type { RunEvent } from '../src/workflow/event.ts'
import { openReplay } from '../src/workflow/replay.ts'

const PAGE = 5_000
const RUNS_AT_ONCE = 500

export type Replayed = { runs: number; events: number; differences: string[] }

export async function replayAll(store: Store): Promise<Replayed> {
  const replayed: Replayed = { runs: 0, events: 0, differences: [] }
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page = await store.runs.list({ limit: RUNS_AT_ONCE, ...(cursor === undefined ? {} : { cursor }) })
    for (const { id } of page.items) await replayRun(store, id, replayed)
    cursor = page.next
  }
  return replayed
}

/** The same for a data directory that no program uses at present. */
export async function replayFolder(data_dir: string): Promise<Replayed> {
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) return { runs: 0, events: 0, differences: [opened.failure.message] }
  try {
    return await replayAll(opened.value)
  } finally {
    await opened.value.close()
  }
}

async function replayRun(store: Store, run: string, replayed: Replayed): Promise<void> {
  const definitions = new Map<string, Definition>()
  const definitionOf = (hash: string): Definition => {
    const definition = definitions.get(hash)
    if (definition === undefined) throw new Error(`${run} names the definition ${hash}, which is not stored`)
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
  const { identical, first_difference, events } = replay.result()
  replayed.runs++
  replayed.events += events
  if (!identical) replayed.differences.push(`${run} differs at event ${first_difference?.seq}`)
}
