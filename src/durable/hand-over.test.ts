/**
 * Signals at the very moment at which a run is opened, goes on or parks: the store is held just where a segment looks into
 * the inbox, or stores events, and the signal is put there. `--seeds=N` says how many runs, each with other moments.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { diceOf } from '../../test/simulation/dice.ts'
import type { Store } from '../store/store.ts'
import type { Definition } from '../workflow/definition.ts'
import { replay } from '../workflow/replay.ts'
import { openTestShell, type TestShell } from './stand-ins.ts'

const SEEDS = Number(process.argv.find((argument) => argument.startsWith('--seeds='))?.slice(8) ?? 48)
const AT_ONCE = 12

/** What happens to each run when the store is touched for the nth time: set by the test, gone when it was used. */
const moments = new Map<string, { touched: number; at: Map<number, { after: boolean; act: () => Promise<void> }> }>()

async function touch<T>(run: string, work: () => Promise<T>): Promise<T> {
  const moment = moments.get(run)
  if (moment === undefined) return work()
  const strike = moment.at.get(++moment.touched)
  if (strike?.after === false) await strike.act()
  const value = await work()
  if (strike?.after === true) await strike.act()
  return value
}

const struck = (store: Store): Store => ({
  ...store,
  inbox: { ...store.inbox, read: (run, n, limit) => touch(run, () => store.inbox.read(run, n, limit)) },
  events: {
    ...store.events,
    append: (batches) => touch(batches[0]?.run ?? '', () => store.events.append(batches)),
  },
})

let shell: TestShell
before(async () => {
  shell = await openTestShell({ around_store: struck })
})
after(() => shell.close())

/** Work beside stages that wait for one signal after another; when it is done, the run parks before each signal. */
const definition = (signals: number, rounds: number, agent: string): Definition => ({
  apiVersion: 'quorate/v1',
  name: 'hand_over',
  stages: [
    {
      id: 'work',
      kind: 'loop',
      needs: [],
      max: rounds,
      until: 'false',
      stages: [{ id: 'step', kind: 'tasks', tasks: ['a', 'b'].map((id) => ({ id, agent, instructions: 'Do it.' })) }],
    },
    ...Array.from({ length: signals }, (_, i) => ({
      id: `wait_${i}`,
      kind: 'wait' as const,
      needs: i === 0 ? [] : [`wait_${i - 1}`],
      signal: 'go',
      timeout: '1h',
    })),
  ],
  output: Object.fromEntries(Array.from({ length: signals }, (_, i) => [`w${i}`, `=wait_${i}.output`])),
})

async function one(seed: number): Promise<{ at_moments: number; slowest_ms: number }> {
  const dice = diceOf(seed)
  const signals = dice.between(2, 6)
  const used = definition(signals, dice.between(2, 6), dice.one(['quick', 'slow']))
  const { hash } = await shell.store.definitions.put(used, 'test', '')
  const run = `run_00000000-0000-7000-8000-${String(seed).padStart(12, '0')}`
  const sent: number[] = []
  let sending = Promise.resolve()
  let n = 0
  const send = (): Promise<void> => {
    sending = sending.then(async () => {
      if (n >= signals) return
      const data = ++n
      sent[data] = Date.now()
      // Every other one twice, as a client does that got no answer: one eid, one signal.
      for (let again = 0; again <= data % 2; again++)
        assert.ok(
          (
            await shell.runs.send(run, `signal-${data}`, {
              type: 'signal_received',
              data: { name: 'go', data, by: 'test' },
            })
          ).ok,
        )
    })
    return sending
  }
  const at = new Map<number, { after: boolean; act: () => Promise<void> }>()
  for (let i = 0; i < signals - 1; i++) at.set(dice.between(1, 14), { after: dice.chance(0.5), act: send })
  const moment = { touched: 0, at }
  moments.set(run, moment)
  const started = await shell.runs.start({
    kind: 'workflow',
    goal: null,
    definition: hash,
    inputs: {},
    by: 'test',
    run,
  })
  assert.ok(started.ok)
  await shell.until(run, (event) => event.type === 'stage_finished' && event.data.stage === 'work')
  // Alone with its signals the run parks again and again: each comes while it looks for the one before, or stores it.
  moment.touched = 0
  moment.at = new Map(Array.from({ length: 20 }, (_, i) => [i + 1, { after: dice.chance(0.5), act: send }]))
  await send()
  const events = await shell.ended(run)

  const received = events.flatMap((event) => (event.type === 'signal_received' ? [event] : []))
  assert.deepEqual(
    received.map((event) => event.data.data),
    Array.from({ length: signals }, (_, i) => i + 1),
    'each signal once, in the order in which they were sent',
  )
  const end = events.at(-1)
  assert.ok(end?.type === 'run_finished' && end.data.status === 'completed')
  assert.deepEqual(end.data.output, Object.fromEntries(Array.from({ length: signals }, (_, i) => [`w${i}`, i + 1])))
  assert.deepEqual(
    events.map((event) => event.seq),
    events.map((_, i) => i + 1),
  )
  assert.ok(replay(events, () => used).identical)
  for (const [call, times] of shell.calls)
    if (call.startsWith(run)) assert.equal(times, 1, `${call} was called ${times} times`)
  // `at` of a signal is when it was accepted; the event after it was written when it was fed.
  moments.delete(run)
  return { at_moments: n - 1, slowest_ms: Date.now() - (sent[signals] ?? 0) }
}

test(`${SEEDS} runs with signals while it is opened, goes on or parks: none lost, none doubled, order kept`, async (t) => {
  const began = Date.now()
  let next = 1
  let at_moments = 0
  let slowest = 0
  const worker = async (): Promise<void> => {
    while (next <= SEEDS) {
      const seed = next++
      try {
        const done = await one(seed)
        at_moments += done.at_moments
        slowest = Math.max(slowest, done.slowest_ms)
      } catch (error) {
        throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  t.diagnostic(
    `${at_moments} signals put at a moment; the last signal of a run to its end: ${slowest} ms at most; ${Math.round((Date.now() - began) / SEEDS)} ms a run`,
  )
  assert.ok(at_moments > SEEDS, 'most signals came at a chosen moment')
})
