/**
 * The store that `bench/console.ts` looks at: 100,000 runs written through the store, the newest 1,000 of them with
 * their event logs, one run of 200 stages, and one in the middle of a loop with 10,000 events that a program started over it goes on with.
 */
import { openStore } from '../src/store/sqlite.ts'
import type { RunRow, Store } from '../src/store/store.ts'
import type { Definition } from '../src/workflow/definition.ts'
import type { RunEvent, RunInput } from '../src/workflow/event.ts'
import { feedCourse, newCourse } from '../src/workflow/fold.ts'
import { diceOf } from '../test/simulation/dice.ts'
import { answerOf, fill, oneRun } from './filled-store.ts'

const DAY = 86_400_000
const REAL = 1_000
const EVENTS = 10_000
const STAGES = 200
/** Runs created side by side. */
const BATCH = 500

/** `ticker` answers after a quarter of a second, so the long run changes some times a second for as long as one looks. */
export const consoleConfiguration = `models:
  ollama_url: http://127.0.0.1:1
  local:
    enabled: false
agents:
  - name: ticker
    type: execution
    system: command
    capabilities: [ticking]
    effect: none
    settings: { command: [sh, -c, "sleep 0.25; wc -c"], input: stdin }
`

const ticks: Definition = {
  apiVersion: 'quorate/v1',
  name: 'ticks',
  stages: [
    {
      id: 'again',
      kind: 'loop',
      max: 100_000,
      until: 'false',
      stages: [{ id: 'tick', kind: 'tasks', tasks: [{ id: 'count', agent: 'ticker', instructions: 'Count.' }] }],
    },
  ],
}
const idOf = (n: number): string => `step_${n}${n % 7 === 0 ? '_with_a_name_that_goes_on' : ''}`
const wide: Definition = {
  apiVersion: 'quorate/v1',
  name: 'two_hundred_stages',
  stages: Array.from({ length: STAGES }, (_, n) => ({
    id: idOf(n),
    kind: 'tasks' as const,
    needs: n < 5 ? [] : [idOf(n - 5)],
    tasks: [{ id: 'count', agent: 'ticker', instructions: 'Count.' }],
  })),
}

export const wideRun = 'run_01a00000-0000-7000-8000-000000000200'
export const longRun = 'run_01a00000-0000-7000-8000-000000010000'

/** Fills an empty data folder; `told` hears how far it is. */
export async function fillForConsole(data_dir: string, runs: number, told: (text: string) => void): Promise<void> {
  const opened = await openStore({ data_dir, namespace: 'default', now: Date.now })
  if (!opened.ok) throw new Error(opened.failure.message)
  const store = opened.value
  const now = Date.now()
  await rows(store, runs - REAL, now, told)
  told(`${REAL} runs with events: ${await fill(store, REAL, 7 * DAY)} events`)
  const { hash } = await store.definitions.put(wide, 'bench', 'of 200 stages')
  const given = { at: now - 60_000, goal: 'Go through 200 stages', hash, definition: wide, kind: 'workflow' as const }
  await oneRun(store, wideRun, { ...given, dice: diceOf(1) })
  told(`a run in the middle of its work: ${await unended(store, now)} events`)
  await store.close()
}

async function rows(store: Store, count: number, now: number, told: (text: string) => void): Promise<void> {
  const row = (i: number): RunRow => ({
    id: `run_${i.toString(16).padStart(8, '0')}-0000-7000-8000-000000000000`,
    kind: i % 10 === 3 ? 'swarm' : 'workflow',
    goal: `Research topic ${i} and write a brief with quotes about deployment ${i % 7}, then let three agents check it`,
    definition: null,
    definition_name: `plan_${i % 50}`,
    status: i % 9 === 0 ? 'failed' : i % 31 === 0 ? 'cancelled' : 'completed',
    reason: i % 9 === 0 ? 'stage check failed: the model server closed the connection' : 'done',
    parent: null,
    created_at: now - 90 * DAY + Math.floor((i / count) * 80 * DAY),
    started_at: now - 90 * DAY + Math.floor((i / count) * 80 * DAY),
    ended_at: now - 90 * DAY + Math.floor((i / count) * 80 * DAY) + 40_000,
    seq: 0,
    epoch: 0,
    mail: 0,
    input_tokens: 1_000 + (i % 700),
    output_tokens: i % 500,
    unknown_usage: 0,
    calls: i % 12,
  })
  for (let from = 0; from < count; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - from) }, (_, i) => store.runs.create(row(from + i), []))
    for (const made of await Promise.all(batch)) if (!made.ok) throw new Error(made.failure.message)
    if (from % 20_000 === 0) told(`${from} of ${count} rows`)
  }
}

async function unended(store: Store, now: number): Promise<number> {
  const { hash } = await store.definitions.put(ticks, 'bench', 'a loop')
  const dice = diceOf(2)
  const goal = 'Count again and again'
  const course = newCourse(longRun)
  const log: RunEvent[] = []
  const give = (input: RunInput) => log.push(...feedCourse(() => ticks, course, input).events)
  let at = now - 3_600_000
  give({ at, type: 'run_started', data: { goal, definition: hash, inputs: {}, by: 'bench' } })
  const first = log.length
  const row: RunRow = {
    ...{ id: longRun, kind: 'workflow', goal, definition: hash, definition_name: ticks.name },
    ...{ status: 'running', reason: '', parent: null, created_at: at, started_at: at, ended_at: null },
    ...{ seq: first, epoch: 0, mail: 0, input_tokens: 0, output_tokens: 0, unknown_usage: 0, calls: 0 },
  }
  while (log.length < EVENTS) {
    const step = [...course.owed.values()][0]
    if (step === undefined) break
    const answer = answerOf(step, dice, at)
    at = Math.max(at + 1, Math.min(now, answer.at - 2_000))
    give({ ...answer, at })
  }
  const { input_tokens, output_tokens, unknown_usage, calls } = course.state.totals
  const made = await store.runs.create(row, log.slice(0, first))
  if (!made.ok) throw new Error(made.failure.message)
  for (let from = first; from < log.length; from += 500)
    await store.events.append([
      {
        run: longRun,
        epoch: 0,
        events: log.slice(from, from + 500),
        row: { status: 'running', input_tokens, output_tokens, unknown_usage, calls },
      },
    ])
  return log.length
}
