/** The real shell on a real engine and store, with agents that are functions of their task. For tests. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Configuration } from '../configuration/configuration.ts'
import { loadConfiguration } from '../configuration/load-configuration.ts'
import type { Attempt, AttemptOutcome, Fleet } from '../fleet/fleet.ts'
import type { Planner } from '../planning/planner.ts'
import { openStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { RunEvent } from '../workflow/event.ts'
import { hasEnded } from '../workflow/run-state.ts'
import type { Json } from '../workflow/value.ts'
import { type DurableRuns, openShell } from './shell.ts'

export type TestShell = {
  store: Store
  runs: DurableRuns
  configuration: Configuration
  fleet: Fleet
  /** Calls by `run/task#attempt`. */
  calls: Map<string, number>
  /** Resolves when the run has ended, with its whole log. */
  ended: (run: string) => Promise<RunEvent[]>
  /** Resolves as soon as the log of the run holds such an event. */
  until: (run: string, found: (event: RunEvent) => boolean) => Promise<void>
  close: () => Promise<void>
}

export async function openTestShell(
  options: {
    /** What an agent answers; thrown = it failed for good. */
    work?: (attempt: Attempt, signal: AbortSignal) => Json | Promise<Json>
    planner?: Planner
    around_store?: (store: Store) => Store
  } = {},
): Promise<TestShell> {
  const data_dir = await mkdtemp(join(tmpdir(), 'quorate-shell-'))
  const loaded = loadConfiguration({ flags: { data: data_dir }, cwd: data_dir, environment: {} })
  if (!loaded.ok) throw new Error(loaded.failure.message)
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) throw new Error(opened.failure.message)
  const store = options.around_store?.(opened.value) ?? opened.value
  const calls = new Map<string, number>()
  const fleet = standInFleet(calls, options.work ?? (() => 'done'))
  const nothing = () => undefined
  const shell = await openShell({
    configuration: loaded.value,
    store,
    fleet,
    planner: options.planner ?? {
      propose: () => Promise.reject(new Error('nothing is planned here')),
      divide: () => Promise.reject(new Error('nothing is divided here')),
    },
    logger: {
      debug: nothing,
      info: nothing,
      warn: nothing,
      error: (fields, message) => void process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
    },
    now: Date.now,
    version: '0.0.0',
  })
  if (!shell.ok) throw new Error(shell.failure.message)

  const until: TestShell['until'] = async (run, found) => {
    let after = 0
    let look = (): void => undefined
    let came = new Promise<void>((resolve) => (look = resolve))
    const off = store.events.watch(run, () => look())
    try {
      for (;;) {
        const events = await store.events.read(run, after, 1_000)
        if (events.some(found)) return
        after = events.at(-1)?.seq ?? after
        if (events.length > 0) continue
        await came
        came = new Promise<void>((resolve) => (look = resolve))
      }
    } finally {
      off()
    }
  }
  return {
    store,
    runs: shell.value,
    configuration: loaded.value,
    fleet,
    calls,
    until,
    async ended(run) {
      await until(run, (event) => event.type === 'run_finished')
      const row = await store.runs.get(run)
      if (row === null || !hasEnded(row.status)) throw new Error(`the row of ${run} does not say that it has ended`)
      return store.events.read(run, 0, 100_000)
    },
    async close() {
      await shell.value.close()
      await opened.value.close()
      await rm(data_dir, { recursive: true, force: true })
    },
  }
}

/** Agents of any name; `quick` answers within the segment, the others get an invocation of their own. */
function standInFleet(
  calls: Map<string, number>,
  work: (attempt: Attempt, signal: AbortSignal) => Json | Promise<Json>,
): Fleet {
  const perform: Fleet['perform'] = async (attempt, { signal }): Promise<AttemptOutcome> => {
    const key = `${attempt.run}/${attempt.task}#${attempt.attempt}`
    calls.set(key, (calls.get(key) ?? 0) + 1)
    const base = { agent: attempt.agent, why: 'stand-in', effect_key: key, started_at: 0, queued_ms: 0, duration_ms: 0 }
    try {
      const output = await work(attempt, signal)
      return {
        ...base,
        ok: true,
        performed: { output, model: null, usage: { input_tokens: 1, output_tokens: 1, calls: 1 } },
      }
    } catch (error) {
      return { ...base, ok: false, failure: { kind: 'agent_failed', message: String(error) }, retryable: false }
    }
  }
  const rest = {
    perform,
    quick_agents: () => ['quick'],
    get: async () => null,
    list: async () => ['quick', 'slow'].map((name) => ({ name, capabilities: ['work'], retired: false })),
    capabilities: () => ({ work: 1 }),
  }
  return rest as unknown as Fleet
}
