import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Finding } from '../progress/finding.ts'
import type { AttemptRecord } from '../progress/record.ts'
import { slowness } from '../progress/slowness.ts'
import { agent, attempt, performed, standIn, testFleet, until } from './stand-ins.ts'
import { agentTimes, type Watch, watchAttempt } from './watch-attempt.ts'

const watch = (silence: number, times = agentTimes()): { watch: Watch; found: Finding[] } => {
  const found: Finding[] = []
  const options = { times, evidence: null, silence, timeout: 60_000 }
  return { found, watch: watchAttempt({ ...options, found: (finding) => found.push(finding) }) }
}
const asks = [{ role: 'user', content: 'Which port?' }]

describe('a watch', () => {
  test('finds a stream that stalls by its own timer, and says what it saw', async () => {
    const { watch: it, found } = watch(120)
    it.observer.granted((text) => text)
    it.observer.asked(1, asks)
    it.observer.streamed(1)
    await until(() => found.length > 0)
    assert.equal(found[0]?.detector, 'stalled_stream')
    assert.equal(found[0]?.evidence['limit_ms'], 120)
    const record = found[0]?.observed as AttemptRecord | undefined
    assert.equal(record?.quiet.phase, 'stream')
  })

  test('speaks once, and not after its end', async () => {
    const first = watch(100)
    first.watch.progress({ kind: 'tokens', tokens: 1 })
    await until(() => first.found.length > 0)
    first.watch.progress({ kind: 'tokens', tokens: 2 })
    for (let n = 0; n < 10; n++) first.watch.observer.asked(n, asks)
    const ended = watch(100)
    ended.watch.progress({ kind: 'tokens', tokens: 1 })
    ended.watch.end(true)
    const later = watch(150)
    later.watch.progress({ kind: 'tokens', tokens: 1 })
    await until(() => later.found.length > 0)
    assert.deepEqual([first.found.length, ended.found.length], [1, 0])
  })

  test('doubles the limit of an agent that it ended, until that has shown that it works', async () => {
    const times = agentTimes()
    const limits: unknown[] = []
    for (let n = 0; n < 2; n++) {
      const { watch: it, found } = watch(100, times)
      it.progress({ kind: 'tokens', tokens: 1 })
      await until(() => found.length > 0)
      limits.push(found[0]?.evidence['limit_ms'])
    }
    assert.deepEqual(limits, [100, 200])
    const { watch: it } = watch(100, times)
    it.end(true)
    assert.equal(times.doubts('stream'), 0)
  })

  test('finds a loop when its step is complete, without a timer', () => {
    const { watch: it, found } = watch(60_000)
    it.observer.granted((text) => text)
    for (let turn = 0; turn < 5; turn++) {
      it.observer.asked(turn, asks)
      it.observer.answered(turn, { text: 'I look.', tool_calls: [], model: 'host/m' })
    }
    assert.equal(found[0]?.detector, 'same_call')
    it.end(false)
  })
})

describe('in the fleet', () => {
  test('an attempt without a sign of life is ended: kind, evidence, what else could be tried; its place is free', async (t) => {
    const hangs = standIn('hangs', { held: true })
    const other = standIn('other')
    const agents = [agent('stuck', 'hangs', { concurrency: 1 }), agent('helper', 'other')]
    const { fleet, perform } = await testFleet(t, [hangs, other], { agents, silence_ms: 100 })
    const done = perform(attempt('s/t', { agent: 'stuck' }))
    await until(() => hangs.calls.length === 1)
    hangs.calls[0]?.context.progress({ kind: 'tokens', tokens: 3 })
    const outcome = await done
    assert.ok(!outcome.ok)
    assert.equal(outcome.failure.kind, 'no_progress')
    assert.match(outcome.failure.message, /stuck was ended: no sign of life for .* since the last token/)
    assert.equal(outcome.retryable, true)
    assert.equal(outcome.finding?.detector, 'stalled_stream')
    assert.equal(outcome.finding?.evidence['tokens'], 3)
    assert.deepEqual(outcome.could, { other_model: null, other_agent: true })
    assert.equal(hangs.calls[0]?.context.signal.aborted, true)
    assert.equal(fleet.load().in_flight, 0)
    assert.equal(fleet.stats().agents.find((each) => each.agent === 'stuck')?.failed.no_progress, 1)
  })

  test('a run that holds all places of an agent gives one back to a run that waits; the call counts as no failure', async (t) => {
    const slow = standIn('slow', { held: true })
    const { fleet, clock, perform } = await testFleet(t, [slow], {
      agents: [agent('only', 'slow', { concurrency: 2 })],
    })
    const greedy = [perform(attempt('s/1', { run: 'run_1' })), perform(attempt('s/2', { run: 'run_1' }))]
    await until(() => slow.calls.length === 2)
    const modest = perform(attempt('s/3', { run: 'run_2' }))
    await until(() => fleet.load().queued === 1)
    clock.now += 60_000
    const given_back = await Promise.race(greedy)
    assert.ok(!given_back.ok && given_back.retryable)
    assert.deepEqual([given_back.failure.kind, given_back.finding?.detector], ['busy', 'lease'])
    await until(() => slow.calls.length === 3)
    for (const call of slow.calls) call.end({ ok: true, value: performed('done') })
    const [one, two, three] = await Promise.all([...greedy, modest])
    assert.deepEqual([one?.ok, two?.ok, three?.ok], [true, false, true])
    assert.equal(fleet.stats().agents[0]?.failed.busy, undefined)
  })

  test('a time-out says how long it had been silent', async (t) => {
    const hangs = standIn('hangs', { held: true })
    const { perform } = await testFleet(t, [hangs], { agents: [agent('stuck', 'hangs')] })
    const outcome = await perform(attempt('s/t', { timeout_ms: 100 }))
    assert.ok(!outcome.ok)
    assert.equal(outcome.failure.kind, 'timeout')
    assert.equal(outcome.finding?.detector, 'silence')
  })
})

test('what is slow for its agent is said at the end of the attempt, once it is known what is usual', () => {
  const times = agentTimes()
  const pace = (mean: number) => slowness(times.worked([{ phase: 'first_token', mean }]))
  assert.equal(pace(4_000), null)
  for (let n = 0; n < 40; n++) assert.equal(pace(20), null)
  assert.equal(pace(140), null, 'too little to mind')
  const slow = pace(5_000)
  assert.equal(slow?.detector, 'slow')
  const both = [20, 900].map((mean) => ({ phase: 'stream' as const, mean }))
  for (let n = 0; n < 5; n++) times.worked(both.slice(0, 1))
  const one_answer = times.worked([{ phase: 'first_token', mean: 20 }, ...both.slice(1)])
  assert.equal(slowness(one_answer), null, 'a single answer that took its time')
  assert.match(slow?.message ?? '', /5000 ms until the first token, where \d+ ms are usual/)
})
