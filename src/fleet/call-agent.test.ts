/** What of a call speaks against the health of its agent, and what against its task. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PerformContext } from '../agent-systems/agent-system.ts'
import { fail } from '../failure.ts'
import type { ModelEndpoint } from '../gateway/endpoint.ts'
import { agent, attempt, standIn, testFleet, until } from './stand-ins.ts'

/** More than a breaker wants to see. */
const CALLS = 12

const sameQuestion = {
  model: null,
  messages: [{ role: 'user' as const, content: 'Which port?' }],
  caller: { run: null, task: null, agent: null, purpose: 'task' as const },
}

/** Stands in for the models: whatever is asked, they look. */
const endpoint: ModelEndpoint = {
  open: ({ observer }) => {
    let call = 0
    observer?.granted((text) => text)
    return {
      complete: async ({ messages }) => {
        observer?.asked(++call, messages)
        observer?.answered(call, { text: 'I look.', tool_calls: [], model: 'host/m' })
        return fail('cancelled', 'nobody listens')
      },
      grant: async () => fail('unavailable', 'nobody asks from outside'),
      close: async () => null,
    }
  },
  handle: async () => new Response(null, { status: 404 }),
  announce: () => {},
  close: () => {},
}

/** Does this until it is told to stop. */
const during = (act: (context: PerformContext) => void) => async (_: unknown, context: PerformContext) => {
  const timer = setInterval(() => act(context), 5)
  await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()))
  clearInterval(timer)
  return fail('cancelled', 'stopped')
}
const streams = during(({ progress }) => progress({ kind: 'tokens', tokens: Math.round(performance.now()) }))
const repeats = during(({ complete }) => void complete?.(sameQuestion, { signal: new AbortController().signal }))
const keepsSilent = during(() => {})

const cases = [
  ['is silent until its time is over', keepsSilent, { timeout_ms: 60 }, 'timeout', 'silence', 'open'],
  ['works until the time of the task is over', streams, { timeout_ms: 60 }, 'timeout', undefined, 'closed'],
  ['goes in circles', repeats, {}, 'no_progress', 'same_call', 'closed'],
] as const

for (const [what, perform, more, kind, detector, state] of cases)
  test(`an agent that ${what}: its breaker is ${state}`, async (t) => {
    const agents = [agent('a', 'outside', { concurrency: CALLS })]
    const outside = standIn('outside', { perform })
    const { fleet, perform: ask } = await testFleet(t, [outside], {
      agents,
      pool: CALLS,
      ...(kind === 'no_progress' && { endpoint }),
    })
    const outcomes = await Promise.all(Array.from({ length: CALLS }, (_, n) => ask(attempt(`t${n}`, more))))
    for (const outcome of outcomes) {
      assert.ok(!outcome.ok)
      assert.deepEqual([outcome.failure.kind, outcome.finding?.detector], [kind, detector])
    }
    const seen = await fleet.get('a')
    assert.equal(seen?.breaker.state, state)
    // Its own results are what they are.
    assert.deepEqual([seen?.performance.n, seen?.performance.value], [CALLS, 0])
  })

test('an agent that is never done within its own time-out is too slow: its breaker opens', async (t) => {
  const agents = [agent('a', 'outside', { concurrency: CALLS, timeout: '500ms' })]
  const { fleet, clock, perform } = await testFleet(t, [standIn('outside', { perform: streams })], {
    agents,
    pool: CALLS,
  })
  const done = Array.from({ length: CALLS }, (_, n) => perform(attempt(`t${n}`)))
  await until(() => fleet.live('run_1').length === CALLS)
  clock.now += 500
  await Promise.all(done)
  assert.equal((await fleet.get('a'))?.breaker.state, 'open')
})

test('an agent that is not there has used nothing; of one that broke off nobody knows', async (t) => {
  const outside = (kind: 'unavailable' | 'agent_failed') => standIn(kind, { perform: async () => fail(kind, 'gone') })
  const { perform } = await testFleet(t, [outside('unavailable'), outside('agent_failed')], {
    agents: [agent('away', 'unavailable'), agent('breaks', 'agent_failed')],
  })
  const used = async (name: string) => {
    const outcome = await perform(attempt(name, { agent: name, fallback: [] }))
    assert.ok(!outcome.ok && outcome.agent === name)
    return outcome.usage
  }
  assert.deepEqual(await used('away'), { input_tokens: 0, output_tokens: 0, calls: 0 })
  assert.deepEqual(await used('breaks'), { input_tokens: null, output_tokens: null, calls: 1 })
})
