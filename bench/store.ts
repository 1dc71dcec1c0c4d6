/**
 * What the store costs on this machine's disk: commits of events, single writes, and lists over many runs.
 *
 *     npm run bench -- store [RUNS]        RUNS defaults to 100,000
 *
 * Measured: the store alone, in one process, on an otherwise idle event loop, fsync included.
 * Not measured: several processes on one file, a cold page cache, a disk without write cache.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../src/store/sqlite.ts'
import type { RunFilter, RunRow } from '../src/store/store.ts'
import type { RunEvent } from '../src/workflow/event.ts'

const RUNS = Number(process.argv[2] ?? 100_000)
const data_dir = await mkdtemp(join(tmpdir(), 'quorate-bench-'))
const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
if (!opened.ok) throw new Error(opened.failure.message)
const store = opened.value

const id = (i: number) => `run_${String(i).padStart(36, '0')}`
const row = (i: number): RunRow => ({
  id: id(i),
  kind: i % 3 ? 'workflow' : 'swarm',
  goal: `Research topic ${i} and write a brief with quotes about deployment ${i % 7}, then let three agents check it`,
  definition: i % 5 ? `sha256:${i % 50}` : null,
  definition_name: `plan_${i % 50}`,
  status: i % 100 === 0 ? 'running' : i % 9 === 0 ? 'failed' : 'completed',
  reason: 'done',
  parent: null,
  created_at: 1_700_000_000_000 + i * 10,
  started_at: null,
  ended_at: null,
  seq: 0,
  epoch: 0,
  input_tokens: 0,
  output_tokens: 0,
  unknown_usage: 0,
  calls: 0,
})
const event = (run: string, seq: number): RunEvent<'timer_fired'> => ({
  run,
  seq,
  at: seq,
  type: 'timer_fired',
  v: 1,
  cause: null,
  data: { timer: 'x'.repeat(500) },
})

async function measure(what: string, times: number, body: (i: number) => Promise<unknown>): Promise<void> {
  const took: number[] = []
  for (let i = 0; i < times; i++) {
    const started = performance.now()
    await body(i)
    took.push(performance.now() - started)
  }
  took.sort((a, b) => a - b)
  const at = (share: number) =>
    (took[Math.min(took.length - 1, Math.floor(took.length * share))] ?? 0).toFixed(2).padStart(8)
  const rate = Math.round((times / took.reduce((sum, ms) => sum + ms, 0)) * 1000)
  console.log(`${what.padEnd(44)} p50 ${at(0.5)} ms   p99 ${at(0.99)} ms   ${rate}/s`)
}

try {
  await measure('create a run', RUNS, (i) => store.runs.create(row(i), []))
  const next = new Array<number>(200).fill(0)
  await measure('append 50 events of 10 runs, one commit', 1_000, (k) =>
    store.events.append(
      Array.from({ length: 10 }, (_, j) => {
        const i = (k * 10 + j) % 200
        const from = next[i] ?? 0
        next[i] = from + 5
        const events = Array.from({ length: 5 }, (_, e) => event(id(i), from + e + 1))
        return { run: id(i), epoch: 0, events, row: { calls: k, mail: k, status: 'running' } }
      }),
    ),
  )
  await measure('one row (baseline: what a commit costs)', 500, (i) => store.meta.set('k', `${i}`))
  await measure('put mail', 500, (i) =>
    store.inbox.put(id(1), `e${i}`, { at: i, type: 'timer_fired', data: { timer: 't' } }),
  )
  await measure('read a run', 500, (i) => store.runs.get(id(i)))
  const lists: { [what: string]: Omit<RunFilter, 'limit'> } = {
    'newest, with total': {},
    'one status': { status: ['running'] },
    'three statuses': { status: ['completed', 'failed', 'running'] },
    'by definition': { definition: 'sha256:7' },
    'text found often': { text: 'deployment' },
    'text found nowhere': { text: 'zebra' },
    'status and text found nowhere': { status: ['completed'], text: 'zebra' },
  }
  for (const [what, filter] of Object.entries(lists)) {
    await measure(`list 50 of ${RUNS}: ${what}`, 15, () => store.runs.list({ ...filter, limit: 50 }))
  }
  await measure('counts by status', 15, () => store.runs.counts())
  await measure('what has not ended', 15, () => store.runs.unfinished())
  await measure('who has mail', 15, () => store.inbox.waiting())
} finally {
  await store.close()
  await rm(data_dir, { recursive: true, force: true })
}
